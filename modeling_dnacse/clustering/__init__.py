"""Vectors in, groups out: species-like clusters and genome bins."""
