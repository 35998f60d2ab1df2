"""Code that several tasks share: queries, altered sequences, metrics and their intervals."""
