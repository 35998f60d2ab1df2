"""Maps of embeddings: vectors and names in, a page or a picture of points out."""
