"""Sequences in, the minimum spanning tree of their distances out: exact, without an n x n matrix.

Borůvka's algorithm: each group of sequences, at first each sequence, joins the group of its nearest outside sequence,
and so on. Each sequence keeps a list of its NEAREST nearest sequences of other groups. It is compared with all others
again only if its whole list has joined its group and no member of the group knows a nearer one.

Cost for n different sequences: about 2 n^2 distances. Memory: 12 n NEAREST bytes, and the blocks.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .distances import site_distances

NEAREST = 32
ROWS, OTHERS = 1024, 4096  # sequences that are compared with one another at once

Distances = Callable[[Tensor, Tensor], Tensor]  # of (q, width) and (r, width) uint8 to (q, r) float32; inf: none


class Edges(NamedTuple):
    """Edges of a tree, the shortest first; of several trees where groups are too far apart."""

    first: np.ndarray  # (m,) int64, rows of the sequences
    second: np.ndarray  # (m,) int64
    distance: np.ndarray  # (m,) float32


def spanning_tree(sequences: np.ndarray, farthest: float, distances: Distances = site_distances) -> Edges:
    """Find the minimum spanning tree of sequences, without the edges longer than `farthest`.

    Args:
        sequences: What `distances` compares, (n, width) uint8. Equal rows have the distance 0.
        farthest: A distance, 0 to 1.
        distances: Of each of some sequences to each of some others.

    >>> bases = np.array([[0] * 60, [1] * 60, [0] * 57 + [2] * 3, [0] * 60], np.uint8)
    >>> tree = spanning_tree(bases, farthest=0.2)
    >>> tree.first.tolist(), tree.second.tolist(), tree.distance.astype(float).round(3).tolist()
    ([0, 0], [3, 2], [0.0, 0.058])
    """
    unique, rows, unique_of = np.unique(sequences, axis=0, return_index=True, return_inverse=True)
    copies = np.setdiff1d(np.arange(len(sequences)), rows)
    tree = _join(unique, farthest, distances)
    first = np.concatenate((rows[unique_of[copies]], rows[tree.first]))
    second = np.concatenate((copies, rows[tree.second]))
    distance = np.concatenate((np.zeros(len(copies), np.float32), tree.distance))
    order = np.argsort(distance, kind="stable")
    return Edges(first[order], second[order], distance[order])


def _join(sequences: np.ndarray, farthest: float, distances: Distances) -> Edges:
    """The tree of sequences that all differ."""
    n = len(sequences)
    rows, group = np.arange(n), np.arange(n)
    near, lengths = nearest_outside(sequences, rows, group, farthest, distances)
    edges: list[tuple[int, int, float]] = []
    while True:
        open_ = np.where((near >= 0) & (group[near] != group[:, None]), lengths, np.inf)  # (n, NEAREST)
        choice = open_.argmin(1)
        best = open_[rows, choice]
        of_group = np.full(n, np.inf)
        np.minimum.at(of_group, group, best)
        # a row that does not know its nearest outside sequence, which may be the nearest of its group
        spent = (near[:, -1] >= 0) & np.isinf(best) & (lengths[:, -1] <= np.minimum(of_group[group], farthest))
        if spent.any():
            again = np.flatnonzero(spent)
            near[again], lengths[again] = nearest_outside(sequences, again, group, farthest, distances)
            continue
        ranked = np.lexsort((rows, best))[: np.isfinite(best).sum()]
        if not len(ranked):
            break
        leaders = ranked[np.unique(group[ranked], return_index=True)[1]]
        for row in leaders[np.argsort(best[leaders], kind="stable")].tolist():
            other = int(near[row, choice[row]])
            one, two = sorted((_root(group, row), _root(group, other)))
            if one != two:
                group[two] = one
                edges.append((row, other, float(best[row])))
        while (group[group] != group).any():
            group = group[group]
    table = np.array(edges, dtype=float).reshape(-1, 3)
    return Edges(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2].astype(np.float32))


def _root(group: np.ndarray, row: int) -> int:
    while group[row] != row:
        row = group[row]
    return int(row)


@torch.inference_mode()
def nearest_outside(
    sequences: np.ndarray, rows: np.ndarray, group: np.ndarray, farthest: float, distances: Distances
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest sequences of other groups than a row's own, up to `farthest`, the nearest first.

    Args:
        sequences: What `distances` compares (n, width).
        rows: Sequences that look (q,).
        group: Group of each sequence (n,).
        farthest: A distance.
        distances: As `spanning_tree` takes it.

    Returns:
        Rows (q, NEAREST) int64, -1 where there are no more, and distances (q, NEAREST) float32, inf where no more.
    """
    found = np.full((len(rows), NEAREST), -1, np.int64)
    lengths = np.full(found.shape, np.inf, np.float32)
    groups = torch.from_numpy(group)
    for start in range(0, len(rows), ROWS):
        asked = rows[start : start + ROWS]
        own = torch.from_numpy(sequences[asked])
        best = torch.full((len(asked), NEAREST), torch.inf)
        which = torch.full(best.shape, -1)
        for low in range(0, len(sequences), OTHERS):
            table = distances(own, torch.from_numpy(sequences[low : low + OTHERS]))
            inside = groups[asked][:, None] == groups[None, low : low + OTHERS]
            table[inside | (table > farthest)] = torch.inf
            numbers = torch.arange(low, low + table.shape[1]).expand(len(asked), -1)
            best, places = torch.cat((best, table), 1).topk(NEAREST, dim=1, largest=False)
            which = torch.cat((which, numbers), 1).gather(1, places)
        which[best == torch.inf] = -1
        found[start : start + ROWS], lengths[start : start + ROWS] = which.numpy(), best.numpy()
    return found, lengths
