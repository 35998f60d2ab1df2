"""What a piece of work costs: wall seconds, CPU seconds and peak memory."""

import contextlib
import re
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")


def measure(work: Callable[[], Value]) -> tuple[Value, dict[str, float]]:
    """Do the work.

    Returns:
        Its value and its costs: wall_seconds, cpu_seconds (all threads) and peak_memory_mb, the largest resident
        memory of the whole process meanwhile (off Linux: since the process started).

    >>> value, costs = measure(lambda: 6 * 7)
    >>> value, sorted(costs)
    (42, ['cpu_seconds', 'peak_memory_mb', 'wall_seconds'])
    """
    with contextlib.suppress(OSError):  # Linux: start the high-water mark anew, or a model inherits the last one's
        Path("/proc/self/clear_refs").write_text("5")
    wall, cpu = time.perf_counter(), time.process_time()
    value = work()
    costs = {
        "wall_seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_memory_mb": peak_memory(),
    }
    return value, costs


def peak_memory() -> float:
    """The process's high-water mark of resident memory in MB."""
    status = Path("/proc/self/status")
    if status.exists() and (peak := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return round(int(peak[1]) / 1024, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
