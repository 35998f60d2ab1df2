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


def pair_across_species(species: np.ndarray, genus: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Pair records of one genus and different species: (count, 2) rows.

    Each round takes a random record of every species and cuts the genera into disjoint pairs of these, so a species
    counts once however many records it has. Rounds follow each other, with other records, until there are enough.

    Args:
        species: (records,) numbers.
        genus: (records,) numbers; some genus must have two species.
        count: Pairs wanted.
    """
    rounds: list[np.ndarray] = []
    while sum(map(len, rounds)) < count:
        shuffled = rng.permutation(len(species))
        one_each = shuffled[np.unique(species[shuffled], return_index=True)[1]]
        pairs = rng.permutation(one_each[pair_within(genus[one_each], rng)])
        rounds.append(pairs[pairs[:, 0] != pairs[:, 1]])
    return np.concatenate([*rounds, np.empty((0, 2), dtype=np.int64)])[:count]
