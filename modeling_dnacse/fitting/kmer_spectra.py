"""Encoded sequences in, frequencies of k-mers out; both strands of a sequence have the same k-mers."""

from collections.abc import Sequence

import numpy as np
import torch

from ..kmers import NO_KMER, kmer_rows, row_of_kmers


def kmer_counts(texts: Sequence[np.ndarray], k: int) -> np.ndarray:
    """Count each k-mer in each sequence, in the order of the rows of a model's k-mers (kmers.py).

    Args:
        texts: Bases as 0 to 3, all else as `kmers.OTHER`, (length,) uint8 each.
        k: Length of k-mers, odd.

    Returns:
        (n, 2 · 4^(k-1)) float32; zeros where a sequence has no k-mer.
    """
    counts = np.zeros((len(texts), kmer_rows(k)), np.float32)
    for row, text in enumerate(texts):
        if len(text) >= k:
            found = row_of_kmers(torch.from_numpy(text[None].astype(np.int64)), k)[0]
            counts[row] = np.bincount(found, minlength=kmer_rows(k))
    return counts[:, NO_KMER + 1 :]


def kmer_frequencies(texts: Sequence[np.ndarray], k: int) -> np.ndarray:
    """Share of each k-mer in each sequence, (n, 2 · 4^(k-1)) float32; see `kmer_counts`.

    >>> kmer_frequencies([np.array([0, 0, 0, 3, 3, 3], np.uint8)], 3).max()
    np.float32(0.5)
    """
    counts = kmer_counts(texts, k)
    return counts / np.maximum(counts.sum(1, keepdims=True), 1)


def kmer_spectra(texts: Sequence[np.ndarray], k: int) -> np.ndarray:
    """Square roots of k-mer frequencies, which are vectors of length 1: (n, 2 · 4^(k-1)) float32."""
    return np.sqrt(kmer_frequencies(texts, k))
