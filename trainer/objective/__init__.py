"""A batch of pairs in, the terms of the loss and their gradient out."""
