"""Processes that take turns: work and what it needs in, values out; what breaks one of them is noted, not raised."""

import sys
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import Any

from benchmarks.speed.arms import measure_pass
from benchmarks.speed.workloads import Sample


class Machine:
    """One process a way, and what went wrong in them."""

    def __init__(self, device: str, stack: ExitStack, shared_process: bool = False) -> None:
        """Start with no process; those to come end with `stack`. If it is shared, there is this process alone."""
        self.device, self.stack, self.shared_process = device, stack, shared_process
        self.left_out: dict[str, str] = {}  # what -> why it cannot be had here
        self.failed: dict[str, str] = {}  # what -> what broke

    def start(self) -> Executor:
        """Start a process, or a thread of this one."""
        if self.shared_process:
            return self.stack.enter_context(ThreadPoolExecutor(1))
        return self.stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))

    def ask(self, worker: Executor, what: str, work: Callable[..., Any], *arguments: Any) -> Any:
        """Let a process work: the value, or None when that failed, which is noted."""
        try:
            return worker.submit(work, *arguments).result()
        except Exception as error:  # whatever breaks one way must not cost the figures of the others
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            (self.left_out if isinstance(error, ImportError | ValueError) else self.failed)[what] = reason
            sys.stderr.write(f"inference_throughput.py: {what}: {reason}\n")
            return None


def take_turns(
    machine: Machine,
    workers: dict[str, Executor],
    model: tuple[str, str],
    sample: Sample,
    rounds: int,
    seconds: float,
) -> dict[str, list[dict[str, Any]]]:
    """Let every way embed a sample, in turns; a way that fails leaves `workers`.

    Args:
        machine: Where they run.
        workers: A process for each way.
        model: Its name and its folder.
        sample: What to embed.
        rounds: How many turns each has.
        seconds: How long each turn lasts at least.
    """
    name, folder = model
    passes: dict[str, list[dict[str, Any]]] = {arm: [] for arm in workers}
    for _ in range(rounds):
        for arm in list(workers):
            what = f"{name}, {arm}, {sample.workload}"
            done = machine.ask(
                workers[arm], what, measure_pass, arm, folder, machine.device, sample.sequences, seconds
            )
            if done is None:
                del workers[arm], passes[arm]
            else:
                passes[arm].append(done)
    return passes
