"""A tree of barcodes in, species-like clusters out: those that a barcode gap separates from all others.

A node of the tree is a cluster if its two parts are
- nearer than the valley, the distance from LEAST to USUAL at which fewest parts of this tree merge: merges within
  species lie below it, merges between species above; or
- at most MOST apart, and the next merge is at least GAP times as far away: a barcode gap of their own.

The largest such nodes are taken. How much species vary and how far they are from their neighbours differs between taxa
and between samples, so no single threshold suits all. LOG.md tells on which mixtures the numbers were chosen.
"""

from typing import NamedTuple

import numpy as np

from .average_linkage import Tree

LEAST, USUAL = 0.01, 0.04  # distances, shares of different bases
MOST = 0.06
GAP = 2.0
WIDTH = 0.15  # of the kernel that smooths the logarithms of distances
PRIOR = 5.0  # merges for each unit of the logarithm: few merges move the valley little away from USUAL
LEAST_IDENTITY = 1 - MOST * GAP  # of the merges that the tree must have


class Clusters(NamedTuple):
    """Clusters of n sequences; the largest is 0, of equals that with the first row."""

    labels: np.ndarray  # (n,) int64
    widest: np.ndarray  # (clusters,) float32, distance of the last merge in a cluster; 0 for a single sequence
    outside: np.ndarray  # (clusters,) float32, distance of the next merge; inf beyond the tree


def cut_at_gaps(tree: Tree) -> Clusters:
    """Cut a tree into the largest clusters that a barcode gap separates.

    Args:
        tree: By identity, with all merges down to `LEAST_IDENTITY`.

    >>> cut_at_gaps(Tree(np.array([0, 0, 0]), np.array([-np.inf, 0.95, 0.6]))).labels.tolist()
    [0, 0, 1]
    """
    parent, height = _nodes(tree)
    outside = np.where(parent < 0, np.inf, height[parent])
    if (parent < 0).sum() == 1:
        outside[-1] = 0  # the whole sample: nothing tells whether there is a gap about it
    certain = valley_of(tree)
    return _largest(len(tree.into), parent, height, (height <= MOST) & (outside >= GAP * height) | (height <= certain))


def valley_of(tree: Tree) -> float:
    """The valley of the merges of a tree; those of copies count too."""
    return valley(1 - tree.similarity[np.isfinite(tree.similarity)].astype(float))


def valley(distances: np.ndarray) -> float:
    """The distance from `LEAST` to `USUAL` at which fewest parts merge.

    Their density on a logarithmic scale is estimated with a Gaussian kernel, and a parabola about `USUAL` added.

    >>> round(valley(np.array([0.02])), 3), round(valley(np.repeat([0.005, 0.03], 50)), 3)
    (0.04, 0.019)
    """
    grid = np.linspace(np.log(LEAST), np.log(USUAL), 100)
    merges = np.log(np.maximum(distances, LEAST / 100))
    density = np.zeros(len(grid))
    for part in np.array_split(merges, len(merges) // 100_000 + 1):
        density += np.exp(-0.5 * ((grid[:, None] - part) / WIDTH) ** 2).sum(1) / (WIDTH * np.sqrt(2 * np.pi))
    density += PRIOR * ((grid - grid[-1]) / 0.5) ** 2
    return float(np.exp(grid[np.argmin(density)]))


def cut_at(tree: Tree, identity: float) -> Clusters:
    """Cut a tree at an identity."""
    parent, height = _nodes(tree)
    return _largest(len(tree.into), parent, height, height <= 1 - identity)


def _nodes(tree: Tree) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of the tree, rows first and then merges: the parent of each (-1: none) and its height, a distance."""
    n = len(tree.into)
    order = np.argsort(-tree.similarity, kind="stable")[: np.isfinite(tree.similarity).sum()]
    parent = np.full(n + len(order), -1)
    height = np.concatenate((np.zeros(n), 1 - tree.similarity[order].astype(float)))
    into, node = np.arange(n), np.arange(n)  # cluster of each row, and the node that a cluster is now
    for merge, row in enumerate(order.tolist(), n):
        first, second = _root(into, int(tree.into[row])), _root(into, row)
        parent[node[first]] = parent[node[second]] = merge
        into[second], node[first] = first, merge
    return parent, height


def _root(into: np.ndarray, row: int) -> int:
    while into[row] != row:
        into[row] = into[into[row]]
        row = int(into[row])
    return row


def _largest(n: int, parent: np.ndarray, height: np.ndarray, holds: np.ndarray) -> Clusters:
    """The largest clusters among the nodes that hold."""
    top = np.arange(len(height))
    for node in range(len(height) - 1, -1, -1):
        above = parent[node]
        if above >= 0 and holds[top[above]]:
            top[node] = top[above]
    kept, first_row, labels, sizes = np.unique(top[:n], return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first_row, -sizes))
    outside = np.where(parent[kept] < 0, np.inf, height[parent[kept]])
    return Clusters(
        np.argsort(order)[labels], height[kept[order]].astype(np.float32), outside[order].astype(np.float32)
    )
