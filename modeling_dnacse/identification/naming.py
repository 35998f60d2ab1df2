"""Matches of queries in; their names at each rank, how probable each name is, and the lowest rank that is sure out."""

from typing import NamedTuple

import numpy as np

from .calibration import Calibration
from .library import Library, Matches, gaps, nearest_references


class Identifications(NamedTuple):
    """Names of queries and their probabilities; NaN where the library cannot tell."""

    codes: np.ndarray  # (ranks, q) int, -1: no name
    probabilities: np.ndarray  # (ranks, q) float
    new_species: np.ndarray  # (q,) float, probability that the library lacks the species
    level: np.ndarray  # (q,) int, the lowest rank whose name is probable enough, -1: none


def name_queries(library: Library, calibration: Calibration, matches: Matches, confidence: float) -> Identifications:
    """Name queries at each rank, and find the lowest rank whose name has at least the probability `confidence`.

    Where one reference gave the names of two ranks, the higher rank gets at least the probability of the lower one.
    """
    rows = matches.rows[:, :, 0]
    codes = np.where(rows >= 0, np.take_along_axis(library.codes, np.maximum(rows, 0), axis=1), -1)
    probabilities = np.full(rows.shape, np.nan)
    for rank, curve in enumerate(calibration.names):
        if curve is None:
            continue
        probabilities[rank] = curve.at(gaps(matches.similarities[rank]))
        if rank:
            lower = np.where(rows[rank] == rows[rank - 1], probabilities[rank - 1], np.nan)
            probabilities[rank] = np.fmax(probabilities[rank], lower)
    new_species = np.full(rows.shape[1], np.nan)
    if calibration.new_species is not None:
        new_species = np.fmin(calibration.new_species.at(-nearest_references(matches)[1]), 1 - probabilities[0])
    sure = probabilities >= confidence
    level = np.where(sure.any(axis=0), sure.argmax(axis=0), -1)
    return Identifications(codes, probabilities, new_species, level)
