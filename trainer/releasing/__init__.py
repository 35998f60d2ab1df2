"""Write a trained model as a complete Hub repository, and push it."""
