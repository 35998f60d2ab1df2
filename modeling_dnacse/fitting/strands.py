"""Encoded sequences of one marker in; sequences on the minority strand, and signs of several markers, out."""

from collections.abc import Sequence

import numpy as np

from ..kmers import OTHER
from .kmer_spectra import kmer_spectra

K = 6  # bases
BLOCK = 1024  # sequences counted at once
ROUNDS = 8  # of the power iteration
MARGIN = 0.1  # of the median; within it the strand is unknown
STRANGERS = 0.25  # cosine of 7-mers; two sequences below it have nothing in common (LOG.md)
PAIRS = 2000
DRAWN = 400  # records that are searched for separate groups
APART_K, LEAST_SHARED = 9, 0.08  # k, and the share of k-mers that two linked records have in common (LOG.md)


def on_other_strand(texts: Sequence[np.ndarray]) -> np.ndarray:
    """Which sequences are on the minority strand, (n,) bool.

    The difference between the k-mer counts of both strands changes its sign with the strand. So along the leading
    direction of these differences, sequences of one strand have one sign. Sequences near 0 count as majority.
    """
    vector = strand_counts(texts[:1])[0]
    for _ in range(ROUNDS):
        total = np.zeros_like(vector)
        for first in range(0, len(texts), BLOCK):
            counts = strand_counts(texts[first : first + BLOCK])
            total += (counts @ vector) @ counts
        vector = total / max(float(np.linalg.norm(total)), 1e-12)
    places = np.concatenate(
        [strand_counts(texts[first : first + BLOCK]) @ vector for first in range(0, len(texts), BLOCK)]
    )
    if (places < 0).mean() > 0.5:
        places = -places
    return places < -MARGIN * np.median(places)


def strand_counts(texts: Sequence[np.ndarray]) -> np.ndarray:
    """Counts of k-mers minus those of their reverse complements, scaled to length 1: (n, 4^K) float32."""
    counts = np.zeros((len(texts), 4**K), np.float32)
    powers = 4 ** np.arange(K - 1, -1, -1)
    for row, text in enumerate(texts):
        if len(text) >= K:
            windows = np.lib.stride_tricks.sliding_window_view(text.astype(np.int64), K)
            windows = windows[(windows < OTHER).all(1)]
            counts[row] = np.bincount(windows @ powers, minlength=4**K)
            counts[row] -= np.bincount((3 - windows[:, ::-1]) @ powers, minlength=4**K)
    return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-12)


def turned(text: np.ndarray) -> np.ndarray:
    """The reverse complement of an encoded sequence.

    >>> turned(np.array([0, 0, 1, 4], np.uint8)).tolist()
    [4, 2, 3, 3]
    """
    return np.where(text < OTHER, 3 - text, OTHER)[::-1].astype(np.uint8)


def share_of_strangers(texts: Sequence[np.ndarray], genera: np.ndarray, seed: int = 0) -> float:
    """The share of pairs of a genus with almost no k-mers in common; it is high if markers are mixed."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(np.flatnonzero(genera != ""))
    order = order[np.argsort(genera[order], kind="stable")]
    same = np.flatnonzero(genera[order[1:]] == genera[order[:-1]])
    same = rng.permutation(same)[:PAIRS]
    one, other = (kmer_spectra([texts[row] for row in order[same + step]], 7) for step in (0, 1))
    return float(((one * other).sum(1) < STRANGERS).mean()) if len(same) else 0.0


def group_apart(texts: Sequence[np.ndarray], seed: int = 0) -> np.ndarray:
    """Find records with almost no k-mers in common with the largest group, such as those of another marker.

    `DRAWN` records are searched. Two are linked if they share `LEAST_SHARED` of the k-mers of the one with fewer, on
    either strand. Groups are the connected components.

    Returns:
        Rows of the second-largest group, ascending; empty if all are connected.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    rows = np.sort(np.random.default_rng(seed).permutation(len(texts))[:DRAWN])
    found = [distinct_kmers(texts[row], APART_K) for row in rows.tolist()]
    counts = np.array([len(each) for each in found])
    shape = (len(rows), 4**APART_K)
    table = csr_matrix((np.ones(counts.sum(), np.float32), np.concatenate(found), np.r_[0, np.cumsum(counts)]), shape)
    shared = (table @ table.T).toarray() / np.maximum(np.minimum(counts[:, None], counts), 1)
    _, group = connected_components(csr_matrix(shared >= LEAST_SHARED))
    order = np.argsort(-np.bincount(group), kind="stable")
    return rows[group == order[1]] if len(order) > 1 else rows[:0]


def distinct_kmers(text: np.ndarray, k: int) -> np.ndarray:
    """Numbers of the canonical k-mers of a sequence (the smaller of both strands), without repeats.

    >>> distinct_kmers(np.array([0, 0, 3, 3, 0]), 3).tolist()
    [3, 48]
    """
    if len(text) < k:
        return np.empty(0, np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(text.astype(np.int64), k)
    windows = windows[(windows < OTHER).all(1)]
    powers = 4 ** np.arange(k - 1, -1, -1)
    return np.unique(np.minimum(windows @ powers, (3 - windows[:, ::-1]) @ powers))
