"""Sequences in, sets of hashed k-mers out, small enough to compare thousands of genomes or barcodes.

A k-mer stands for both strands (the smaller of its two codes), its hash is a bijection of 64 bits, and a window with
another letter than A, C, G, T has no hash. Two ways to keep a few of them:

- `sketch`: those with the smallest hashes, one in `scale`, as FracMinHash (Irber et al. 2022,
  doi:10.1101/2022.01.11.475838). The share of one sketch that is in another estimates the share of k-mers that is, and
  that share is identity ** k where bases are substituted independently.
- `minimizers`: the smallest hash of each `window` successive k-mers (Roberts et al. 2004). Two sequences with an exact
  match of window + k - 1 bases, on either strand, have one in common: a filter that misses nothing.
"""

import numpy as np

K = 31  # odd, so that no k-mer is its own reverse complement; 2 bits a base fit 64
NONE = np.uint64(2**64 - 1)  # the hash of a window with N
_CODES = np.full(256, 4, dtype=np.uint8)
_CODES[np.frombuffer(b"ACGT", dtype=np.uint8)] = np.arange(4)


def hashed_kmers(sequence: str, k: int = K) -> np.ndarray:
    """Hash the k-mers of a sequence, the same for both strands.

    Args:
        sequence: Upper-case bases.
        k: Bases of a k-mer, odd and at most 31.

    Returns:
        Hashes (bases - k + 1,) uint64 in order of position, `NONE` where the window has another letter than ACGT.

    >>> bool((hashed_kmers("AACGTTGCA", k=5) == hashed_kmers("TGCAACGTT", k=5)[::-1]).all())
    True
    """
    digits = _CODES[np.frombuffer(sequence.encode(), dtype=np.uint8)]
    windows = len(digits) - k + 1
    if windows < 1:
        return np.empty(0, dtype=np.uint64)
    bases = (digits & 3).astype(np.uint64)
    forward = _pack(bases, k)
    backward = _pack(3 - bases[::-1], k)[::-1]
    hashes = _mix(np.minimum(forward, backward))
    unknown = np.concatenate([[0], np.cumsum(digits == 4)])
    hashes[unknown[k:] > unknown[:windows]] = NONE
    return hashes


def _pack(bases: np.ndarray, k: int) -> np.ndarray:
    """Write every window of k bases as one number, 2 bits a base, in O(log k) passes over the bases."""
    packed, length = bases, 1
    for bit in bin(k)[3:]:
        packed, length = (packed[:-length] << np.uint64(2 * length)) | packed[length:], 2 * length
        if bit == "1":
            packed, length = (packed[:-1] << np.uint64(2)) | bases[length:], length + 1
    return packed


def _mix(codes: np.ndarray) -> np.ndarray:
    """Scatter numbers over 64 bits, one to one: the finaliser of SplitMix64 (Steele et al. 2014)."""
    codes = (codes ^ (codes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    codes = (codes ^ (codes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return codes ^ (codes >> np.uint64(31))


def sketch(sequence: str, scale: int, k: int = K) -> np.ndarray:
    """Keep the k-mers whose hash is in the lowest 1 / scale of all numbers: (kept,) uint64, ascending, distinct.

    >>> sketch("ACGT" * 20, scale=1).size
    2
    """
    hashes = hashed_kmers(sequence, k)
    return np.unique(hashes[(hashes <= NONE // np.uint64(scale)) & (hashes != NONE)])


def minimizers(sequence: str, window: int, k: int = K) -> np.ndarray:
    """Keep the smallest hash of each `window` successive k-mers: (minimizers,) uint64, ascending, distinct.

    A sequence of fewer k-mers than that has the one smallest.

    >>> minimizers("ACGTTGCATTACGGA", window=20, k=5).size
    1
    """
    lowest = hashed_kmers(sequence, k)
    reach, goal = 1, min(window, len(lowest))
    while reach < goal:  # the lowest of `reach` successive hashes; doubling overlaps at the last step
        step = min(reach, goal - reach)
        lowest, reach = np.minimum(lowest[:-step], lowest[step:]), reach + step
    return np.unique(lowest[lowest != NONE])
