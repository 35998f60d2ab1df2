"""Experiments on validation splits that led to decisions about the product: scripts, and their results beside them."""
