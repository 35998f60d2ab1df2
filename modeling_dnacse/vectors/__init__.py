"""Vectors on disk, and nearest-neighbour search among vectors."""
