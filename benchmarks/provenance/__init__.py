"""What a result records about its making: costs and fingerprints."""
