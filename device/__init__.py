"""What runs once on a machine with a GPU, and what prepares, rehearses and collects it."""
