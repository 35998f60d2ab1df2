"""Stop on one of SIGNALS: a signal at any moment in, a checkpoint at the end of the step and an orderly exit out.

Schedulers end jobs with SIGTERM and a few seconds of grace, Slurm's --signal=USR1 with SIGUSR1; a terminal that is
closed sends SIGHUP. The handler only sets a flag. At the end of the optimizer step, all processes agree whether any of
them got the signal, save a checkpoint together, and stop. If a validation is due, it is completed first, since it
decides which checkpoint is the best; --max_validation_pairs bounds its time.
Before training there is nothing to save, and the process ends at once. Send the signal to train.py itself, to
torchrun, which passes it on, or to the whole process group, as Slurm does. `accelerate launch` of one process does not
pass it on.
"""

import copy
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.context import ForkProcess, ForkServerProcess, SpawnProcess
from typing import Any

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGXCPU)


class StopOnSignal(TrainerCallback):
    """Save and stop after one of SIGNALS; `stopped` says whether that happened."""

    def __init__(self, accelerator: Accelerator) -> None:
        """Take the accelerator, through which processes agree."""
        self.accelerator = accelerator
        self.noted = 0  # the signal
        self.stopped = False
        self._former: dict[signal.Signals, Any] = {}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Install the handler; a signal that is ignored, such as SIGHUP under nohup, stays ignored."""
        heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._former = {number: signal.signal(number, self._note) for number in heeded}

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Ask all processes, then save and stop."""
        self.stopped = self.noted > 0
        if self.accelerator.num_processes > 1:
            noted: Any = torch.tensor(int(self.stopped), device=self.accelerator.device)
            self.stopped = bool(self.accelerator.reduce(noted, reduction="sum"))
        if self.stopped:
            control.should_save = control.should_training_stop = True

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Restore the former handler; deliver a signal that came after the last step."""
        for number, former in self._former.items():
            signal.signal(number, former)
        if self.noted and not self.stopped:
            os.kill(os.getpid(), self.noted)

    @property
    def name(self) -> str:
        """The signal; SIGTERM where another process got it."""
        return signal.Signals(self.noted or signal.SIGTERM).name

    @property
    def code(self) -> int:
        """The exit code, as shells give it."""
        return 128 + (self.noted or signal.SIGTERM)

    def _note(self, number: int, _: Any) -> None:
        self.noted = number


class _StartsBlocked:
    """A process that starts with SIGNALS blocked, so that none ends it before `_start_worker` runs in it."""

    def start(self) -> None:
        former = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            super().start()  # pyright: ignore[reportAttributeAccessIssue] start() of the process class
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, former)


class _Fork(_StartsBlocked, ForkProcess):
    pass


class _ForkServer(_StartsBlocked, ForkServerProcess):
    pass


class _Spawn(_StartsBlocked, SpawnProcess):
    pass


def leave_signals_to_main_process(loader: DataLoader) -> None:
    """Let the workers of `loader` obey SIGTERM only from the main process (on Linux).

    A signal to the whole process group would otherwise end the workers, and thus stop the main process with an error
    before the running step is over. A worker that ignored all signals would never end.
    """
    if loader.num_workers and sys.platform == "linux":
        context: Any = copy.copy(loader.multiprocessing_context or multiprocessing.get_context())
        context.Process = {"fork": _Fork, "forkserver": _ForkServer, "spawn": _Spawn}[context.get_start_method()]
        loader.multiprocessing_context = context
        loader.worker_init_fn = partial(_start_worker, loader.worker_init_fn)


def _start_worker(former: Callable[[int], None] | None, worker: int) -> None:
    threading.Thread(target=_end_when_told_by_parent, daemon=True).start()
    if former is not None:
        former(worker)


def _end_when_told_by_parent() -> None:
    parent: Any = multiprocessing.parent_process()  # getppid() of a fork server's child is the server
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent.pid:
        pass
    os._exit(0)
