"""How sure the nearest species, and the nearest name at a higher rank, are: cosines in, closeness and gaps out."""

import numpy as np

EQUAL_DISTANCE = 1e-3  # two references whose distances differ by less count as equally near
SCALE = 0.3  # weight of the logarithm of a neighbour's distance
COMMON = 0.4  # weight of the logarithm of the number of references
LEAST_DISTANCE = 0.01  # added to distances before their logarithm is taken


def closeness(own: np.ndarray, other: np.ndarray, crowd: np.ndarray, count: np.ndarray) -> np.ndarray:
    """How close the nearest species is, relative to its neighbours: cosines (q,) to (q,), NaN without a nearest.

    -log d + SCALE (log d' + log d") + COMMON log n

    Here d is the distance of the nearest species, d' that of the nearest other species, and d" that of the `CROWD`-th
    species (library.py). Where many species are close, a query must be closer to one of them. Distances are scaled by
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
