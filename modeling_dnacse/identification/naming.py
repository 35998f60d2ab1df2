"""Matches of queries in; the name at each rank and its probability, and then the rank of the call, out."""

from typing import NamedTuple

import numpy as np

from .calibration.cases import CalibrationData
from .calibration.fit import Calibration
from .library import Library, Matches, evidence, nearest_references

SEVERAL_NAMES = 0.5  # probability of a name, at most, if as near references have another one


class Names(NamedTuple):
    """Names of queries and their probabilities; NaN where the library is too small to calibrate them."""

    codes: np.ndarray  # (ranks, q) int, -1: no name
    probabilities: np.ndarray  # (ranks, q) float
    new_species: np.ndarray  # (q,) float, probability that the library lacks the species
    foreign: np.ndarray  # (q,) bool: out-of-distribution, so without name and probability
    agreed: np.ndarray  # (ranks, q) bool: no reference that is as near has another name, so the name may be called

    @property
    def of_callable(self) -> np.ndarray:
        """Probabilities of the names that may be called (ranks, q), NaN elsewhere."""
        return np.where(self.agreed, self.probabilities, np.nan)


def name_queries(
    library: Library,
    data: CalibrationData,
    calibration: Calibration,
    matches: Matches,
    agreed: np.ndarray | None = None,
) -> Names:
    """Name queries at each rank.

    Three rules hold:

    - If several references are indistinguishable over the query, a rank at which they have several names is never
      called (`agreed_ranks`), and its name has at most the probability `SEVERAL_NAMES`. So the call is at their lowest
      common ancestor or above it.
    - If the reference of the lower name also has the higher name, the higher name is at least as probable as the
      lower one. If not, the higher name can be right only if the lower one is wrong, which bounds its probability.
      A rank without a name has no probability, and bounds no other.
    - A query is out-of-distribution (`foreign`) if it cannot be placed, or if it is farther from the library than
      any of the library's records was from all other families.
    """
    nearest, similarity = nearest_references(matches)
    foreign = (nearest < 0) | (similarity < data.least_similarity)
    rows = np.where(foreign, -1, matches.rows[:, :, 0])
    names = np.where(rows >= 0, library.codes[:, np.maximum(rows, 0)], -1)  # (ranks, ranks of the reference, q)
    codes = np.diagonal(names).T  # each rank's name, of that rank's reference
    probabilities = np.full(rows.shape, np.nan)
    agreed = np.ones(rows.shape, bool) if agreed is None else agreed
    every = evidence(matches)
    for rank, curve in enumerate(calibration.names):
        if curve is None:
            continue
        told = ~np.isnan(every[rank]) & ~foreign
        probabilities[rank, told] = curve.at(every[rank, told])
        probabilities[rank, ~agreed[rank]] = np.fmin(probabilities[rank, ~agreed[rank]], SEVERAL_NAMES)
        for lower in range(rank):
            right = probabilities[lower]
            same = names[rank, lower] == codes[rank]
            bound = np.where(same, np.fmax(probabilities[rank], right), np.fmin(probabilities[rank], 1 - right))
            probabilities[rank] = np.where(np.isnan(right), probabilities[rank], bound)
        probabilities[rank, codes[rank] < 0] = np.nan
    new_species = np.full(rows.shape[1], np.nan)
    if calibration.new_species is not None:
        new_species = np.fmin(calibration.new_species.at(-matches.closeness), 1 - probabilities[0])
        new_species[foreign] = np.nan
    return Names(codes, probabilities, new_species, foreign, agreed)


def rank_of_call(names: Names, least: float | np.ndarray) -> np.ndarray:
    """The lowest rank whose name may be called and has at least the probability `least`: (q,) int, -1: none.

    `least` is one number, or one for each rank (ranks,).
    """
    sure = names.of_callable >= np.reshape(least, (-1, 1))
    return np.where(sure.any(axis=0), sure.argmax(axis=0), -1)
