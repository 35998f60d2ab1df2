"""Rows of every process in, all rows on every process out, in the order of the processes, with the exact gradient.

After gathering, every process computes the same loss of the same rows. The gradient with respect to a process's own
rows is complete on that process, so the backward pass needs no communication: it takes the process's slice. However,
DistributedDataParallel and FSDP *average* the gradients of parameters over the W processes, while the gradient of the
one global loss is their sum. So the slice is multiplied by W. Two processes with four pairs each then equal one
process with eight, in loss and gradient. (`accelerator.gather` cuts the graph, and torch's functional all-gathers with
gradient are deprecated.)
"""

from typing import Any

import torch
from torch import Tensor, distributed


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        processes = distributed.get_world_size()
        return gradients[0].chunk(processes)[distributed.get_rank()] * processes


def gather_rows(rows: Tensor) -> Tensor:
    """Concatenate the rows (n, …) of all W processes: (W · n, …). The shape must be the same on every process.

    In a single process, these are the rows themselves. Integers are gathered without a gradient.
    """
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return rows
    if not rows.requires_grad:
        parts = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)
    return _Gather.apply(rows)  # pyright: ignore[reportReturnType] apply is untyped
