"""Sequence files in, checked records with their labels out."""
