"""SIGTERM at any moment in, a checkpoint at the end of the running step and an orderly end out.

Schedulers end jobs with SIGTERM and some seconds of grace. The handler only takes a note; at the end of the optimizer
step all processes agree whether any of them got it, save a checkpoint together and stop. Before training there is
nothing to save and the process ends at once. Send the signal to train.py itself, to torchrun (which passes it on) or
to the whole process group, as Slurm does: `accelerate launch` of one process does not pass it on.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

import torch
from accelerate import Accelerator
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

EXIT_CODE = 128 + signal.SIGTERM


class StopOnSignal(TrainerCallback):
    """Save and stop after SIGTERM; `stopped` says that it happened."""

    def __init__(self, accelerator: Accelerator) -> None:
        """Take what lets processes agree."""
        self.accelerator = accelerator
        self.noted = self.stopped = False
        self._former: Any = signal.SIG_DFL

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Take over the signal."""
        self._former = signal.signal(signal.SIGTERM, self._note)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Ask all processes, then save and stop."""
        flag = torch.tensor(int(self.noted), device=self.accelerator.device)
        if self.accelerator.num_processes > 1:
            flag = self.accelerator.reduce(flag, reduction="sum")
        self.stopped = bool(flag)
        if self.stopped:
            control.should_save = control.should_training_stop = True

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Give the signal back; one that came after the last step is delivered now."""
        signal.signal(signal.SIGTERM, self._former)
        if self.noted and not self.stopped:
            os.kill(os.getpid(), signal.SIGTERM)

    def _note(self, *_: Any) -> None:
        self.noted = True


def start_worker(former: Callable[[int], None] | None, worker: int) -> None:
    """A data loader's `worker_init_fn` whose worker outlives a SIGTERM to the process group.

    The main process still needs its workers for the running step, and ends them when it ends.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if former is not None:
        former(worker)
