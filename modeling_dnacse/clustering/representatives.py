"""Clusters of barcodes at their sites in, the sequence that represents each out, and identities to it."""

import numpy as np

from ..kmers import OTHER
from ..vectors.at_sites import content_keys

PART = 8192  # rows that are compared at once


def representatives(bases: np.ndarray, labels: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Choose a representative of each cluster: the most abundant member; of equally abundant ones, the nearest to all.

    The nearest has the most bases in common with all members. So a whole barcode is preferred to a fragment. Among
    equally near ones the content decides, so that the order of the sequences does not.

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
        chosen.append(members[np.lexsort((members, content_keys(own), -alike, -sizes[members]))[0]])
    return np.array(chosen, np.int64)


def identities(bases: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Compute the share of equal bases at the sites that a row and another cover, (n,) float; NaN if there are none.

    Args:
        bases: Bases at sites (n, sites) uint8.
        others: The other row of each (n,) int.

    >>> identities(np.array([[0, 1, 4], [0, 0, 4], [4, 4, 1]]), np.array([1, 1, 0])).tolist()
    [0.5, 1.0, nan]
    """
    found = np.empty(len(bases))
    for first in range(0, len(bases), PART):
        own, other = bases[first : first + PART], bases[others[first : first + PART]]
        shared = (own < OTHER) & (other < OTHER)
        with np.errstate(invalid="ignore"):
            found[first : first + PART] = ((own == other) & shared).sum(1) / shared.sum(1)
    return found
