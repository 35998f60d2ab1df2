"""Scores and their outcomes in, a monotone curve from score to probability out.

There are two kinds:

- `fit_curve`: an isotonic regression (pool adjacent violators, Ayer et al. 1955), flat within a pool and linear
  between pools. Each pool gets half a right and half a wrong case in addition, so that a few cases never give a
  probability of 0 or 1. scikit-learn, which the package does not require, has the regression but not this shrinkage.
- `fit_sigmoid`: a logistic regression on the score (Platt 1999), for scores that grow as log odds do. It has two
  parameters, so a few wrong cases among the surest ones do not move all probabilities near 1.
"""

from typing import NamedTuple

import numpy as np

LARGEST = 50.0  # log odds, so that the exponential stays finite
STEPS, LONGEST = 100, 2.0  # of Newton's method: number, and length at most
RIDGE, TINY = 1e-6, 1e-300


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


class Sigmoid(NamedTuple):
    """The function 1 / (1 + exp(-(slope · score + constant))), within bounds; the slope is at least 0."""

    slope: float
    constant: float
    least: float
    most: float

    def at(self, scores: np.ndarray) -> np.ndarray:
        """The probability of each score."""
        return np.clip(_chance(self.slope * scores + self.constant), self.least, self.most)


def fit_sigmoid(scores: np.ndarray, right: np.ndarray, weights: np.ndarray) -> Sigmoid:
    """Fit the probability of being right as a function of the score, by Newton's method.

    The targets are 1 - 1 / (n + 2) for n right cases and 1 / (m + 2) for m wrong ones, as in Platt (1999), so the fit
    exists even where the score tells all cases. n and m are effective numbers (Kish). No probability is beyond the
    targets: more cases are needed to be surer.

    Args:
        scores: How sure each case was (n,), n > 0.
        right: Whether it was right (n,) bool.
        weights: How much each case counts (n,), positive; only their ratios matter.

    >>> fit = fit_sigmoid(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, True]), np.ones(4))
    >>> fit.at(np.array([0.0, 2.5, 9.0])).round(2).tolist()
    [0.26, 0.5, 0.75]
    """
    weights = weights / weights.sum()
    counts = (
        np.square(weights[outcome].sum()) / max(np.square(weights[outcome]).sum(), TINY) for outcome in (right, ~right)
    )
    of_right, of_wrong = (1 / (count + 2) for count in counts)
    targets = np.where(right, 1 - of_right, of_wrong)
    middle, spread = np.average(scores, weights=weights), np.std(scores)
    columns = np.stack([(scores - middle) / spread if spread else np.zeros(len(scores)), np.ones(len(scores))], 1)
    parameters = np.zeros(2)
    for _ in range(STEPS):
        chance = _chance(columns @ parameters)
        slopes = columns.T @ (weights * (chance - targets)) + RIDGE * parameters
        curvature = (columns.T * (weights * chance * (1 - chance))) @ columns + RIDGE * np.eye(2)
        change = np.linalg.solve(curvature, slopes)
        parameters -= change / max(1, np.abs(change).max() / LONGEST)
        if np.abs(change).max() < 1e-9:
            break
    slope, constant = parameters
    bounds = float(of_wrong), float(1 - of_right)
    if slope <= 0:
        mean = np.average(targets, weights=weights)
        return Sigmoid(0.0, float(np.log(mean / (1 - mean))), *bounds)
    return Sigmoid(float(slope / spread), float(constant - slope * middle / spread), *bounds)


def _chance(log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(log_odds, -LARGEST, LARGEST)))


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
