"""A tree of barcodes in; clusters that a barcode gap separates from all others, as species, out.

A node of the tree is a cluster if its two parts are
- nearer than the barcode gap of the sample, the distance from LEAST to USUAL at which fewest parts of this tree merge:
  merges within species lie below it, merges between species above; or
- at most MOST apart, and the next merge is at least GAP times as far away: a barcode gap of their own.

The largest such nodes are taken. Species differ in how much they vary and in how far their neighbours are, and so do
samples. So no single threshold suits all. This rule is for models without weights for merges (species_merges.py).
LOG.md names the mixtures on which the constants were chosen.
"""

import numpy as np

from .average_linkage import Tree
from .tree_cuts import Clusters, largest, next_merges, nodes_of

LEAST, USUAL = 0.01, 0.04  # distances, shares of different bases
MOST = 0.06
GAP = 2.0
WIDTH = 0.15  # of the kernel that smooths the logarithms of distances
PRIOR = 5.0  # merges for each unit of the logarithm: few merges move the gap only a little from USUAL
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
        outside[-1] = 0  # the whole sample: there is no other cluster, so no gap
    has_gap = (nodes.height <= MOST) & (outside >= GAP * nodes.height)
    return largest(len(tree.into), nodes, has_gap | (nodes.height <= gap_of(tree)))


def gap_of(tree: Tree) -> float:
    """The barcode gap of a sample, from the merges of its tree; merges of copies count too."""
    return gap_between(1 - tree.similarity[np.isfinite(tree.similarity)].astype(float))


def gap_between(distances: np.ndarray) -> float:
    """The distance from `LEAST` to `USUAL` at which fewest parts merge.

    Estimates their density on a logarithmic scale with a Gaussian kernel, and adds a parabola centred on `USUAL`.

    >>> round(gap_between(np.array([0.02])), 3), round(gap_between(np.repeat([0.005, 0.03], 50)), 3)
    (0.04, 0.019)
    """
    grid = np.linspace(np.log(LEAST), np.log(USUAL), 100)
    merges = np.log(np.maximum(distances, LEAST / 100))
    density = np.zeros(len(grid))
    for part in np.array_split(merges, len(merges) // 100_000 + 1):
        density += np.exp(-0.5 * ((grid[:, None] - part) / WIDTH) ** 2).sum(1) / (WIDTH * np.sqrt(2 * np.pi))
    density += PRIOR * ((grid - grid[-1]) / 0.5) ** 2
    return float(np.exp(grid[np.argmin(density)]))
