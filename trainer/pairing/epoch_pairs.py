"""Which records are paired in an epoch: labels of records in, rows (pairs, 2) out."""

import numpy as np


def pair_within(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cut each group, shuffled anew, into disjoint pairs: (pairs, 2) rows, every row at least once.

    The odd record out gets a random partner of its group; the only record of a group is paired with itself.

    Args:
        groups: (records,) the number of each record's group.
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
