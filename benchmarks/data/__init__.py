"""Labelled data in, splits out; and the scripts that make such data."""
