"""A trained model in, a complete Hub repository out."""
