"""Sequences in, one vector each out: tokens, windows and batches on the way."""
