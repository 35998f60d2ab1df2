"""The randomness of training: torch's global generator inside the model, generators seeded by the step outside.

The latter depend only on the seed, the step and the process, so nothing has to be saved: a resumed run gets the same
numbers as an uninterrupted one, with any number of workers. Each process saves its global generator with a checkpoint.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

LAYER, PARTNERS, SUBSTITUTION, MASKING = range(1, 5)  # purposes of random numbers


@dataclass(frozen=True)
class StepRandomness:
    """Makes the generators of one micro-batch on one process."""

    seed: int
    step: int
    micro_step: int
    process: int

    def shared(self, purpose: int, *key: int) -> np.random.Generator:
        """A generator that is the same on all processes."""
        return np.random.default_rng((self.seed, self.step, self.micro_step, purpose, *key))

    def of_process(self, purpose: int, device: torch.device) -> torch.Generator:
        """A generator of this process, on a device."""
        seed = int(self.shared(purpose, self.process).integers(2**63))
        return torch.Generator(device).manual_seed(seed)


class SeedProcess(TrainerCallback):
    """Seed each process differently; Trainer gives all the same seed, so that they would share their dropout masks."""

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Seed; Trainer restores the state of a resumed run after this."""
        torch.manual_seed(args.seed + args.process_index)
