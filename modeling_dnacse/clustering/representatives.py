"""Clusters of barcodes at their sites in, the sequence that represents each out, and identities to it."""

import numpy as np

from ..kmers import OTHER


def representatives(bases: np.ndarray, labels: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Choose a representative of each cluster: the most abundant member; of equally abundant ones, the nearest to all.

    The nearest has the most bases in common with all members. So a whole barcode is preferred to a fragment.

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
    """Compute the share of equal bases at the sites that both of a pair cover, (n,) float; NaN if there are none.

    >>> identities(np.array([[0, 1, 4], [0, 4, 4]]), np.array([[0, 0, 4], [4, 4, 1]])).tolist()
    [0.5, nan]
    """
    shared = (bases < OTHER) & (others < OTHER)
    with np.errstate(invalid="ignore"):
        return ((bases == others) & shared).sum(1) / shared.sum(1)
