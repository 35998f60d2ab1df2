"""What is evaluated: networks, k-mer baselines and alignment tools behind one interface."""
