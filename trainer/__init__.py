"""Contrastive curriculum training: pairs, losses, curriculum, Trainer. Run from a checkout, never in the wheel."""
