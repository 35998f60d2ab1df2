"""How often each genome is used: windows, species and kingdoms of records in, rows of an epoch out.

Kingdoms are balanced, as in DNABERT-S's 2,000,000 pairs of viruses, fungi and bacteria; the formula is ours. The
capacity of a species is the number of windows of its records; the capacity of a kingdom is that of its species
together. The P pairs of an epoch are divided evenly over the kingdoms, then evenly over the species of a kingdom, none
getting more than its capacity (`even_shares`). Within a species, records are sampled in proportion to their windows.
Unless P is given, no kingdom gets more than an equal part of all windows: P = sum_k min(C_k, sum_j C_j / K) for K
kingdoms with capacities C_k. So a single kingdom gives as many pairs as it has windows.
"""

import numpy as np


def even_shares(total: int, capacities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Divide `total` evenly over sources with limited capacities.

    share_i = min(capacity_i, s), with s such that the shares sum to `total`. Since s is a whole number, some random
    sources with more capacity give one more.

    Args:
        total: At most the sum of the capacities.
        capacities: (sources,) whole numbers.

    Returns:
        (sources,) whole numbers that sum to `total`.

    >>> even_shares(10, np.array([100, 2, 50]), np.random.default_rng(0)).tolist()
    [4, 2, 4]
    """
    ascending = np.sort(capacities)
    before = np.cumsum(ascending) - ascending  # (sources,) what all smaller ones give together
    others = len(ascending) - np.arange(len(ascending))  # (sources,) how many are at least as large
    smallest_that_keeps = np.searchsorted(before + ascending * others, total)
    if smallest_that_keeps == len(ascending):
        return capacities.copy()
    share = (total - before[smallest_that_keeps]) // others[smallest_that_keeps]
    shares = np.minimum(capacities, share)
    one_more = rng.permutation(np.flatnonzero(capacities > share))[: total - shares.sum()]
    shares[one_more] += 1
    return shares


class BalancedRows:
    """Samples the rows of epochs, `pairs` in each."""

    def __init__(self, windows: np.ndarray, species: np.ndarray, kingdoms: np.ndarray, pairs: int | None) -> None:
        """Sum the capacities.

        Args:
            windows: (records,) number of windows in each, at least 1.
            species: (records,) numbers from 0 on without gaps.
            kingdoms: (records,) numbers; a species is of the kingdom of its first record.
            pairs: Pairs of an epoch (P above), at most one for each window; None: the formula above.
        """
        self.by_species = np.argsort(species, kind="stable")  # (records,) rows sorted by species
        self.windows_up_to = np.cumsum(windows[self.by_species])  # (records,) in that order
        _, first = np.unique(species, return_index=True)
        _, self.kingdom = np.unique(kingdoms[first], return_inverse=True)  # (species,) from 0 on
        self.of_species = np.bincount(species, windows).astype(np.int64)  # (species,) capacities
        self.of_kingdom = np.bincount(self.kingdom, self.of_species).astype(np.int64)  # (kingdoms,)
        total = int(self.of_kingdom.sum())
        balanced = int(np.minimum(self.of_kingdom, total // len(self.of_kingdom)).sum())
        self.pairs = balanced if pairs is None else min(pairs, total)

    def sample(self, rng: np.random.Generator) -> np.ndarray:
        """Sample the rows of one epoch, sorted by species: (pairs,)."""
        quota = np.zeros_like(self.of_species)
        for kingdom, share in enumerate(even_shares(self.pairs, self.of_kingdom, rng)):
            members = np.flatnonzero(self.kingdom == kingdom)
            quota[members] = even_shares(share, self.of_species[members], rng)
        species = np.repeat(np.arange(len(quota)), quota)  # (pairs,)
        window = (np.cumsum(self.of_species) - self.of_species)[species] + rng.integers(self.of_species[species])
        return self.by_species[np.searchsorted(self.windows_up_to, window, side="right")]
