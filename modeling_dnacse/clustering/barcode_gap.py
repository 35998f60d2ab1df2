"""A tree of barcodes in; clusters that a barcode gap separates from all others, as species, out.

A node of the tree is a cluster if its two parts are
- nearer than the barcode gap of the sample, the distance from `least` to `usual` at which fewest parts of this tree
  merge: merges within species lie below it, merges between species above; or
- at most `most` apart, and the next merge is at least GAP times as far away: a barcode gap of their own.

The largest such nodes are taken. Species differ in how much they vary and in how far their neighbours are, and so do
samples. So no single threshold suits all. This rule is for models without weights for merges (species_merges.py), with
the constants `OVER_SITES`, and for shared k-mers (kmer_linkage.py), with `OVER_KMERS`. LOG.md names the mixtures on
which they were chosen.
"""

from typing import NamedTuple

import numpy as np

from .average_linkage import Tree
from .tree_cuts import Clusters, largest, next_merges, nodes_of

GAP = 2.0
WIDTH = 0.15  # of the kernel that smooths the logarithms of distances
PRIOR = 5.0  # merges for each unit of the logarithm: few merges move the gap only a little from the usual distance


class Distances(NamedTuple):
    """Distances of the rule, shares of different bases."""

    least: float
    usual: float
    most: float

    @property
    def least_identity(self) -> float:
        """Of the merges that the tree must have."""
        return 1 - self.most * GAP


OVER_SITES = Distances(0.01, 0.04, 0.06)
OVER_KMERS = Distances(0.01, 0.02, 0.05)


def cut_at_gaps(tree: Tree, at: Distances = OVER_SITES) -> Clusters:
    """Cut a tree into the largest clusters that a barcode gap separates.

    Args:
        tree: By identity, with all merges down to `at.least_identity`.
        at: The distances of the rule.

    >>> cut_at_gaps(Tree(np.array([0, 0, 0]), np.array([-np.inf, 0.95, 0.6]))).labels.tolist()
    [0, 0, 1]
    """
    nodes = nodes_of(tree)
    outside = next_merges(nodes)
    if (nodes.parent < 0).sum() == 1:
        outside[-1] = 0  # the whole sample: there is no other cluster, so no gap
    has_gap = (nodes.height <= at.most) & (outside >= GAP * nodes.height)
    return largest(len(tree.into), nodes, has_gap | (nodes.height <= gap_of(tree, at)))


def gap_of(tree: Tree, at: Distances) -> float:
    """The barcode gap of a sample, from the merges of its tree; merges of copies count too."""
    return gap_between(1 - tree.similarity[np.isfinite(tree.similarity)].astype(float), at)


def gap_between(distances: np.ndarray, at: Distances = OVER_SITES) -> float:
    """The distance from `at.least` to `at.usual` at which fewest parts merge.

    Estimates their density on a logarithmic scale with a Gaussian kernel, and adds a parabola centred on `at.usual`.

    >>> round(gap_between(np.array([0.02])), 3), round(gap_between(np.repeat([0.005, 0.03], 50)), 3)
    (0.04, 0.019)
    """
    grid = np.linspace(np.log(at.least), np.log(at.usual), 100)
    merges = np.log(np.maximum(distances, at.least / 100))
    density = np.zeros(len(grid))
    for part in np.array_split(merges, len(merges) // 100_000 + 1):
        density += np.exp(-0.5 * ((grid[:, None] - part) / WIDTH) ** 2).sum(1) / (WIDTH * np.sqrt(2 * np.pi))
    density += PRIOR * ((grid - grid[-1]) / 0.5) ** 2
    return float(np.exp(grid[np.argmin(density)]))
