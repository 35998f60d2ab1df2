"""Measure what a piece of work costs: wall seconds, CPU seconds and peak memory, including the tools that it starts.

A process has a single high-water mark of memory, and every measurement resets it. Measurements may be nested, so each
one under way keeps the peak that it has seen (`count_memory`). Memory of earlier work can be counted in the same way.
"""

import contextlib
import re
import resource
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch

Value = TypeVar("Value")
SAMPLES = 0.05  # seconds between two looks at the memory of child processes
UNDER_WAY: list[dict[str, float]] = []  # the peaks so far of the measurements that run, the outermost first


@dataclass
class Spent:
    """What a method's own work has cost so far: embedding, searching, classifying, clustering."""

    sequences: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0

    def add(self, sequences: int, wall: float, cpu: float) -> None:
        """Add the cost of some sequences."""
        self.sequences += sequences
        self.wall_seconds += wall
        self.cpu_seconds += cpu

    def since(self, earlier: "Spent") -> dict[str, float]:
        """What was added since an earlier copy of this."""
        return {
            "sequences": self.sequences - earlier.sequences,
            "wall_seconds": round(self.wall_seconds - earlier.wall_seconds, 2),
            "cpu_seconds": round(self.cpu_seconds - earlier.cpu_seconds, 2),
        }


def metered(ability: Callable[..., Value], spent: Spent) -> Callable[..., Value]:
    """Make an ability of a method add its cost and the number of sequences that it was given, references included."""
    return partial(call_metered, ability, spent)


def call_metered(ability: Callable[..., Value], spent: Spent, *arguments: Any, **settings: Any) -> Value:
    """Call an ability and add its cost."""
    wall, cpu = time.perf_counter(), cpu_time()
    value = ability(*arguments, **settings)
    sequences = sum(len(argument) for argument in arguments[:2])
    spent.add(sequences, time.perf_counter() - wall, cpu_time() - cpu)
    return value


def measure(work: Callable[[], Value]) -> tuple[Value, dict[str, float]]:
    """Do the work.

    Returns:
        Its value and its costs: wall_seconds, cpu_seconds (all threads, and child processes that ended), the peaks of
        `watch_memory`, and children_peak_memory_mb, that of the largest child process (Linux only, sampled; 0 where
        there was none).

    >>> value, costs = measure(lambda: 6 * 7)
    >>> value, sorted(costs)
    (42, ['children_peak_memory_mb', 'cpu_seconds', 'peak_memory_mb', 'wall_seconds'])
    """
    with watch_memory() as peaks, watch_children() as largest:
        wall, cpu = time.perf_counter(), cpu_time()
        value = work()
        wall, cpu = time.perf_counter() - wall, cpu_time() - cpu
    times = {"wall_seconds": round(wall, 2), "cpu_seconds": round(cpu, 2)}
    return value, times | peaks | {"children_peak_memory_mb": largest[0]}


@contextlib.contextmanager
def watch_memory() -> Iterator[dict[str, float]]:
    """Take the peaks of memory meanwhile.

    Yields:
        What is filled in by the end: peak_memory_mb, the largest resident memory of this process (off Linux: since it
        started), and where CUDA is in use gpu_memory_mb, the largest sum of tensors on one device.
    """
    count_memory(memory_marks())
    peaks: dict[str, float] = {}
    UNDER_WAY.append(peaks)
    with contextlib.suppress(OSError):  # Linux: reset the high-water mark, or a model inherits the last one's
        Path("/proc/self/clear_refs").write_text("5")
    for device in cuda_devices():
        torch.cuda.reset_peak_memory_stats(device)
    try:
        yield peaks
    finally:
        count_memory(memory_marks())
        UNDER_WAY.pop()


def count_memory(peaks: Mapping[str, float]) -> None:
    """Let all measurements under way count memory that was in use, now or when something that is kept was made."""
    for seen in UNDER_WAY:
        seen.update({name: max(peak, seen.get(name, 0.0)) for name, peak in peaks.items()})


def memory_marks() -> dict[str, float]:
    """The high-water marks in MB, as `watch_memory` names them."""
    tensors = [torch.cuda.max_memory_allocated(device) for device in cuda_devices()]
    return {"peak_memory_mb": peak_memory()} | ({"gpu_memory_mb": round(max(tensors) / 2**20, 1)} if tensors else {})


def cuda_devices() -> range:
    """The CUDA devices, none as long as this process uses none."""
    return range(torch.cuda.device_count() if torch.cuda.is_initialized() else 0)


def cpu_time() -> float:
    """CPU seconds of this process and of its children that ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_memory() -> float:
    """This process's high-water mark of resident memory in MB."""
    return high_water(Path("/proc/self/status")) or round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def high_water(status: Path) -> float:
    """High-water mark of resident memory in MB by a status file of Linux; 0 where there is none."""
    with contextlib.suppress(OSError):  # not Linux, or a process that ended meanwhile
        if peak := re.search(r"VmHWM:\s+(\d+) kB", status.read_text()):
            return round(int(peak[1]) / 1024, 1)
    return 0.0


def child_processes() -> set[str]:
    """Numbers of this process's children; none where the system is not Linux."""
    found: set[str] = set()
    for children in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread may end meanwhile
            found |= set(children.read_text().split())
    return found


@contextlib.contextmanager
def watch_children() -> Iterator[list[float]]:
    """Look at child processes every `SAMPLES` seconds.

    The system's own figure (`ru_maxrss` of children) cannot be had: it starts at the memory of the process that
    starts them, which here holds torch. For the same reason a child that is still a copy of this process, by its
    command line, does not count. Nor does one that was there before, such as multiprocessing's resource tracker.

    Yields:
        One number, the largest high-water mark of a child in MB so far.
    """
    largest, done = [0.0], threading.Event()
    own, before = Path("/proc/self/cmdline"), child_processes()

    def look() -> None:
        while not done.wait(SAMPLES):
            for child in child_processes() - before:
                with contextlib.suppress(OSError):  # it may end meanwhile
                    # asked before the memory: what is another program by then will not be a copy again
                    if Path("/proc", child, "cmdline").read_bytes() != own.read_bytes():
                        largest[0] = max(largest[0], high_water(Path("/proc", child, "status")))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield largest
    finally:
        done.set()
        watcher.join()
