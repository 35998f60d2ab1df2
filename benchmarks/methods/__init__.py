"""What is evaluated: networks, k-mer baselines and alignment tools with one interface."""
