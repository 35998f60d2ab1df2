"""Matches of queries in; the name at each rank, its probability, and the rank of the call out."""

from typing import NamedTuple

import numpy as np

from .calibration import Calibration, CalibrationData
from .library import Library, Matches, evidence, nearest_references

SEVERAL_NAMES = 0.5  # probability of a name, at most, if as near references have another one


class Identifications(NamedTuple):
    """Names of queries and their probabilities; NaN where the library is too small to calibrate them."""

    codes: np.ndarray  # (ranks, q) int, -1: no name
    probabilities: np.ndarray  # (ranks, q) float
    new_species: np.ndarray  # (q,) float, probability that the library lacks the species
    level: np.ndarray  # (q,) int, the lowest rank whose name is probable enough, -1: none
    foreign: np.ndarray  # (q,) bool: out-of-distribution, so without name and probability


def name_queries(
    library: Library,
    data: CalibrationData,
    calibration: Calibration,
    matches: Matches,
    confidence: float | np.ndarray,
    agreed: np.ndarray | None = None,
) -> Identifications:
    """Name queries at each rank, and find the lowest rank whose name has at least the probability `confidence`.

    `confidence` is one number, or one for each rank (ranks,). Three rules hold:

    - If several references are indistinguishable over the query, a rank at which they have several names is never
      called (`agreed_ranks`), and its name has at most the probability `SEVERAL_NAMES`. So the call is at their lowest
      common ancestor or above it.
    - If the reference of the lower name also has the higher name, the higher name is at least as probable as the
      lower one. If not, the higher name can be right only if the lower one is wrong, which bounds its probability.
    - A query is out-of-distribution (`foreign`) if it cannot be placed, or if it is farther from the library than
      any of the library's records was from all other families.
    """
    nearest, similarity = nearest_references(matches)
    foreign = (nearest < 0) | (similarity < data.least_similarity)
    rows = np.where(foreign, -1, matches.rows[:, :, 0])
    names = np.where(rows >= 0, library.codes[:, np.maximum(rows, 0)], -1)  # (ranks, ranks of the reference, q)
    codes = np.diagonal(names).T  # each rank's name, of that rank's reference
    probabilities = np.full(rows.shape, np.nan)
    every = evidence(matches)
    for rank, curve in enumerate(calibration.names):
        if curve is None:
            continue
        told = ~np.isnan(every[rank]) & ~foreign
        probabilities[rank, told] = curve.at(every[rank, told])
        if agreed is not None:
            probabilities[rank, ~agreed[rank]] = np.fmin(probabilities[rank, ~agreed[rank]], SEVERAL_NAMES)
        for lower in range(rank):
            right = probabilities[lower]
            same = (codes[lower] >= 0) & (names[rank, lower] == codes[rank])
            bound = np.where(same, np.fmax(probabilities[rank], right), np.fmin(probabilities[rank], 1 - right))
            probabilities[rank] = np.where(np.isnan(right), probabilities[rank], bound)
    new_species = np.full(rows.shape[1], np.nan)
    if calibration.new_species is not None:
        new_species = np.fmin(calibration.new_species.at(-matches.closeness), 1 - probabilities[0])
        new_species[foreign] = np.nan
    sure = probabilities >= np.reshape(confidence, (-1, 1))
    if agreed is not None:
        sure &= agreed
    level = np.where(sure.any(axis=0), sure.argmax(axis=0), -1)
    return Identifications(codes, probabilities, new_species, level, foreign)
