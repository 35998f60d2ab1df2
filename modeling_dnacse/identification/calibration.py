"""A labelled library in, calibration curves out: how probable a name is, and how probable it is that a species is new.

At each rank (species, genus, ...) a query gets the name of the nearest reference that has one. The score of that name
is the gap 1 - d / D, where d is the distance (1 - cosine) to that reference, and D the distance to the nearest
reference with another name. The gap is near 0 where another name is as near, as happens in a taxon that the library
lacks. It is near 1 where the query nearly equals a reference and all other names are far.

What a gap is worth depends on the model and the library, so the library's own records are looked up in it, twice:

- as known species: only the record itself is left out. A species with a single record tells nothing here.
- as new species: all records of its species are left out. The name found for the species is then wrong; those of
  genus, family, ... may be right.

For each rank, a monotone curve (probability_curves.py) maps the gap to the probability that the name is right. Another
curve maps the similarity of the nearest reference to the probability that the library lacks the species. Known and new
species weigh as 1 - e to e, where e is the expected share of new species among the queries. The queries themselves
tell e (`estimate_new_share`).

The calibration cannot see three things: whether the queries are worse sequences than the library's, whether they
belong to groups far from everything in the library, and whether the model was trained on the library, in which case it
places those records better than others.
"""

from typing import NamedTuple

import numpy as np

from .library import Library, Matches, gaps, nearest_references, search
from .probability_curves import Curve, fit_curve

MOST_RECORDS = 5000  # of the library that are looked up
PRIOR_STRENGTH = 20  # queries, half of them new, that are added when the share of new species is estimated


class CalibrationCases(NamedTuple):
    """Scores of records that were looked up, and their outcomes: first as known species, then as new species."""

    scores: tuple[np.ndarray, np.ndarray]  # (known,), (new,) float; the outcome gets more probable as it grows
    outcomes: tuple[np.ndarray, np.ndarray]  # (known,), (new,) bool


class CalibrationData(NamedTuple):
    """What a library's own records tell; None where they cannot tell anything."""

    names: list[CalibrationCases | None]  # at each rank: the gap, and whether the name is right
    new_species: CalibrationCases | None  # minus the similarity of the nearest reference, and whether it is new


class Calibration(NamedTuple):
    """The curves that were fitted to `CalibrationData` for one share of new species."""

    names: list[Curve | None]
    new_species: Curve | None


def collect_calibration(library: Library, seed: int = 0) -> CalibrationData:
    """Look up the library's own records, as known and as new species.

    A rank can be calibrated if two names are left when a species is taken out. The ranks of species and of new species
    also need a species with two records. Without one, the ranks above are calibrated on new species alone, whose names
    are less often right.

    Args:
        library: The references.
        seed: Of the choice of `MOST_RECORDS` records, where there are more.
    """
    species = library.codes[0]
    records = np.flatnonzero(species >= 0)
    if len(records) > MOST_RECORDS:
        records = np.sort(np.random.default_rng(seed).choice(records, MOST_RECORDS, replace=False))
    repeated = records[np.bincount(species[species >= 0])[species[records]] > 1]  # their species has another record
    known = search(library, library.vectors[repeated], exclude_groups=(repeated, np.arange(len(species))))
    new = search(library, library.vectors[records], exclude_groups=(species[records], species))
    names = []
    for rank in range(len(library.codes)):
        cases = [_judge(library, matches, own, rank) for matches, own in ((known, repeated), (new, records))]
        enough = len(cases[1][0]) and (rank or len(cases[0][0]))
        names.append(CalibrationCases(*zip(*cases, strict=True)) if enough else None)
    nearest_known, nearest_new = nearest_references(known)[1], nearest_references(new)[1]
    nearest_new = nearest_new[nearest_new > -np.inf]
    if not len(nearest_known) or not len(nearest_new):
        return CalibrationData(names, None)
    outcomes = (np.zeros(len(nearest_known), dtype=bool), np.ones(len(nearest_new), dtype=bool))
    return CalibrationData(names, CalibrationCases((-nearest_known, -nearest_new), outcomes))


def _judge(library: Library, matches: Matches, records: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Gaps of records at a rank, and whether the name found is their own, where both can be told."""
    gap = gaps(matches.similarities[rank])
    truth = library.codes[rank, records]
    judged = (truth >= 0) & ~np.isnan(gap)
    return gap[judged], (library.codes[rank, matches.rows[rank, :, 0]] == truth)[judged]


def fit_calibration(data: CalibrationData, expected_new: float) -> Calibration:
    """Fit the curves for an expected share of new species among the queries, between 0 and 1."""

    def fit(cases: CalibrationCases | None) -> Curve | None:
        if cases is None:
            return None
        shares = (1 - expected_new, expected_new)
        weights = [np.full(len(s), share / max(1, len(s))) for s, share in zip(cases.scores, shares, strict=True)]
        return fit_curve(np.concatenate(cases.scores), np.concatenate(cases.outcomes), np.concatenate(weights))

    return Calibration([fit(cases) for cases in data.names], fit(data.new_species))


def estimate_new_share(data: CalibrationData, matches: Matches) -> float:
    """Estimate the share of new species among queries by EM (Saerens, Latinne and Decaestecker 2002).

    The estimate is the share that makes the similarities of the queries' nearest references most likely. It counts
    `PRIOR_STRENGTH` further queries, half of them new, so that a few queries do not move it far. It is 0.5 where the
    library cannot tell.
    """
    curve = fit_calibration(data, 0.5).new_species
    if curve is None:
        return 0.5
    at_half = curve.at(-nearest_references(matches)[1])  # probabilities to be new, if half of all queries were new
    share = 0.5
    for _ in range(1000):
        new = at_half * share / (at_half * share + (1 - at_half) * (1 - share))
        share = (new.sum() + PRIOR_STRENGTH / 2) / (len(new) + PRIOR_STRENGTH)
    return float(share)
