"""Alter sequences by reverse complement, windows or sequencing errors, as pure functions of a seed.

What is drawn does not depend on how strong the alteration is, so curves are paired: with one seed the windows of every
length lie at the same relative place of a sequence, and the errors at 1 % are among those at 2 %.

The error model of `mutate`: each base is read wrongly with probability `rate`, independently. A share `indels` of the
errors are insertions of a random base after it or deletions of it, equally often. The other errors substitute it by
one of the three other bases. Real errors cluster in homopolymers and towards read ends; this model serves to compare
methods and does not describe a sequencer.
"""

from collections.abc import Sequence

import numpy as np

from modeling_dnacse.reading.sequences import reverse_complement

BASES = np.frombuffer(b"ACGT", dtype=np.uint8)


def flip_half(sequences: Sequence[str], seed: int) -> list[str]:
    """Replace a random half of the sequences, rounded down, by their reverse complements.

    >>> flip_half(["AC", "AC"], seed=0)
    ['GT', 'AC']
    """
    flipped = np.zeros(len(sequences), dtype=bool)
    flipped[np.random.default_rng(seed).permutation(len(sequences))[: len(sequences) // 2]] = True
    return [reverse_complement(s) if flip else s for s, flip in zip(sequences, flipped, strict=True)]


def cut_windows(sequences: Sequence[str], length: int, places: np.ndarray) -> list[str]:
    """Cut one window out of each sequence; a shorter sequence stays whole.

    Args:
        sequences: Sequences (n,).
        length: Length of the windows, bp.
        places: Where each window lies, (n,) from 0, the 5' end, to 1, the 3' end.

    >>> cut_windows(["ACGTA", "ACGTA", "AC"], 3, np.array([0.0, 0.9, 0.5]))
    ['ACG', 'GTA', 'AC']
    """
    windows = []
    for sequence, place in zip(sequences, places, strict=True):
        start = round(float(place) * max(0, len(sequence) - length))
        windows.append(sequence[start : start + length])
    return windows


def mutate(sequences: Sequence[str], rate: float, seed: int, indels: float = 0.0) -> list[str]:
    """Simulate sequencing errors (see the head of this file for the model).

    Args:
        sequences: Upper-case sequences; an N stays an N, but can be deleted or be followed by an insertion.
        rate: Errors per base, 0 to 1.
        seed: Seed of the draws.
        indels: Share of the errors that are insertions or deletions, 0 to 1.

    >>> mutate(["ACGTACGTAC"], 0.2, seed=1)
    ['ACTTACGTAA']
    """
    rng = np.random.default_rng(seed)
    mutated = []
    for sequence in sequences:
        letters = np.frombuffer(sequence.encode(), dtype=np.uint8)
        wrong = rng.random(len(letters)) < rate
        kind = rng.random(len(letters))
        # the bases' codes are their places in ACGT, so adding 1 to 3 gives another base; the drawn base is inserted
        shift, drawn = rng.integers(1, 4, len(letters)), BASES[rng.integers(0, 4, len(letters))]
        substituted = wrong & (kind >= indels) & (letters != ord("N"))
        inserted, deleted = wrong & (kind < indels / 2), wrong & (indels / 2 <= kind) & (kind < indels)
        read = letters.copy()
        read[substituted] = BASES[(np.searchsorted(BASES, letters[substituted]) + shift[substituted]) % 4]
        copies = 1 + inserted.astype(int) - deleted
        ends = np.cumsum(copies)
        read = np.repeat(read, copies)
        read[ends[inserted] - 1] = drawn[inserted]
        mutated.append(read.tobytes().decode())
    return mutated
