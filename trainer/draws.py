"""The randomness of a training step outside the model, as a function of where in the run it is.

Nothing has to be saved: a resumed run, with any number of workers, draws what the uninterrupted one would have drawn.
"""

from dataclasses import dataclass

import numpy as np
import torch

LAYER, PARTNERS, SUBSTITUTION, MASKING = range(1, 5)  # what a draw is for


@dataclass(frozen=True)
class Draws:
    """The generators of one micro-batch on one process."""

    seed: int
    step: int
    micro_step: int
    process: int

    def rng(self, purpose: int, *key: int) -> np.random.Generator:
        """A generator that all processes share."""
        return np.random.default_rng((self.seed, self.step, self.micro_step, purpose, *key))

    def generator(self, purpose: int, device: torch.device) -> torch.Generator:
        """A generator of this process, on a device."""
        seed = int(self.rng(purpose, self.process).integers(2**63))
        return torch.Generator(device).manual_seed(seed)
