"""Species-aware DNA embeddings."""
