"""Run ways to embed in turns, each in a process of its own; an error in one of them is noted, not raised."""

import sys
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

from benchmarks.speed.arms import measure_pass
from modeling_dnacse.loading.checkpoints import reason_of


class Workers:
    """One process per way, all with the same model; a context that ends them.

    Attributes:
        running: Way -> its process. A way that fails leaves it.
        notes: `not_measured`, what this machine lacks, and `failed`, what broke: what -> why.
    """

    def __init__(
        self, ways: Sequence[str], folder: str, device: str, notes: dict[str, dict[str, str]], shared: bool = False
    ) -> None:
        """Start a process for each way to embed, or threads of this process where it is `shared`."""
        self.folder, self.device, self.notes = folder, device, notes
        self.running: dict[str, Executor] = {
            way: ThreadPoolExecutor(1) if shared else ProcessPoolExecutor(1, mp_context=get_context("spawn"))
            for way in ways
        }

    def __enter__(self) -> "Workers":
        """The processes themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        for worker in self.running.values():
            worker.shutdown()

    def take_turns(
        self, what: str, sequences: Sequence[str], rounds: int, seconds: float
    ) -> dict[str, list[dict[str, Any]]]:
        """Let every way embed the sequences, for `seconds` at least, in each of the rounds.

        Args:
            what: Model and workload, as notes call them.
            sequences: To embed.
            rounds: How many turns each way has.
            seconds: How long each turn lasts at least.

        Returns:
            Way -> what `measure_pass` gave in each round.
        """
        passes: dict[str, list[dict[str, Any]]] = {way: [] for way in self.running}
        for _ in range(rounds):
            for way, worker in list(self.running.items()):
                try:
                    done = worker.submit(measure_pass, way, self.folder, self.device, sequences, seconds).result()
                    passes[way].append(done)
                except Exception as error:  # an error in one way must not prevent the figures of the others
                    reason = reason_of(error)
                    lacking = isinstance(error, ImportError | ValueError)
                    self.notes["not_measured" if lacking else "failed"][f"{way}, {what}"] = reason
                    sys.stderr.write(f"inference_throughput.py: {way}, {what}: {reason}\n")
                    worker.shutdown()
                    del self.running[way], passes[way]
        return passes
