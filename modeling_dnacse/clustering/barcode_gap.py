"""A tree of barcodes in; clusters that a barcode gap separates from all others, as species, out.

A node of the tree is a cluster if its two parts are
- nearer than the valley, the distance from LEAST to USUAL at which fewest parts of this tree merge: merges within
  species lie below it, merges between species above; or
- at most MOST apart, and the next merge is at least GAP times as far away: a barcode gap of their own.

The largest such nodes are taken. How much species vary and how far they are from their neighbours differs between taxa
and between samples, so no single threshold suits all. This is for models that know nothing of merges
(species_merges.py). LOG.md tells on which mixtures the numbers were chosen.
"""

import numpy as np

from .average_linkage import Tree
from .tree_cuts import Clusters, largest, next_merges, nodes_of

LEAST, USUAL = 0.01, 0.04  # distances, shares of different bases
MOST = 0.06
GAP = 2.0
WIDTH = 0.15  # of the kernel that smooths the logarithms of distances
PRIOR = 5.0  # merges for each unit of the logarithm: few merges move the valley little away from USUAL
LEAST_IDENTITY = 1 - MOST * GAP  # of the merges that the tree must have


def cut_at_gaps(tree: Tree) -> Clusters:
    """Cut a tree into the largest clusters that a barcode gap separates.

    Args:
        tree: By identity, with all merges down to `LEAST_IDENTITY`.

    >>> cut_at_gaps(Tree(np.array([0, 0, 0]), np.array([-np.inf, 0.95, 0.6]))).labels.tolist()
    [0, 0, 1]
    """
    nodes = nodes_of(tree)
    outside = next_merges(nodes)
    if (nodes.parent < 0).sum() == 1:
        outside[-1] = 0  # the whole sample: nothing tells whether there is a gap about it
    has_gap = (nodes.height <= MOST) & (outside >= GAP * nodes.height)
    return largest(len(tree.into), nodes, has_gap | (nodes.height <= valley_of(tree)))


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
