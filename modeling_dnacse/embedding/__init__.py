"""Sequences in, vectors out: by tokens, windows and batches."""
