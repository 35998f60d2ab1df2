"""Two blocks of sequences in, the distances between them out: shares of different bases, measured or estimated.

- `site_distances`, of sequences that a model with sites has placed: the share of different bases among the sites that
  both cover. Half a difference is added, so that of two pairs without differences the one with the longer overlap is
  nearer. Sequences that share fewer than FEWEST_SHARED sites have no distance.
- `kmer_distances`, of all others: estimated from the share c of the K-mers of the shorter sequence that the longer one
  has, as 1 - c^(1/K). So a piece is near to the whole that it was cut from, on either strand; pieces that overlap in
  part are not.
"""

import numpy as np
import torch
from torch import Tensor

from ..kmers import OTHER
from ..placement import kmer_codes
from ..sites import base_indicators
from ..vectors.shared_sites import reach

FEWEST_SHARED = 50  # sites, or k-mers of a sequence; fewer prove little
K = 11
BINS = 2**13  # that k-mers are hashed into
_FACTOR = 2654435761  # of multiplicative hashing
LETTERS = np.full(256, OTHER, np.uint8)
LETTERS[[ord(base) for base in "ACGT"]] = range(4)


def site_distances(first: Tensor, second: Tensor) -> Tensor:
    """Distances of each of (q, sites) to each of (r, sites) bases: (q, r) float32, inf where too few are shared."""
    (low, high), (other_low, other_high) = (reach(part.numpy().min(0)) for part in (first, second))
    low, high = max(low, other_low), min(high, other_high)
    if high - low < FEWEST_SHARED:
        return torch.full((len(first), len(second)), torch.inf)
    one, two = first[:, low:high], second[:, low:high]
    shared = (one < OTHER).float() @ (two < OTHER).float().T
    alike = base_indicators(one).flatten(1).float() @ base_indicators(two).flatten(1).float().T
    return torch.where(shared >= FEWEST_SHARED, (shared - alike + 0.5) / shared, torch.inf)


def kmer_sets(sequences: list[str]) -> np.ndarray:
    """Which hashed K-mers, on either strand, are in each of n sequences: (n, BINS / 8) uint8, a bit each.

    >>> one, other = kmer_sets(["ACGTTGCAACGTTC", "GAACGTTGCAACGT"])
    >>> (one == other).all(), int(np.unpackbits(one).sum())
    (np.True_, 3)
    """
    sets = np.zeros((len(sequences), BINS // 8), np.uint8)
    for row, sequence in enumerate(sequences):
        text = torch.from_numpy(LETTERS[np.frombuffer(sequence.encode(), np.uint8)].astype(np.int64))
        if len(text) >= K:
            codes = torch.minimum(*kmer_codes(text[None], K))[0]
            bins = np.zeros(BINS, bool)
            bins[(codes[codes < 4**K] * _FACTOR % 2**32 >> 19).numpy()] = True
            sets[row] = np.packbits(bins)
    return sets


def kmer_distances(first: Tensor, second: Tensor) -> Tensor:
    """Distances of each of (q, BINS / 8) to each of (r, BINS / 8) sets of k-mers: (q, r) float32, inf: unknown."""
    one, two = (torch.from_numpy(np.unpackbits(part.numpy(), axis=1)).float() for part in (first, second))
    sizes, others = one.sum(1)[:, None], two.sum(1)
    fewer, more = torch.minimum(sizes, others), torch.maximum(sizes, others)
    by_chance = more / BINS
    share = (one @ two.T / fewer.clamp(min=1) - by_chance) / (1 - by_chance)
    return torch.where(fewer >= FEWEST_SHARED, 1 - share.clamp(min=0) ** (1 / K), torch.inf)
