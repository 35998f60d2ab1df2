"""Records in, batches of pairs of views out."""
