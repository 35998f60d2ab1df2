"""How good the names of queries are when a method may decline to name: pure functions of names, scores and truth.

Some queries are of species that the library holds (`known`), others of species that it lacks. For the latter every
species name is false, however near the species is.
"""

from typing import Any

import numpy as np

from benchmarks.scoring.intervals import RESAMPLES, percentiles, resample_species

BINS = 10


def calibration_error(probabilities: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error (Naeini et al. 2015): how far probabilities are from the shares that are right.

    The mean over ten bins of equal width, weighted by their number of queries, of |mean probability - share right|.

    Args:
        probabilities: Probability that the name of each query is right (q,), 0 to 1.
        right: Whether it is (q,) bool.

    >>> calibration_error(np.array([0.9, 0.9, 0.2, 0.2]), np.array([True, True, False, True]))
    0.2
    """
    place = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    differences = np.bincount(place, weights=probabilities - right, minlength=BINS)
    return round(float(np.abs(differences).sum() / len(right)), 6)


def share_at_precision(
    scores: np.ndarray, right: np.ndarray, known: np.ndarray, weights: np.ndarray, precision: float = 0.95
) -> float:
    """The largest share of known queries that a threshold names correctly, at a given precision of all names.

    Args:
        scores: Confidence of each name (q,), higher is more certain; -inf: no name. Queries of equal
            scores are named together.
        right: Whether the name is right (q,) bool; never for a species that the library lacks.
        known: Whether the library holds the species (q,) bool.
        weights: How often each query counts (q,).
        precision: Share of all names, on known and unknown species, that must be right.

    >>> scores, right = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True])
    >>> share_at_precision(scores, right, np.array([True, True, False, True]), np.ones(4), precision=0.75)
    1.0
    """
    order = np.argsort(-scores, kind="stable")
    order = order[np.isfinite(scores[order])]
    if not len(order):
        return 0.0
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    named, hits = (np.cumsum(counted[order])[ends] for counted in (weights, weights * right))
    enough = hits >= (precision - 1e-9) * named
    return float(np.max(hits, where=enough, initial=0) / max(float((weights * known).sum()), 1e-12))


def score_precision(
    scores: np.ndarray, right: np.ndarray, known: np.ndarray, species: np.ndarray, seed: int
) -> dict[str, Any]:
    """`share_at_precision` with a 95 % interval from resampling species, separately for known and unknown ones.

    Args:
        scores: As `share_at_precision`, and so are the following two.
        right: Whether each name is right.
        known: Whether the library holds each species.
        species: Species of each query (q,) str.
        seed: Seed of the resampling.
    """
    rng = np.random.default_rng(seed)
    weights = np.empty((RESAMPLES, len(scores)))
    for group in (known, ~known):
        weights[:, group] = resample_species(species[group], rng)
    resampled = [share_at_precision(scores, right, known, drawn) for drawn in weights]
    value = share_at_precision(scores, right, known, np.ones(len(scores)))
    return {"value": value, "interval": percentiles(np.array(resampled))}
