"""How many things each of several sources gives, as evenly as their capacities allow."""

import numpy as np


def even_shares(total: int, capacities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Share `total` out: each source gives the same number s, or all it has where that is less.

    share_i = min(capacity_i, s), with s such that the shares sum to `total`; as s is whole, random sources among those
    that have more give one more.

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
