"""The randomness of training: in the model torch's global generator, outside it a function of the place in the run.

Of the latter nothing has to be saved: a resumed run, with any number of workers, draws what the uninterrupted one
would have drawn. The global generator is saved with the checkpoints, by each process.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

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


class SeedProcess(TrainerCallback):
    """Give each process a global generator of its own; Trainer seeds all alike, so dropout would fall alike in all."""

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Seed; a resumed run is put into its saved state after this."""
        torch.manual_seed(args.seed + args.process_index)
