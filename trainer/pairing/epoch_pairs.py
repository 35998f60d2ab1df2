"""Which records of a species form pairs in an epoch: species of records in, pairs of rows out."""

import numpy as np


def pair_within(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shuffle each group and cut it into disjoint pairs: (pairs, 2) rows, every row at least once.

    In a group of odd size, the last record gets a random partner. The only record of a group is paired with itself.

    Args:
        groups: (records,) number of each record's group.
        rng: source of randomness.
    """
    order = rng.permutation(len(groups))
    order = order[np.argsort(groups[order], kind="stable")]  # grouped, shuffled within
    _, start, group, size = np.unique(groups[order], return_index=True, return_inverse=True, return_counts=True)
    rank = np.arange(len(order)) - start[group]  # place within the group
    size = size[group]
    anchors = np.flatnonzero(rank % 2 == 0)
    random_earlier = start[group[anchors]] + (rng.random(len(anchors)) * np.maximum(rank[anchors], 1)).astype(int)
    positives = np.where(rank[anchors] + 1 < size[anchors], anchors + 1, random_earlier)
    return np.stack([order[anchors], order[np.minimum(positives, len(order) - 1)]], axis=1)
