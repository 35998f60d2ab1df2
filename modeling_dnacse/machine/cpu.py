"""CPU settings, which a command makes once before it computes; `embed` leaves them to its caller.

- Threads: --threads of the commands takes precedence, then OMP_NUM_THREADS. Otherwise torch uses all cores that it
  sees, and in a container it sees those of the machine: with a quota of 4 out of 64 cores, 64 threads would wait for
  each other. The quota is read from the control group, version 2 or 1.
- Waiting: OpenMP's threads spin while they wait for each other, which takes CPU time from other programs: beside ten
  other processes on two cores, identifying 2,000 barcodes took 116 s (107 CPU seconds), and 33 s (29) with threads
  that sleep. So the commands set OMP_WAIT_POLICY to PASSIVE, unless the user did, before they import torch, which
  reads it once.
- Denormals: on many processors, arithmetic is much slower on numbers below 1e-38, such as the attention weights of
  tokens that are far apart under ALiBi. They are taken as 0. torch's threads inherit this setting when they start, so
  it is made before the first computation. (On an AMD EPYC neither a matrix product nor the encoder gains.)
"""

import os
from pathlib import Path

import torch


def prepare_cpu(threads: int | None = None) -> None:
    """Set the number of threads, and take denormals as 0, in this process."""
    torch.set_flush_denormal(True)
    if threads is not None:
        torch.set_num_threads(threads)
        return
    quota = cpu_quota()
    if quota is not None and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, min(torch.get_num_threads(), int(quota))))


def cpu_quota(control_group: Path = Path("/sys/fs/cgroup")) -> float | None:
    """How many cores the control group allows; None: no limit, or no control group (not Linux)."""
    for names in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):
        try:
            quota, period = " ".join((control_group / name).read_text() for name in names).split()
        except (OSError, ValueError):
            continue
        return int(quota) / int(period) if quota not in ("max", "-1") else None
    return None
