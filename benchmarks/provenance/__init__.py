"""What a result says of how it came about: costs and fingerprints."""
