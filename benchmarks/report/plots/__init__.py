"""Results and embeddings in, pictures out."""
