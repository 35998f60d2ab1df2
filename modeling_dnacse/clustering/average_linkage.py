"""Cluster unit vectors without knowing how many clusters there are: exact average linkage, in memory linear in n.

The average cosine between the members of two clusters is the dot product of their mean vectors (means of unit vectors,
not scaled again). So a cluster is given by its mean and its size, and there is no n x n matrix.

Average linkage is reducible (Bruynooghe 1977, Murtagh 1983): a merged cluster is never nearer to another cluster than
the nearer one of its two parts was. Two clusters that are each other's nearest therefore merge in the full tree,
whatever else merges before them. So all such pairs merge at once, round by round. Only a new cluster, or one whose
nearest has merged, searches for its nearest again. A cluster whose nearest is beyond the threshold is complete.

Cost for n vectors of d numbers: 1.3 to 2.5 n^2 d multiplications on our data, and beside the input 12 n d bytes and
the blocks of `neighbours.py`.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..vectors.neighbours import TIE, nearest

EQUAL = 1 - TIE  # vectors with this cosine are equal except for rounding, and all merge at once


class Tree(NamedTuple):
    """Merges from the bottom up; a cluster has the number of its first row.

    `into` (n,) int64: the cluster that the cluster of each row merged into; its own number if it never merged.
    `similarity` (n,) float32: the average cosine at which it merged; -inf if it never merged.
    """

    into: np.ndarray
    similarity: np.ndarray


def average_linkage(vectors: np.ndarray, threshold: float = -1.0) -> Tree:
    """Grow the tree of average linkage by cosine, as far as merges reach the threshold.

    Args:
        vectors: Unit vectors (n, d) float32.
        threshold: Least average cosine at which two clusters merge; -1: all merge.

    Raises:
        ValueError: The vectors are not a finite table.

    >>> average_linkage(np.array([[1, 0], [0, 1], [0.8, 0.6]], np.float32)).into.tolist()
    [0, 0, 0]
    """
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ValueError(f"got vectors of shape {vectors.shape}, or with NaN or infinity; give finite (n, numbers)")
    means, sizes = vectors.astype(np.float32), np.ones(len(vectors))

    def look(stale: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, cosines = nearest(means[stale], means[among], exclude=np.searchsorted(among, stale))
        return among[found[:, 0]], cosines[:, 0]

    def merge(first: int, second: int) -> None:
        share = sizes[second] / (sizes[first] + sizes[second])
        means[first] += share * (means[second] - means[first])
        sizes[first] += sizes[second]

    return grow(len(vectors), threshold, look, merge)


def grow(
    n: int,
    threshold: float,
    look: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    merge: Callable[[int, int], None],
) -> Tree:
    """Merge nearest clusters, round by round, as far as they reach the threshold.

    Args:
        n: Sequences.
        threshold: Least similarity at which two clusters merge.
        look: From clusters (q,) and all growing ones (m,), ascending, among which they are: the nearest other of each
            (q,) and its similarity (q,), -inf where there is none.
        merge: Adds the second cluster to the first.
    """
    tree = Tree(np.arange(n), np.full(n, -np.inf, np.float32))
    lowest = np.full(n, np.inf, np.float32)  # similarity of the merges in a cluster
    closest, similarity = np.full(n, -1), np.full(n, -np.inf, np.float32)
    growing, stale = np.ones(n, dtype=bool), np.ones(n, dtype=bool)
    while growing.sum() > 1:
        rows = np.flatnonzero(stale & growing)
        closest[rows], similarity[rows] = look(rows, np.flatnonzero(growing))
        growing &= similarity >= threshold
        merged = np.zeros(n, dtype=bool)
        for row in _joins(np.flatnonzero(growing), closest, similarity).tolist():
            first, second = sorted((_root(tree.into, row), _root(tree.into, int(closest[row]))))
            if first == second:
                continue
            merge(first, second)
            lowest[first] = min(lowest[first], lowest[second], similarity[row])
            tree.into[second], tree.similarity[second] = first, lowest[first]
            growing[[first, second]] = True, False
            merged[[first, second]] = True
        stale = merged | merged[closest]
    return tree


def _joins(rows: np.ndarray, closest: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """The rows that merge with their nearest: those that are its nearest too, and those that equal it.

    By rounding, three clusters can each have the next one as their nearest, in a ring. The best pair of all therefore
    merges in any case.
    """
    joins = (closest[closest[rows]] == rows) | (similarity[rows] >= EQUAL)
    if len(rows):
        joins[np.argmax(similarity[rows])] = True
    return rows[joins]


def _root(into: np.ndarray, row: int) -> int:
    while into[row] != row:
        row = into[row]
    return int(row)


def cut(tree: Tree, threshold: float) -> np.ndarray:
    """Cut the tree at a threshold: labels (n,) int64 from 0, the largest cluster first; ties by the first row.

    >>> cut(Tree(np.array([0, 0, 1]), np.array([-np.inf, 0.5, 0.9])), 0.6).tolist()
    [1, 0, 0]
    """
    first = np.where(tree.similarity >= threshold, tree.into, np.arange(len(tree.into)))
    while (first[first] != first).any():
        first = first[first]
    _, groups, sizes = np.unique(first, return_inverse=True, return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    return np.argsort(order)[groups]


def cluster(vectors: np.ndarray, threshold: float) -> np.ndarray:
    """Cluster by average linkage, merging while the average cosine reaches the threshold; labels as in `cut`.

    Args:
        vectors: Unit vectors (n, d) float32.
        threshold: A cosine, from `species_threshold`.

    >>> cluster(np.array([[0, 1], [1, 0], [0.8, 0.6]], np.float32), 0.7).tolist()
    [1, 0, 0]
    """
    return cut(average_linkage(vectors, threshold), threshold)


def species_threshold(vectors: np.ndarray, species: np.ndarray) -> tuple[float, float]:
    """Choose the threshold whose clusters agree best with species, by the adjusted Rand index.

    Args:
        vectors: Unit vectors (n, d) float32 of labelled sequences.
        species: Their species (n,) str.

    Returns:
        The threshold, half-way between the last merge that it allows and the next one, and the index there.

    Raises:
        ValueError: There are no two species, or no species has two sequences.

    >>> vectors = np.array([[1, 0], [0.96, 0.28], [0, 1]], np.float32)
    >>> threshold, agreement = species_threshold(vectors, np.array(["a", "a", "b"]))
    >>> round(threshold, 2), agreement
    (0.55, 1.0)
    """
    names, codes, sizes = np.unique(species, return_inverse=True, return_counts=True)
    if len(names) < 2 or sizes.max() < 2:
        raise ValueError(
            f"got {len(codes)} sequences of {len(names)} species to choose a threshold on; "
            "give at least two species, one of them with two sequences"
        )
    tree = average_linkage(vectors)
    order = np.argsort(-tree.similarity, kind="stable")[:-1]  # the last row never merges
    together, alike = _pairs_joined(tree, order, codes)
    pairs, of_species = len(codes) * (len(codes) - 1) / 2, (sizes * (sizes - 1) / 2).sum()
    expected = together * of_species / pairs
    agreement = (alike - expected) / ((together + of_species) / 2 - expected)
    similarity = tree.similarity[order].astype(float)
    following = np.append(similarity[1:], -1.0)
    agreement[similarity == following] = -np.inf  # no threshold lies between equals
    best = int(np.argmax(agreement))
    return float((similarity[best] + following[best]) / 2), float(agreement[best])


def _pairs_joined(tree: Tree, order: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count the pairs of rows in one cluster after each merge, and those of one species: (merges,) float64 each."""
    into = np.arange(len(codes))
    members = [Counter({code: 1}) for code in codes.tolist()]
    together, alike = np.empty(len(order)), np.empty(len(order))
    for merge, row in enumerate(order.tolist()):
        first, second = _root(into, int(tree.into[row])), _root(into, row)
        large, small = sorted((members[first], members[second]), key=len, reverse=True)
        together[merge] = large.total() * small.total()
        alike[merge] = sum(count * large[code] for code, count in small.items())
        large.update(small)
        members[first], into[second] = large, first
    return np.cumsum(together), np.cumsum(alike)


