"""Models in closed form: what they are made of, and how a library gets one of its own."""
