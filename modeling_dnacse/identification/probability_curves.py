"""Scores and their outcomes in, a monotone curve from score to probability out.

The curve is an isotonic regression (pool adjacent violators, Ayer et al. 1955), flat within a pool and linear between
pools. Each pool gets half a right and half a wrong case in addition, so that a few cases never give a probability of 0
or 1. scikit-learn, which the package does not require, has the regression but not this shrinkage.
"""

from typing import NamedTuple

import numpy as np


class Curve(NamedTuple):
    """A function that never falls, given by its corners (k,): ascending scores and their probabilities."""

    scores: np.ndarray
    probabilities: np.ndarray

    def at(self, scores: np.ndarray) -> np.ndarray:
        """The probability of each score; a score outside the corners has that of the nearest corner."""
        return np.interp(scores, self.scores, self.probabilities)


def fit_curve(scores: np.ndarray, right: np.ndarray, weights: np.ndarray) -> Curve:
    """Fit the probability of being right as a function of the score.

    Args:
        scores: How sure each case was (n,), n > 0.
        right: Whether it was right (n,) bool.
        weights: How much each case counts (n,), positive; only their ratios within a pool matter.

    >>> curve = fit_curve(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, True]), np.ones(4))
    >>> curve.at(np.array([0.0, 2.0, 2.5, 3.5, 9.0])).tolist()
    [0.25, 0.5, 0.5, 0.625, 0.75]
    """
    order = np.argsort(scores, kind="stable")
    scores, first = np.unique(scores[order], return_index=True)  # equal scores are one case
    mass = np.add.reduceat(weights[order], first)
    hits = np.add.reduceat((weights * right)[order], first)
    squares = np.add.reduceat(np.square(weights)[order], first)
    shares, lengths = pool(hits / mass, mass)
    ends = np.cumsum(lengths) - 1
    starts = ends - lengths + 1
    cases = np.add.reduceat(mass, starts) ** 2 / np.add.reduceat(
        squares, starts
    )  # the effective number of cases (Kish)
    shrunk, spans = pool(
        (shares * cases + 0.5) / (cases + 1), cases + 1
    )  # a short pool shrinks more than its neighbour
    last = np.cumsum(spans) - 1
    corners = np.stack([scores[starts[last - spans + 1]], scores[ends[last]]], axis=1)
    return Curve(corners.ravel(), np.repeat(shrunk, 2))


def pool(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average neighbours until no value is below the one before: the weighted least-squares fit that never falls.

    Returns:
        The averages (k,), ascending, and how many of the n values each is of (k,) int.

    >>> [part.tolist() for part in pool(np.array([1.0, 3.0, 2.0, 4.0]), np.ones(4))]
    [[1.0, 2.5, 4.0], [1, 2, 1]]
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, length
    for mean, weight in zip(values.tolist(), weights.tolist(), strict=True):
        length = 1
        while pools and pools[-1][0] >= mean:
            before, its_weight, its_length = pools.pop()
            mean = (before * its_weight + mean * weight) / (its_weight + weight)
            weight, length = weight + its_weight, length + its_length
        pools.append((mean, weight, length))
    return np.array([mean for mean, _, _ in pools]), np.array([length for _, _, length in pools])
