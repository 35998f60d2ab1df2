"""A tree of distances between barcodes in, species-like clusters out: those that a barcode gap separates.

Two groups belong together if their nearest members differ
- in at most CERTAIN of the shared sites; or
- in at most MOST, and all other sequences are at least GAP times as far away.

The second rule is the barcode gap: how much species vary differs between taxa (birds 1 to 2 %, annelids and
springtails often beyond 5 %), so no single threshold suits all of them. What joins by the second rule takes
everything between its members with it. The three numbers were chosen on mixtures of COI barcodes (LOG.md).
"""

from typing import NamedTuple

import numpy as np

from ..kmers import OTHER
from .distances import FEWEST_SHARED, kmer_distances
from .spanning_tree import Edges, spanning_tree

CERTAIN = 0.03
MOST = 8 / 3  # times CERTAIN
GAP = 2.0


class Clusters(NamedTuple):
    """Clusters of n sequences; the largest is 0, of equals that with the first row."""

    labels: np.ndarray  # (n,) int64
    widest: np.ndarray  # (clusters,) float32, longest distance that holds a cluster together; 0 for a single sequence
    outside: np.ndarray  # (clusters,) float32, distance to the nearest other cluster; inf beyond the search


def cluster_by_gap(bases: np.ndarray, kmers: np.ndarray | None = None, certain: float = CERTAIN) -> Clusters:
    """Cluster sequences by their bases at sites, and those that are not of the marker by their k-mers.

    Args:
        bases: Bases at sites (n, sites) uint8; what is not of the marker has OTHER throughout.
        kmers: What `kmer_sets` gives for those (of n, in order, those with OTHER throughout); None: leave them alone.
        certain: Distance up to which groups belong together in any case.

    >>> bases = np.zeros((4, 100), np.uint8)
    >>> bases[1, :2], bases[2, :50], bases[3, :55] = 1, 1, 1
    >>> cluster_by_gap(bases).labels.tolist()
    [0, 0, 1, 1]
    """
    farthest = certain * MOST * GAP
    covered = (bases < OTHER).sum(1)
    rows = np.flatnonzero(covered >= FEWEST_SHARED)
    trees = [(rows, spanning_tree(bases[rows], farthest))]
    if kmers is not None:
        informative = np.bitwise_count(kmers).sum(1) >= FEWEST_SHARED
        rows = np.flatnonzero(covered == 0)[informative]
        trees.append((rows, spanning_tree(kmers[informative], farthest, kmer_distances)))
    ends = ((rows[tree.first], rows[tree.second], tree.distance) for rows, tree in trees)
    first, second, distance = (np.concatenate(parts) for parts in zip(*ends, strict=True))
    order = np.argsort(distance, kind="stable")
    return cut_at_gaps(len(bases), Edges(first[order], second[order], distance[order]), certain)


def cut_at_gaps(n: int, tree: Edges, certain: float = CERTAIN) -> Clusters:
    """Cut the tree of n sequences into clusters.

    Args:
        n: Sequences.
        tree: As `spanning_tree` gives it, with all edges up to `certain` * MOST * GAP.
        certain: Distance up to which groups belong together in any case.
    """
    merges = len(tree.distance)
    group, parent = np.arange(n + merges), np.full(n + merges, -1)  # a merge is a node, from n on

    def root(node: int) -> int:
        while group[node] != node:
            group[node] = group[group[node]]
            node = group[node]
        return int(node)

    for node, (first, second) in enumerate(zip(tree.first.tolist(), tree.second.tolist(), strict=True), n):
        for part in (root(first), root(second)):
            group[part] = parent[part] = node
    height = np.concatenate((np.zeros(n, np.float32), tree.distance))
    outside = np.where(parent < 0, np.inf, height[parent]).astype(np.float32)
    holds = (height <= certain) | ((height <= certain * MOST) & (outside >= GAP * height))
    top = np.arange(n + merges)  # the cluster of a node
    for node in range(n + merges - 1, -1, -1):
        above = parent[node]
        if above >= 0 and holds[top[above]]:
            top[node] = top[above]
    clusters, first_row, labels, sizes = np.unique(top[:n], return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first_row, -sizes))
    return Clusters(np.argsort(order)[labels], height[clusters[order]], outside[clusters[order]])


def representatives(bases: np.ndarray, labels: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The row of each cluster that represents it: the most abundant, of equals the one nearest to all members.

    Nearest is the one with the most bases in common with all members, so a whole barcode goes before a piece.

    Args:
        bases: Bases at sites (n, sites) uint8.
        labels: Cluster of each (n,), 0 to k - 1, none empty.
        sizes: Abundance of each (n,).

    Returns:
        Rows (k,).

    >>> bases = np.array([[0, 1, 2, 4], [0, 1, 2, 3], [0, 0, 2, 3]])
    >>> representatives(bases, np.zeros(3, int), np.ones(3, int)).tolist()
    [1]
    """
    rows = np.argsort(labels, kind="stable")
    chosen = []
    for members in np.split(rows, np.cumsum(np.bincount(labels))[:-1]) if len(rows) else []:
        own = bases[members]
        alike = np.zeros(len(members), np.int64)
        for base in range(OTHER):
            there = own == base
            alike += there @ there.sum(0)
        chosen.append(members[np.lexsort((members, -alike, -sizes[members]))[0]])
    return np.array(chosen, np.int64)


def identities(bases: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Share of equal bases among the sites that both of a pair cover, (n,) float; NaN where there are none.

    >>> identities(np.array([[0, 1, 4], [0, 4, 4]]), np.array([[0, 0, 4], [4, 4, 1]])).tolist()
    [0.5, nan]
    """
    shared = (bases < OTHER) & (others < OTHER)
    with np.errstate(invalid="ignore"):
        return ((bases == others) & shared).sum(1) / shared.sum(1)
