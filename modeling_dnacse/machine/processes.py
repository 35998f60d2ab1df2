"""The rank of this process and the number of processes, as torchrun or a batch system sets them in the environment.

    torchrun --nproc_per_node 4 -m modeling_dnacse.cli embed ...            4 devices of one machine
    RANK=3 WORLD_SIZE=8 LOCAL_RANK=1 dnacse embed ...                       the fourth of 8, by hand

It needs RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE only: the processes never communicate.
"""

import os
import sys
from typing import NamedTuple

import torch

from .cpu import cpu_quota


class Process(NamedTuple):
    """This process: `rank` of `world` in all, `local_rank` of `local_world` on this machine."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1

    @classmethod
    def current(cls) -> "Process":
        """Read the environment; without WORLD_SIZE this is the only process.

        Raises:
            ValueError: a number is missing, or out of range.
        """
        if os.environ.get("WORLD_SIZE", "1") == "1":
            return cls()
        given = {name: os.environ.get(name, "") for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
        given["LOCAL_WORLD_SIZE"] = os.environ.get("LOCAL_WORLD_SIZE", "1")
        said = ", ".join(f"{name}={value!r}" for name, value in given.items())
        if not all(value.isdecimal() for value in given.values()):
            raise ValueError(f"the environment says {said}; set all of them to whole numbers, or unset WORLD_SIZE")
        process = cls(*(int(given[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")))
        if process.rank >= process.world:
            raise ValueError(f"the environment says {said}; ranks run from 0 to WORLD_SIZE - 1")
        return process

    def device(self, name: str) -> str:
        """The device of this process: `cuda` becomes `cuda:LOCAL_RANK`; a device with a number stays as it is.

        >>> Process(5, 8, 1, 4).device("cuda"), Process().device("cuda"), Process(5, 8, 1, 4).device("cpu")
        ('cuda:1', 'cuda', 'cpu')
        """
        return f"{name}:{self.local_rank}" if self.world > 1 and name == "cuda" else name

    def take_share(self, device: str) -> None:
        """Make the device the current one; on a CPU, use this process's share of the cores.

        torchrun sets OMP_NUM_THREADS to 1 where it is not set, which would leave cores idle. A larger number is the
        user's choice and stays.
        """
        if device.startswith("cuda:"):
            torch.cuda.set_device(device)  # kernels of Triton run on the current device, wherever their tensors are
        elif device == "cpu" and self.local_world > 1 and os.environ.get("OMP_NUM_THREADS", "1") == "1":
            cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
            torch.set_num_threads(max(1, int(min(cores, cpu_quota() or cores)) // self.local_world))
