"""What was tried on validation splits before it became part of the product: scripts, and their figures beside them."""
