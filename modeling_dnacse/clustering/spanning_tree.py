"""Bases at sites in, the minimum spanning tree of their distances out: exact, without an n x n matrix.

The distance of two sequences is the share of different bases among the sites that both cover. Half a difference is
added, so that of two pairs without differences the one with the longer overlap is nearer. Sequences that share fewer
than FEWEST_SHARED sites have no distance.

Borůvka's algorithm: each group of sequences, at first each sequence, joins the group of its nearest outside sequence,
and so on. Each sequence keeps a list of its NEAREST nearest sequences of other groups. It is compared with all others
again only if its whole list has joined its group and no member of the group knows a nearer one.

Cost for n different sequences of s sites: some 10 n^2 s multiplications. Memory beside the bases: 12 n NEAREST bytes,
and the blocks.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..kmers import OTHER
from ..sites import base_indicators
from ..vectors.shared_sites import reach

FEWEST_SHARED = 50  # sites; fewer prove little
NEAREST = 32
ROWS, OTHERS = 1024, 4096  # sequences that are compared with one another at once


class Edges(NamedTuple):
    """Edges of a tree, the shortest first; of several trees where groups are too far apart."""

    first: np.ndarray  # (m,) int64, rows of the sequences
    second: np.ndarray  # (m,) int64
    distance: np.ndarray  # (m,) float32


def spanning_tree(bases: np.ndarray, farthest: float) -> Edges:
    """Find the minimum spanning tree of sequences, without the edges longer than `farthest`.

    Args:
        bases: Bases at sites (n, sites) uint8, as `read_sites` gives them.
        farthest: A distance, 0 to 1.

    >>> bases = np.array([[0] * 60, [1] * 60, [0] * 57 + [2] * 3, [0] * 60], np.uint8)
    >>> tree = spanning_tree(bases, farthest=0.2)
    >>> tree.first.tolist(), tree.second.tolist(), tree.distance.astype(float).round(3).tolist()
    ([0, 0], [3, 2], [0.0, 0.058])
    """
    if not len(bases):
        return Edges(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    unique, rows, unique_of = np.unique(bases, axis=0, return_index=True, return_inverse=True)
    is_copy = (bases < OTHER).sum(1) >= FEWEST_SHARED
    is_copy[rows] = False
    copies = np.flatnonzero(is_copy)
    tree = _join(unique, farthest)
    first = np.concatenate((rows[unique_of[copies]], rows[tree.first]))
    second = np.concatenate((copies, rows[tree.second]))
    distance = np.concatenate((np.zeros(len(copies), np.float32), tree.distance))
    order = np.argsort(distance, kind="stable")
    return Edges(first[order], second[order], distance[order])


def _join(bases: np.ndarray, farthest: float) -> Edges:
    """The tree of sequences that all differ."""
    n = len(bases)
    rows, group = np.arange(n), np.arange(n)
    near, distances = nearest_outside(bases, rows, group, farthest)
    edges: list[tuple[int, int, float]] = []
    while True:
        open_ = np.where((near >= 0) & (group[near] != group[:, None]), distances, np.inf)  # (n, NEAREST)
        choice = open_.argmin(1)
        best = open_[rows, choice]
        of_group = np.full(n, np.inf)
        np.minimum.at(of_group, group, best)
        # a row that does not know its nearest outside sequence, which may be the nearest of its group
        spent = (near[:, -1] >= 0) & np.isinf(best) & (distances[:, -1] <= np.minimum(of_group[group], farthest))
        if spent.any():
            again = np.flatnonzero(spent)
            near[again], distances[again] = nearest_outside(bases, again, group, farthest)
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
    bases: np.ndarray, rows: np.ndarray, group: np.ndarray, farthest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest sequences of other groups than a row's own, up to `farthest`, the nearest first.

    Args:
        bases: Bases at sites (n, sites).
        rows: Sequences that look (q,).
        group: Group of each sequence (n,).
        farthest: A distance.

    Returns:
        Rows (q, NEAREST) int64, -1 where there are no more, and distances (q, NEAREST) float32, inf where no more.
    """
    found = np.full((len(rows), NEAREST), -1, np.int64)
    distances = np.full(found.shape, np.inf, np.float32)
    groups = torch.from_numpy(group)
    for start in range(0, len(rows), ROWS):
        asked = rows[start : start + ROWS]
        own = torch.from_numpy(bases[asked])
        best = torch.full((len(asked), NEAREST), torch.inf)
        which = torch.full(best.shape, -1)
        for low in range(0, len(bases), OTHERS):
            block = torch.from_numpy(bases[low : low + OTHERS])
            table = distance_table(own, block)
            inside = groups[asked][:, None] == groups[None, low : low + OTHERS]
            table[inside | (table > farthest)] = torch.inf
            numbers = torch.arange(low, low + len(block)).expand(len(asked), -1)
            best, places = torch.cat((best, table), 1).topk(NEAREST, dim=1, largest=False)
            which = torch.cat((which, numbers), 1).gather(1, places)
        which[best == torch.inf] = -1
        found[start : start + ROWS], distances[start : start + ROWS] = which.numpy(), best.numpy()
    return found, distances


def distance_table(first: Tensor, second: Tensor) -> Tensor:
    """Distances of each of (q, sites) to each of (r, sites) bases: (q, r) float32, inf where too few are shared."""
    (low, high), (other_low, other_high) = (reach(part.numpy().min(0)) for part in (first, second))
    low, high = max(low, other_low), min(high, other_high)
    if high - low < FEWEST_SHARED:
        return torch.full((len(first), len(second)), torch.inf)
    one, two = first[:, low:high], second[:, low:high]
    shared = (one < OTHER).float() @ (two < OTHER).float().T
    alike = base_indicators(one).flatten(1).float() @ base_indicators(two).flatten(1).float().T
    return torch.where(shared >= FEWEST_SHARED, (shared - alike + 0.5) / shared, torch.inf)
