"""How records become pairs, and pairs become batches."""
