"""Records and the representatives of their clusters in; which records are on the other strand, out.

Shared k-mers and vectors of both strands find that two sequences are alike, but not how they lie to each other.
"""

import numpy as np

from ..reading.rereading import RecordFile
from ..reading.sequences import reverse_complement

K = 11  # bases; two long sequences share few such k-mers by chance


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
