"""Vectors on disk, and the nearest among them."""
