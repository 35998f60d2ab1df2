"""How sure the nearest species, and the nearest name at a higher rank, are: cosines in, closeness and gaps out."""

import numpy as np

from ..vectors.shared_sites import Found

CROWD = 5  # the distance of the fifth nearest species measures how crowded a neighbourhood is
EQUAL_DISTANCE = 1e-3  # two references whose distances differ by less count as equally near
SCALE = 0.3  # weight of the logarithm of a neighbour's distance
COMMON = 0.4  # weight of the logarithm of the number of references
LEAST_DISTANCE = 0.01  # added to distances before their logarithm is taken


def closeness(own: np.ndarray, other: np.ndarray, crowd: np.ndarray, count: np.ndarray) -> np.ndarray:
    """How close the nearest species is, relative to its neighbours: cosines (q,) to (q,), NaN without a nearest.

    -log d + SCALE (log d' + log d") + COMMON log n

    Here d is the distance of the nearest species, d' that of the nearest other species, and d" that of the `CROWD`-th
    species. Where many species are close, a query must be closer to one of them. Distances are scaled by
    those of neighbours as in Zelnik-Manor and Perona (2004). A missing species has the distance 1. The library has n
    references of the nearest species. The more there are, the more common it is, and the more of its variation is
    covered.

    Args:
        own: Cosines of the nearest species.
        other: Cosines of the nearest other species, -inf: there is none.
        crowd: Cosines of the `CROWD`-th species, -inf: there is none.
        count: References of the nearest species.

    >>> own, other = np.array([0.99, 0.99, 0.99, -np.inf]), np.array([0.9, 0.9, 0.99, -np.inf])
    >>> closeness(own, other, np.full(4, 0.5), np.array([1, 10, 1, 0])).round(1).tolist()
    [3.0, 4.0, 2.5, nan]
    """
    near, next_near, far = (
        np.log(np.maximum(1 - np.where(part > -np.inf, part, 0).astype(np.float64), 0) + LEAST_DISTANCE)
        for part in (own, other, crowd)
    )
    common = COMMON * np.log(np.maximum(count, 1))
    return np.where(own > -np.inf, SCALE * (next_near + far) + common - near, np.nan)


def closeness_among(found: Found, species: np.ndarray, nearest: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The closeness of the species of the nearest references (q,), by the cosines of all candidates."""
    names = np.where(found.rows >= 0, species[found.rows], -1)
    own = np.where(nearest >= 0, species[nearest], -1)[:, None]
    cosines = np.where(names >= 0, found.cosine, -np.inf)
    order = np.lexsort((-cosines, names), axis=1)  # each species' nearest reference comes first
    sorted_names, sorted_cosines = (np.take_along_axis(part, order, axis=1) for part in (names, cosines))
    sorted_cosines[:, 1:][sorted_names[:, 1:] == sorted_names[:, :-1]] = -np.inf
    of_species = -np.sort(-sorted_cosines, axis=1)  # (q, k) one for each species, the nearest first
    count = np.maximum((of_species > -np.inf).sum(axis=1), 1)
    crowd = of_species[np.arange(len(count)), np.minimum(CROWD, count) - 1]
    mine, others = (
        np.where(part, cosines, -np.inf).max(axis=1) for part in ((names == own) & (own >= 0), names != own)
    )
    return closeness(mine, others, crowd, counts)


def references_of(
    species: np.ndarray, nearest: np.ndarray, exclude_groups: tuple[np.ndarray, np.ndarray] | None = None
) -> np.ndarray:
    """How many references with the name of its nearest reference a query can find, (q,) int; 0 without a name.

    Args:
        species: Number of the species, or of another name, of each reference (r,) int, -1: none.
        nearest: The nearest reference (q,) int, -1: there is none.
        exclude_groups: As in `nearest_names`.

    >>> species, groups = np.array([0, 0, 0, 1, -1]), (np.array([5, 6, 5]), np.array([5, 6, 5, 5, 7]))
    >>> references_of(species, np.array([1, 3, -1])).tolist()
    [3, 1, 0]
    >>> references_of(species, np.array([1, 3, -1]), groups).tolist()
    [1, 1, 0]
    """
    asked = np.where(nearest >= 0, species[nearest], -1)
    named = species >= 0
    counts = np.bincount(species[named] + 1, minlength=1)[asked + 1]
    if exclude_groups is not None:
        own, others = (part.astype(np.int64) for part in exclude_groups)
        width = max(own.max(initial=0), others.max(initial=0)) + 2
        pairs, excluded = np.unique(species[named] * width + others[named] + 1, return_counts=True)
        wanted = asked * width + own + 1
        place = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
        counts = counts - np.where(pairs[place] == wanted, excluded[place], 0)
    return counts


def gaps(similarities: np.ndarray) -> np.ndarray:
    """How much nearer the nearest name is than the next one: cosines (..., 2) to (...) in [0, 1), NaN without a next.

    >>> gaps(np.array([[1.0, 0.4], [0.7, 0.4], [0.4, 0.4], [0.4, -np.inf]])).round(2).tolist()
    [1.0, 0.5, 0.0, nan]
    """
    distance, other = np.maximum(1 - similarities.astype(np.float64), 0).transpose(-1, *range(similarities.ndim - 1))
    ratio = np.divide(
        distance + EQUAL_DISTANCE, other + EQUAL_DISTANCE, out=np.ones_like(other), where=np.isfinite(other)
    )
    return np.where(np.isfinite(other), np.maximum(1 - ratio, 0), np.nan)
