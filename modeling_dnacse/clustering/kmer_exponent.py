"""A sample of sequences in, the exponent that turns their shared k-mers into identities out.

A substitution changes k k-mers if no other one is near, so identity is containment^(1/k). But substitutions lie close
together in the variable parts of a gene: in bacterial 16S, identity is about containment^(1/4) of 7-mers, in ITS2
containment^(1/5). So pairs of near sequences are drawn from the sample and aligned, and the exponent is the median of
log(containment) / log(identity). It is the same for all pairs, and so does not change which ones are nearer.
"""

from collections.abc import Sequence

import numpy as np

from ..reading.sequences import reverse_complement
from ..vectors.at_sites import content_keys
from .kmer_linkage import K

LEAST, MOST = 0.94, 0.99  # identity of the pairs; one with fewer differences says little
SMALLEST = 3.0  # exponent that is looked for
ROWS, OTHERS, PAIRS = 1000, 4000, 60  # at most: sequences, others that they are compared with, pairs to align
FEW = 10  # pairs; with fewer, the exponent is K


def near_pairs(sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw pairs of near sequences, at most one for each sequence, the same in whatever order these are given.

    Args:
        sets: Of `kmer_sets` (n, bytes).

    Returns:
        Their rows (pairs, 2), and their containment (pairs,).
    """
    rng = np.random.default_rng(0)
    there = np.flatnonzero(sets.any(axis=1))
    there = there[np.argsort(content_keys(sets[there]), kind="stable")]
    rows, others = (rng.permutation(there)[:most] for most in (ROWS, OTHERS))
    own, among = (np.unpackbits(sets[part], axis=1).astype(np.float32) for part in (rows, others))
    containment = (own @ among.T) / np.minimum(own.sum(1)[:, None], among.sum(1))
    wanted = (containment > LEAST**K) & (containment < MOST**SMALLEST)
    drawn = np.flatnonzero(wanted.any(axis=1))[:PAIRS]
    partners = np.array([rng.choice(np.flatnonzero(wanted[row])) for row in drawn], np.int64)
    return np.stack([rows[drawn], others[partners]], axis=1), containment[drawn, partners]


def fit_exponent(pairs: Sequence[tuple[str, str]], containment: np.ndarray) -> float:
    """Fit the exponent to the sequences of `near_pairs`, which may be of different strands; K if there are too few."""
    pairs = [(first.strip("N"), second.strip("N")) for first, second in pairs]
    turned = [(first, reverse_complement(second)) for first, second in pairs]
    identity = np.maximum(aligned_identities(pairs), aligned_identities(turned))
    usable = (identity >= LEAST) & (identity <= MOST)
    if usable.sum() < FEW:
        return float(K)
    return float(np.clip(np.median(np.log(containment[usable]) / np.log(identity[usable])), SMALLEST, K))


def aligned_identities(pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """Align the shorter sequence of each pair within the longer one: 1 - edit distance / its bases, (pairs,).

    All pairs take a row of the recurrence of Sellers (1980) at once. N, which no k-mer holds, differs from no base and
    counts as none.

    >>> aligned_identities([("TTACGTCGTTT", "ACGTACGT"), ("ACGT", "ACGT")]).tolist()
    [0.875, 1.0]
    >>> aligned_identities([("ACGTACGNNT", "TACGTACCGNT")]).tolist()
    [0.875]
    """
    shorter, longer = (padded([sorted(pair, key=len)[side] for pair in pairs]) for side in (0, 1))
    lengths = np.array([min(map(len, pair)) for pair in pairs])
    bases = ((shorter > 0) & (shorter != ord("N"))).sum(axis=1)
    columns = np.arange(longer.shape[1] + 1, dtype=np.int16)
    distance = np.zeros((len(pairs), len(columns)), np.int16)
    for row in range(shorter.shape[1]):
        base = shorter[:, row : row + 1]
        replaced = distance[:, :-1] + ((longer != base) & (longer != ord("N")) & (base != ord("N")))
        new = np.concatenate([distance[:, :1] + 1, np.minimum(replaced, distance[:, 1:] + 1)], axis=1)
        new = np.minimum.accumulate(new - columns, axis=1) + columns
        distance = np.where((row < lengths)[:, None], new, distance)
    return 1 - distance.min(axis=1, initial=np.iinfo(np.int16).max) / bases


def padded(sequences: Sequence[str]) -> np.ndarray:
    """The letters of n sequences (n, longest) uint8, then zeros."""
    letters = np.zeros((len(sequences), max(map(len, sequences), default=0)), np.uint8)
    for row, sequence in enumerate(sequences):
        letters[row, : len(sequence)] = np.frombuffer(sequence.encode(), np.uint8)
    return letters
