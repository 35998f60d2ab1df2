"""Sequences in, k-mer frequencies out, (n,) str -> (n, 4**k) float32 rows in input order: the simplest baselines.

- `tnf`: tetranucleotide frequencies, 256 columns in the order of the alphabet A T C G (the first base changes
  slowest).
- `kmer5`, `kmer6`: frequencies of all k-mers in the order of A C G T, 1,024 or 4,096 columns.

Both are counts of overlapping windows divided by their number (each row sums to 1), strands not merged, windows with
another letter than A C G T skipped.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.methods.method import Method, Split

ALPHABETS = {"tnf": (4, "ATCG"), "kmer5": (5, "ACGT"), "kmer6": (6, "ACGT")}


def kmer_frequencies(sequences: Sequence[str], k: int, alphabet: str = "ACGT", block: int = 256) -> np.ndarray:
    """Count overlapping k-mers with rolling integer codes, a block of sequences at a time.

    Args:
        sequences: Upper-case sequences; a window with a letter outside of the alphabet is skipped.
        k: Length of a k-mer in bp.
        alphabet: Order of the columns; the first base of a k-mer changes slowest.
        block: Sequences counted at once, which bounds the memory beside the result.

    Returns:
        Frequencies (sequences, 4**k), float32; a row without a valid window is zero.

    >>> kmer_frequencies(["AAAT", "ANA"], k=1).tolist()
    [[0.75, 0.0, 0.0, 0.25], [1.0, 0.0, 0.0, 0.0]]
    """
    code_of = np.full(256, 4, dtype=np.int64)
    code_of[np.frombuffer(alphabet.encode(), dtype=np.uint8)] = np.arange(4)
    profiles = np.zeros((len(sequences), 4**k), dtype=np.float32)
    for first in range(0, len(sequences), block):
        part = sequences[first : first + block]
        # N pads between sequences so that no window crosses from one into the next
        letters = np.frombuffer(("N" * k).join([*part, ""]).encode(), dtype=np.uint8)
        digits = code_of[letters]
        windows = len(digits) - k + 1
        codes = sum(digits[i : i + windows] * 4 ** (k - 1 - i) for i in range(k))
        valid = np.lib.stride_tricks.sliding_window_view(digits, k).max(axis=1) < 4
        rows = np.repeat(np.arange(len(part)), [len(sequence) + k for sequence in part])[:windows]
        counts = np.bincount((rows * 4**k + codes)[valid], minlength=len(part) * 4**k).reshape(len(part), -1)
        profiles[first : first + block] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return profiles


def make(name: str, training: Split | None, cache: Path | None) -> Method:
    """Make the baseline of this name; it needs no training, and its vectors are computed each time."""
    k, alphabet = ALPHABETS[name]
    return Method(name, "", 0, encode=partial(kmer_frequencies, k=k, alphabet=alphabet))


BASELINES = dict.fromkeys(ALPHABETS, make)
