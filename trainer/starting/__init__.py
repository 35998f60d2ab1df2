"""What the closed-form start of an encoder is made of."""
