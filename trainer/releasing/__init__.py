"""Writing a trained model as a complete Hub repository, and pushing it."""