def medoids(vectors: np.ndarray, labels: np.ndarray, sizes: np.ndarray | None = None) -> np.ndarray:
    """The row of each cluster whose average cosine to its members is highest; of equals, the content decides.

    Args:
        vectors: Unit vectors (n, d).
        labels: Cluster of each (n,), 0 to k - 1, none empty.
        sizes: Abundance of each (n,); then only the most abundant of a cluster compete.

    Returns:
        Rows (k,).

    >>> medoids(np.array([[1, 0], [0.8, 0.6], [0.6, 0.8]]), np.array([0, 0, 0])).tolist()
    [1]
    """
    sums = np.zeros((int(labels.max(initial=-1)) + 1, vectors.shape[1]))
    np.add.at(sums, labels, vectors)
    central = np.einsum("nd,nd->n", vectors, sums[labels]).round(5)  # equal vectors differ by rounding
    rank = np.zeros(len(labels)) if sizes is None else -sizes
    place = (vectors @ np.random.default_rng(0).standard_normal(vectors.shape[1])).round(4)  # along a random direction
    order = np.lexsort((np.arange(len(labels)), place, -central, rank, labels))
    return order[np.unique(labels[order], return_index=True)[1]]


def separation(vectors: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average cosine of each row to the other members of its cluster, and to the members of the nearest other cluster.

    Args:
        vectors: Unit vectors (n, d) float32.
        labels: Cluster of each (n,), 0 to k - 1, none empty.

    Returns:
        Average cosines (n,) each; NaN for a row alone in its cluster, and where there is no other cluster.

    >>> vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
    >>> np.stack(separation(vectors, np.array([0, 0, 1]))).astype(float).round(2).tolist()
    [[0.8, 0.8, nan], [0.0, 0.6, 0.3]]
    """
    sizes = np.bincount(labels)
    sums = np.zeros((len(sizes), vectors.shape[1]), np.float32)
    np.add.at(sums, labels, vectors)
    others = np.einsum("nd,nd->n", vectors, sums[labels] - vectors)
    with np.errstate(invalid="ignore"):
        within = others / (sizes[labels] - 1)  # 0 / 0 for a row alone
    _, between = nearest(vectors, sums / sizes[:, None].astype(np.float32), exclude=labels)
    return within, np.where(np.isfinite(between[:, 0]), between[:, 0], np.nan)
