"""Tasks that train a classifier on labelled sequences and score it on others."""
