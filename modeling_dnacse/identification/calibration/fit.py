"""Cases in, calibration curves out: the probability that a name is right, and that a species is new.

For each rank, a monotone curve (probability_curves.py) maps the evidence of cases (cases.py) to the probability that
the name is right. It is a sigmoid for species, since closeness is a logarithm, and an isotonic regression for higher
ranks. Another sigmoid maps the closeness of the nearest species to the probability that the library lacks the query's
species. Cases are weighted, so that each class has the share that it is expected to have among the queries. These
shares are estimated from the queries (`estimate_shares`). Where the library has few taxa of a class, cases are assumed
(assumed_cases.py).
"""

from typing import NamedTuple

import numpy as np

from ..library import Matches, nearest_references
from .cases import CalibrationData
from .probability_curves import Curve, Sigmoid, fit_curve, fit_sigmoid

PARTS = 7  # intervals of closeness, and of similarity, in the estimate of shares
PRIOR_STRENGTH = 20  # pseudo-queries, equally many of each class, in the estimate of shares


class Calibration(NamedTuple):
    """The curves that were fitted to `CalibrationData` for some shares of the classes."""

    names: list[Sigmoid | Curve | None]  # at each rank; None: the library is too small
    new_species: Sigmoid | None
    shares: np.ndarray  # (ranks + 1,) expected share of queries of each class


def fit_calibration(data: CalibrationData, shares: np.ndarray) -> Calibration:
    """Fit the curves for expected shares of the classes among the queries (ranks + 1,)."""
    counts = np.bincount(data.known_from, minlength=len(shares))
    weights = (shares / np.maximum(counts, 1))[data.known_from]

    def cases(scores: np.ndarray, outcomes: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, ...]:
        chosen = chosen & (weights > 0)
        return scores[chosen], outcomes[chosen], weights[chosen]

    names: list[Sigmoid | Curve | None] = []
    for rank in range(len(data.evidence)):
        fit = fit_curve if rank else fit_sigmoid
        told = cases(data.evidence[rank], data.right[rank], data.judged[rank])
        names.append(fit(*told) if data.tells(rank) else None)
    new_species = None
    if data.tells_new_species:
        new_species = fit_sigmoid(*cases(-data.closeness, data.known_from > 0, ~np.isnan(data.closeness)))
    return Calibration(names, new_species, shares)


def estimate_shares(data: CalibrationData, matches: Matches) -> np.ndarray:
    """Estimate how many of the queries are of each class, by EM (Saerens, Latinne and Decaestecker 2002).

    The shares maximise the likelihood of the queries' closeness and similarity, each cut into `PARTS` intervals.
    `PRIOR_STRENGTH` pseudo-queries keep a small number of queries from moving the estimate far.

    Returns:
        Shares (ranks + 1,); 0 for classes without cases.
    """
    counts = np.bincount(data.known_from, minlength=len(data.evidence) + 1)
    there = np.flatnonzero(counts)
    if not len(there):
        return np.full(len(counts), 1 / len(counts))
    nearest, similarity = nearest_references(matches)
    values = [(data.closeness, matches.closeness), (data.similarity, similarity)]
    cases, asked = np.zeros(len(data.similarity), int), np.zeros((nearest >= 0).sum(), int)
    for own, others in values:
        own, others = np.nan_to_num(own, nan=0.0), np.nan_to_num(others[nearest >= 0], nan=0.0)
        edges = np.unique(np.quantile(own, np.linspace(0, 1, PARTS + 1)[1:-1]))
        cases, asked = (
            part * PARTS + np.searchsorted(edges, numbers) for part, numbers in ((cases, own), (asked, others))
        )
    table = np.stack([np.bincount(cases[data.known_from == k], minlength=PARTS**2) + 0.5 for k in there])
    likelihood = (table / table.sum(axis=1, keepdims=True))[:, asked]
    shares = np.full(len(there), 1 / len(there))
    for _ in range(1000):
        each = shares[:, None] * likelihood
        each /= each.sum(axis=0)
        shares = (each.sum(axis=1) + PRIOR_STRENGTH / len(there)) / (len(asked) + PRIOR_STRENGTH)
    result = np.zeros(len(counts))
    result[there] = shares
    return result


def with_new_species(shares: np.ndarray, expected_new: float) -> np.ndarray:
    """Scale the shares of the classes so that new species have the share `expected_new`.

    >>> with_new_species(np.array([0.6, 0.3, 0.1]), 0.8).round(2).tolist()
    [0.2, 0.6, 0.2]
    """
    new = shares[1:].sum()
    if not 0 < new < 1:
        return shares
    return np.concatenate([[1 - expected_new], shares[1:] * expected_new / new])
