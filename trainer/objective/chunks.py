"""One side of a batch in, the chunks that pass the model one at a time out."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Chunk(NamedTuple):
    """Some rows of one side of a batch, padded only to the longest of them."""

    rows: Tensor  # (rows,) long: their numbers in the batch
    ids: Tensor  # (rows, length)
    mask: Tensor  # (rows, length)


def cut(ids: Tensor, mask: Tensor, most_rows: int, most_tokens: int) -> list[Chunk]:
    """Cut a side (batch, length), padded at the end, into chunks as `chunk_rows` does; without bounds into one."""
    if not most_rows and not most_tokens:
        return [Chunk(torch.arange(len(ids), device=ids.device), ids, mask)]
    lengths = mask.sum(1).tolist()
    chunks = []
    for rows in chunk_rows(lengths, most_rows, most_tokens):
        longest = max(lengths[row] for row in rows)
        index = torch.tensor(rows, device=ids.device)
        chunks.append(Chunk(index, ids[index, :longest], mask[index, :longest]))
    return chunks


def in_order(parts: Sequence[Tensor], chunks: Sequence[Chunk]) -> Tensor:
    """Join results of chunks, (rows, …) each, in the order of the batch: (batch, …)."""
    rows = torch.cat([chunk.rows for chunk in chunks])
    return torch.cat(list(parts))[rows.argsort()]


def chunk_rows(lengths: Sequence[int], most_rows: int, most_tokens: int) -> list[list[int]]:
    """Divide rows into chunks for one forward pass each.

    Args:
        lengths: tokens of each row.
        most_rows: rows of a chunk; 0 for no bound.
        most_tokens: tokens of a chunk, padding to its longest row included; 0 for no bound. With a bound, rows are
            sorted by length, which needs little padding, and a row longer than the bound is a chunk of its own.
            Without a bound, chunks are consecutive rows.

    >>> chunk_rows([9, 9, 9], most_rows=2, most_tokens=0)
    [[0, 1], [2]]
    >>> chunk_rows([3, 9, 2, 4], most_rows=0, most_tokens=9)
    [[1], [3, 0], [2]]
    """
    if not most_tokens:
        size = most_rows or len(lengths)
        return [list(range(start, min(start + size, len(lengths)))) for start in range(0, len(lengths), size)]
    chunks: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        full = (
            not chunks or len(chunks[-1]) == most_rows or (len(chunks[-1]) + 1) * lengths[chunks[-1][0]] > most_tokens
        )
        if full:
            chunks.append([row])
        else:
            chunks[-1].append(row)
    return chunks
