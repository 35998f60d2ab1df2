"""Rows of every process in, all rows on every process out, in the order of the processes, with the true gradient.

Every process then computes the same loss of the same gathered rows. Its gradient with respect to a process's own rows
is complete on that process, so going back needs no communication: take the own slice. DistributedDataParallel (and
FSDP) will *average* the parameters' gradients over the W processes, where the gradient of the one global loss is their
sum; the slice is therefore multiplied by W. So two processes of four pairs equal one process of eight, in loss and
gradient. (`accelerator.gather` cuts the graph, and torch's functional all-gathers with gradient are deprecated.)
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
    """Concatenate the rows (n, …) of all W processes: (W · n, …). Every process must bring the same shape.

    In one process the rows themselves. Integers are gathered too, without a gradient.
    """
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return rows
    if not rows.requires_grad:
        parts = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)
    return _Gather.apply(rows)  # pyright: ignore[reportReturnType] apply is untyped
