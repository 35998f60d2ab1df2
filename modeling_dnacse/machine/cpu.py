"""What a command sets on the CPU, once, before anything is computed; a library leaves it to the program that calls it.

- Threads: OMP_NUM_THREADS rules where it is set. Else torch takes all cores that it sees, and in a container it sees
  those of the machine: with a quota of 4 of 64, 64 threads would wait for each other. The quota is read from the
  control group, of version 2 or 1.
- Denormals: on many processors arithmetic is slower by a large factor on numbers below 1e-38, such as the weights of
  tokens that ALiBi makes very distant. They are taken as 0. torch's own threads take this over when they are started,
  hence before the first computation. (On an AMD EPYC neither a matrix product of denormals nor the encoder gains.)
"""

import os
from pathlib import Path

import torch


def prepare_cpu() -> None:
    """Set the number of threads and how denormals are taken, for this process."""
    torch.set_flush_denormal(True)
    quota = cpu_quota()
    if quota is not None and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, min(torch.get_num_threads(), int(quota))))


def cpu_quota(control_group: Path = Path("/sys/fs/cgroup")) -> float | None:
    """How many cores' time the control group allows; None: no limit, or no control group (not Linux)."""
    for names in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):
        try:
            quota, period = " ".join((control_group / name).read_text() for name in names).split()
        except (OSError, ValueError):
            continue
        return int(quota) / int(period) if quota not in ("max", "-1") else None
    return None
