"""A labelled library and queries in; names, their probabilities and what is new out."""
