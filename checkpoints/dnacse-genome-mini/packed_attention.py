"""Packed attention: the tokens of all sequences in one row, (total, hidden), so that no layer computes padding.

The way for CPUs, "packed", is here: torch's own attention, over runs of sequences of one length (they are packed in
the order of their lengths). Its ALiBi bias is a view of 2 · length numbers a head, so memory is linear in the length,
but with dropout of attention weights, for which torch writes the weights out. Other devices write the bias out.
"""

from collections.abc import Callable
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .alibi import alibi_diagonals, reversed_bias

Attend = Callable[[Tensor, float, float], Tensor]
"""(qkv (total, 3, heads, head), scaling, dropout) to states (total, hidden)."""


class Packing(NamedTuple):
    """Where the tokens of a packed batch come from and belong: its sequences, from the shortest to the longest."""

    rows: Tensor  # (total,) long: place of each token in the batch flattened to (batch · length)
    lengths: list[int]  # tokens of each sequence
    starts: Tensor  # (batch + 1,) int32: first token of each sequence, and the end


def packing_of(mask: Tensor) -> Packing:
    """Find the real tokens of a batch from its mask (batch, length).

    Raises:
        ValueError: a sequence has padding in its middle, over which distances would not be those of the padded batch.

    >>> packing = packing_of(torch.tensor([[1, 1, 1], [1, 1, 0]]))
    >>> packing.rows.tolist(), packing.lengths, packing.starts.tolist()
    ([3, 4, 0, 1, 2], [2, 3], [0, 2, 5])
    """
    real = mask.bool()
    begins = (real & ~F.pad(real, (1, 0))[:, :-1]).sum(1)  # (batch,) runs of real tokens
    lengths, order = real.sum(1).sort(stable=True)
    sizes, runs = torch.stack([lengths, begins]).tolist()  # together: each is a wait for the device
    if max(runs) > 1:
        raise ValueError(
            "attention_mask has zeros between the tokens of a sequence; packed attention takes padding at the ends "
            'only: call model.set_attn_implementation("sdpa") first'
        )
    places = torch.arange(mask.numel(), device=mask.device).view_as(mask)
    return Packing(
        rows=places[order][real[order]],
        lengths=sizes,
        starts=F.pad(lengths.cumsum(0), (1, 0)).to(torch.int32),
    )


def pack(hidden: Tensor, packing: Packing) -> Tensor:
    """(batch, length, hidden) to (total, hidden), without padding."""
    return hidden.flatten(0, 1).index_select(0, packing.rows)


def unpack(hidden: Tensor, packing: Packing, mask: Tensor) -> Tensor:
    """(total, hidden) to (batch, length, hidden), padding 0; `mask` (batch, length) gives the shape."""
    flat = hidden.new_zeros(mask.numel(), hidden.shape[1])
    return flat.index_copy(0, packing.rows, hidden).view(*mask.shape, -1)


def attention_of_runs(packing: Packing, num_heads: int, dtype: torch.dtype) -> Attend:
    """Attend by torch's attention within one run of sequences of the same length after the other."""
    runs = [(length, len(list(run))) for length, run in groupby(packing.lengths)]
    diagonals = alibi_diagonals(max(packing.lengths), num_heads, dtype, packing.rows.device)

    def attend(qkv: Tensor, scaling: float, dropout: float) -> Tensor:
        outputs = []
        for (length, count), states in zip(runs, qkv.split([length * count for length, count in runs]), strict=True):
            bias = reversed_bias(diagonals, length)[None]
            if not bias.is_cpu:
                bias = bias.contiguous()  # CUDA's kernels want aligned rows
            query, key, value = states.unflatten(0, (count, length)).permute(2, 0, 3, 1, 4)
            attended = F.scaled_dot_product_attention(query.flip(2), key, value, bias, dropout, scale=scaling).flip(2)
            outputs.append(attended.transpose(1, 2).flatten(2).flatten(0, 1))
        return torch.cat(outputs)

    return attend
