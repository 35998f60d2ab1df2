"""Clusters of barcodes at their sites in, the sequence that represents each out, identities to it, and strands.

Shared k-mers and vectors of both strands find that two sequences are alike, but not how they lie to each other. So
strands are told by the records themselves.
"""

import numpy as np

from ..kmers import OTHER
from ..reading.rereading import RecordFile
from ..reading.sequences import reverse_complement
from ..vectors.at_sites import content_keys

PART = 8192  # rows that are compared at once
K = 11  # bases; two long sequences share few such k-mers by chance


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


def opposite_strands(file: RecordFile, of_row: np.ndarray) -> np.ndarray:
    """Which records (n,) share more k-mers with the reverse complement of their representative, bool.

    Args:
        file: The records. The sequences of the representatives are kept in memory.
        of_row: Row of each record's representative (n,).
    """
    wanted = set(of_row.tolist())
    sequence_of = {row: record.sequence for row, record in enumerate(file.read()) if row in wanted}
    opposite = np.zeros(len(of_row), bool)
    for row, (record, centre) in enumerate(zip(file.read(), of_row.tolist(), strict=True)):
        if row != centre:
            own = kmers(record.sequence)
            same, other = kmers(sequence_of[centre]), kmers(reverse_complement(sequence_of[centre]))
            opposite[row] = len(own & other) > len(own & same)
    return opposite


def kmers(sequence: str) -> set[str]:
    """The k-mers of a sequence, as written.

    >>> sorted(kmers("ACGTACGTACGTA"))
    ['ACGTACGTACG', 'CGTACGTACGT', 'GTACGTACGTA']
    """
    return {sequence[place : place + K] for place in range(len(sequence) - K + 1)}
