"""Reliability diagrams: look-ups of the library's own records in; stated probabilities and observed shares out."""

import numpy as np

from .assumed_cases import with_assumed
from .cases import CalibrationData
from .fit import fit_calibration

EDGES = np.array([0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 1])  # of stated probabilities
FEWEST = 20  # look-ups in an interval, else it has no point
FOLDS = 5


def reliability(data: CalibrationData, shares: np.ndarray, rank: int, seed: int = 0) -> np.ndarray:
    """Compare the probabilities of names with the share that is right, by cross-validation over look-ups.

    Args:
        data: The look-ups.
        shares: Shares of the classes among the queries (ranks + 1,), by which look-ups are weighted.
        rank: Number of the rank.
        seed: Seed of the folds.

    Returns:
        Mean probability and share of right names of each interval with enough look-ups, (n, 2).
    """
    fold = np.random.default_rng(seed).permutation(len(data.known_from)) % FOLDS
    counts = np.bincount(data.known_from, minlength=len(shares))
    weights = (shares / np.maximum(counts, 1))[data.known_from]
    stated = np.full(len(fold), np.nan)
    for number in range(FOLDS):
        others = CalibrationData(*(part[..., fold != number] for part in data))
        curve = fit_calibration(with_assumed(others), shares).names[rank]
        asked = data.judged[rank] & (fold == number)
        if curve is not None:
            stated[asked] = curve.at(data.evidence[rank, asked])
    told = ~np.isnan(stated) & (weights > 0)
    interval = np.digitize(stated, EDGES[1:-1])
    points = []
    for number in range(len(EDGES) - 1):
        inside = told & (interval == number)
        if inside.sum() >= FEWEST:
            values = stated[inside], data.right[rank, inside].astype(float)
            points.append([np.average(value, weights=weights[inside]) for value in values])
    return np.array(points).reshape(-1, 2)
