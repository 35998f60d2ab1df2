"""Find near-duplicates of sequences in another set, by edit distances of the candidates that share a minimizer.

Two sequences are near when the shorter, on either strand, lies within the longer with fewer edits (substitutions,
insertions, deletions) than 0.5 % of its length; N matches any base. Their parts between edits then hold an exact match
of at least 100 bases, so that they share a minimizer (`sketches`, 70 successive 31-mers): only such pairs are aligned,
by edlib (Šošić & Šikić 2017). For sequences below 100 bases, or with N in every such part, the filter may miss a pair.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import edlib
import numpy as np

from benchmarks.data.sketches import minimizers
from modeling_dnacse.reading.sequences import reverse_complement

DIFFERENT = 0.005  # of the shorter sequence's bases
WINDOW = 70
_ANY_BASE = [("N", base) for base in "ACGT"]


class MinimizerIndex(NamedTuple):
    """Sequences that can be looked up by their minimizers."""

    sequences: Sequence[str]
    hashes: np.ndarray  # (entries,) uint64, ascending
    rows: np.ndarray  # (entries,) int, of the sequence that has the hash


def index_sequences(sequences: Sequence[str]) -> MinimizerIndex:
    """Index sequences by their minimizers."""
    kept = [minimizers(sequence, WINDOW) for sequence in sequences]
    hashes = np.concatenate([np.empty(0, dtype=np.uint64), *kept])
    rows = np.repeat(np.arange(len(kept)), [len(found) for found in kept])
    order = np.argsort(hashes, kind="stable")
    return MinimizerIndex(sequences, hashes[order], rows[order])


def find_near(query: str, index: MinimizerIndex) -> int:
    """Find a sequence that is near (see the head of this file): its row, or -1.

    >>> library = index_sequences(["ACGTTGCATG" * 30, "GATTACAGGC" * 30])
    >>> find_near("GATTACAGGC" * 25, library)
    1
    """
    found = minimizers(query, WINDOW)
    first, last = (np.searchsorted(index.hashes, found, side=side) for side in ("left", "right"))
    candidates = [index.rows[a:b] for a, b in zip(first, last, strict=True)]
    rows, shared = np.unique(np.concatenate([np.empty(0, dtype=int), *candidates]), return_counts=True)
    for row in rows[np.argsort(-shared, kind="stable")]:  # the likeliest first
        if is_near(query, index.sequences[int(row)]):
            return int(row)
    return -1


def is_near(a: str, b: str) -> bool:
    """Align the shorter within the longer, on both strands.

    >>> is_near("ACGT" * 100, "TT" + "ACGT" * 50 + "A" + "ACGT" * 50 + "GG"), is_near("A" * 200, "A" * 199 + "C" + "A")
    (True, False)
    """
    shorter, longer = sorted((a, b), key=len)
    edits = math.ceil(DIFFERENT * len(shorter)) - 1
    return any(
        edlib.align(strand, longer, mode="HW", k=edits, additionalEqualities=_ANY_BASE)["editDistance"] >= 0
        for strand in (shorter, reverse_complement(shorter))
    )
