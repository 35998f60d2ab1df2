"""Names of a library's records in, numbers of the names out; missing names are completed from other records."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa


def numbered(names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Number names in their order: the names without "" (n,) object, and the number of each one (r,) int32, -1: "".

    >>> known, code = numbered(["b", "", "a", "b"])
    >>> known.tolist(), code.tolist()
    (['a', 'b'], [1, -1, 0, 1])
    """
    found = pa.array(names, pa.string()).dictionary_encode()
    known, order = np.unique(found.dictionary.to_numpy(zero_copy_only=False), return_inverse=True)
    unnamed = int(len(known) > 0 and known[0] == "")  # the empty name sorts first
    return known[unnamed:], order[found.indices.to_numpy()].astype(np.int32) - unnamed


def number_ranks(labels: Mapping[str, Sequence[str]]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Number the names of records at each rank, and complete them.

    Args:
        labels: Names at each rank (r,), species first; "": no name. A rank without any name is left out.

    Returns:
        The names at each rank, and their numbers (ranks, r) int32, -1: no name.
    """
    numbers = {rank: numbered(names) for rank, names in labels.items()}
    names = {rank: known for rank, (known, _) in numbers.items() if len(known)}
    return names, complete_lineages(np.stack([numbers[rank][1] for rank in names]))


def groups_of(species: np.ndarray) -> np.ndarray:
    """Group records by species (r,) int; those without, -1, are a group each.

    >>> groups_of(np.array([1, -1, 0, 1, -1])).tolist()
    [1, 2, 0, 1, 3]
    """
    groups, alone = species.copy(), np.flatnonzero(species < 0)
    groups[alone] = species.max() + 1 + np.arange(len(alone))
    return groups


def complete_lineages(codes: np.ndarray) -> np.ndarray:
    """Give records the names that others of the same lower taxon have, rank by rank upwards.

    The lower taxon is the one at the nearest lower rank at which the record has a name; few records have a tribe.

    Args:
        codes: Number of the name of each record at each rank (ranks, r) int, -1: none.

    >>> complete_lineages(np.array([[0, 1, 2], [0, 0, 1], [4, -1, -1]])).tolist()
    [[0, 1, 2], [0, 0, 1], [4, 4, -1]]
    >>> complete_lineages(np.array([[0, 0, 1], [-1, -1, 0], [3, -1, -1]])).tolist()
    [[0, 0, 1], [-1, -1, 0], [3, 3, -1]]
    """
    codes = codes.copy()
    for rank in range(1, len(codes)):
        upper = codes[rank].copy()
        waiting = upper < 0
        for lower in codes[rank - 1 :: -1]:
            both, told = (upper >= 0) & (lower >= 0), waiting & (lower >= 0)
            lowest, highest = np.full(lower.max() + 1, upper.max() + 1), np.full(lower.max() + 1, -1)
            np.minimum.at(lowest, lower[both], upper[both])
            np.maximum.at(highest, lower[both], upper[both])
            agreed = np.where(lowest == highest, highest, -1)
            codes[rank, told] = agreed[lower[told]]
            waiting &= ~told
    return codes
