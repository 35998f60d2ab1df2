"""The Trainer, its curriculum, checkpoints and log."""
