"""Vectors of queries and of a labelled library in; names, how probable each is, and what is new out.

At each rank (species, genus, ...) a query gets the name of the nearest reference that has one. How sure that is comes
from the gap, 1 - d / D: d is the distance (1 - cosine) to that reference, D the distance to the nearest reference with
another name. It is near 0 where another name is as near, as happens in a taxon that the library lacks, and near 1
where the query is as good as identical to a reference and all other names are far.

The library itself tells what a gap is worth, whatever the model, by records whose names are known:

- known: a record is left out and looked up. Species with one record only teach nothing here.
- absent: a record is looked up while all records of its species are left out, as if the species were new. The name of
  the species is then wrong, those of genus, family, ... may be right.

For each rank, a monotone curve (probability_curves.py) leads from the gap to the probability that the name is right;
another one from the similarity of the nearest reference to the probability that the library lacks the species. Known
and absent weigh as 1 - expected_new to expected_new, the share of new species among the queries; those tell it
(`estimate_new`).

What this cannot know: whether the queries are worse sequences than the library's, or belong to groups far from all of
it; and whether the model was trained on the library, so that it places those records better than others.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from ..vectors.neighbours import nearest_names
from .probability_curves import Curve, fit_curve

CALIBRATION_RECORDS = 5000  # looked up among all
NOISE = 1e-3  # distance below which two references count as equally near
DOUBT = 20  # queries, half of them new, that are added to estimate the share of new species


class Library(NamedTuple):
    """References: unit vectors (r, d) float32 on the device of the search, and at each rank the number of their names.

    `names[rank][codes[i]]` is the name of each reference at rank i, from species upwards; code -1: it has none.
    """

    vectors: torch.Tensor
    names: dict[str, np.ndarray]
    codes: np.ndarray  # (ranks, r) int32


class Matches(NamedTuple):
    """What queries found at each rank: the nearest reference with a name, and with another one."""

    rows: np.ndarray  # (ranks, q, 2) int, -1: none
    similarities: np.ndarray  # (ranks, q, 2) float32, -inf: none


class Lesson(NamedTuple):
    """Scores of left-out records, ascending with the outcome, and their outcomes: of known species, of absent ones."""

    scores: tuple[np.ndarray, np.ndarray]  # (a,), (b,) float
    outcomes: tuple[np.ndarray, np.ndarray]  # (a,), (b,) bool


class Lessons(NamedTuple):
    """What the library teaches, None where it cannot."""

    right: list[Lesson | None]  # per rank: gap, whether the name is right
    new: Lesson | None  # minus the similarity of the nearest reference, whether the species is absent


class Calibration(NamedTuple):
    """The curves of `Lessons` for one share of new species."""

    right: list[Curve | None]
    new: Curve | None


class Calls(NamedTuple):
    """Names of queries and how probable each is; NaN where the library cannot tell."""

    codes: np.ndarray  # (ranks, q) int, -1: no name
    probabilities: np.ndarray  # (ranks, q) float
    new: np.ndarray  # (q,) float, probability that the library lacks the species
    level: np.ndarray  # (q,) int, the lowest rank that is probable enough, -1: none


def make_library(vectors: np.ndarray, labels: Mapping[str, Sequence[str]], device: str = "cpu") -> Library:
    """Prepare references for searches.

    Args:
        vectors: Their vectors (r, d), of any length.
        labels: Their names at each rank (r,), species first; "": none. Ranks without any name are left out.
        device: Where searches are done.

    Raises:
        ValueError: No reference has the name of a species.
    """
    if not any(labels["species"]):
        raise ValueError(
            f"none of {len(vectors)} references has a species; name them in a column species or in the headers, as in "
            ">id species=Apis mellifera"
        )
    names, codes = {}, []
    for rank, given in labels.items():
        known, code = np.unique(np.array(given, dtype=object), return_inverse=True)
        unnamed = int(known[0] == "")  # it sorts first
        if len(known) > unnamed:
            names[rank] = known[unnamed:]
            codes.append(code.astype(np.int32) - unnamed)
    return Library(unit(vectors).to(device), names, np.stack(codes))


def unit(vectors: np.ndarray) -> torch.Tensor:
    """Scale rows to length 1; a zero row stays zero.

    Raises:
        ValueError: A number is NaN or infinite.
    """
    if not np.isfinite(vectors).all():
        raise ValueError("the model gives NaN or infinity for some sequences; use --dtype float32 or another model")
    return torch.nn.functional.normalize(torch.as_tensor(vectors), dim=1)


def gaps(similarities: np.ndarray) -> np.ndarray:
    """How much nearer the nearest name is than the next one: cosines (..., 2) -> (...) in [0, 1), NaN without a next.

    >>> gaps(np.array([[1.0, 0.4], [0.7, 0.4], [0.4, 0.4], [0.4, -np.inf]])).round(2).tolist()
    [1.0, 0.5, 0.0, nan]
    """
    distance, other = np.maximum(1 - similarities.astype(np.float64), 0).transpose(-1, *range(similarities.ndim - 1))
    gap = 1 - np.divide(distance + NOISE, other + NOISE, out=np.ones_like(other), where=np.isfinite(other))
    return np.where(np.isfinite(other), np.maximum(gap, 0), np.nan)


def learn(library: Library, seed: int = 0) -> Lessons:
    """Look the library's own records up, as known and as absent ones.

    A rank needs names to leave out, to find and to compare with; species, and what is new, also need a species with
    two records. Without, the ranks above are learnt from absent species alone, whose names are less often right.

    Args:
        library: The references.
        seed: Of the draw of `CALIBRATION_RECORDS` records, where there are more.
    """
    species = library.codes[0]
    rows = np.flatnonzero(species >= 0)
    if len(rows) > CALIBRATION_RECORDS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, CALIBRATION_RECORDS, replace=False))
    again = rows[np.bincount(species[species >= 0])[species[rows]] > 1]
    known = find(library, library.vectors[again], (again, np.arange(len(species))))
    absent = find(library, library.vectors[rows], (species[rows], species))
    right = []
    for rank in range(len(library.codes)):
        cases = [_judge(library, found, own, rank) for found, own in ((known, again), (absent, rows))]
        enough = len(cases[1][0]) and (rank or len(cases[0][0]))
        right.append(Lesson(*zip(*cases, strict=True)) if enough else None)
    nearest_known, nearest_absent = nearest_of(known)[1], nearest_of(absent)[1]
    nearest_absent = nearest_absent[nearest_absent > -np.inf]
    if not len(nearest_known) or not len(nearest_absent):
        return Lessons(right, None)
    outcomes = (np.zeros(len(nearest_known), dtype=bool), np.ones(len(nearest_absent), dtype=bool))
    return Lessons(right, Lesson((-nearest_known, -nearest_absent), outcomes))


def _judge(library: Library, matches: Matches, rows: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Gaps of the references `rows` at a rank and whether the name found is theirs, where that can be judged."""
    gap = gaps(matches.similarities[rank])
    truth = library.codes[rank, rows]
    judged = (truth >= 0) & ~np.isnan(gap)
    return gap[judged], (library.codes[rank, matches.rows[rank, :, 0]] == truth)[judged]


def calibrate(lessons: Lessons, expected_new: float) -> Calibration:
    """Fit the curves for an expected share of new species among the queries, between 0 and 1."""

    def fit(lesson: Lesson | None) -> Curve | None:
        if lesson is None:
            return None
        shares = (1 - expected_new, expected_new)
        weights = [np.full(len(s), share / max(1, len(s))) for s, share in zip(lesson.scores, shares, strict=True)]
        return fit_curve(np.concatenate(lesson.scores), np.concatenate(lesson.outcomes), np.concatenate(weights))

    return Calibration([fit(lesson) for lesson in lessons.right], fit(lessons.new))


def estimate_new(lessons: Lessons, matches: Matches) -> float:
    """Estimate the share of new species among queries by EM (Saerens, Latinne and Decaestecker 2002).

    It is the share that makes the similarities of their nearest references most likely, after `DOUBT` queries that are
    half new were added, so that few queries do not carry it away; 0.5 where the library cannot tell.
    """
    curve = calibrate(lessons, 0.5).new
    if curve is None:
        return 0.5
    even = curve.at(-nearest_of(matches)[1])  # if half were new
    share = 0.5
    for _ in range(1000):
        new = even * share / (even * share + (1 - even) * (1 - share))
        share = (new.sum() + DOUBT / 2) / (len(new) + DOUBT)
    return float(share)


def find(library: Library, queries: torch.Tensor, apart: tuple[np.ndarray, np.ndarray] | None = None) -> Matches:
    """Look up unit vectors (q, d); `apart` as in `nearest_names`."""
    return Matches(*nearest_names(queries, library.vectors, library.codes, apart))


def nearest_of(matches: Matches) -> tuple[np.ndarray, np.ndarray]:
    """The nearest reference that has a name at any rank: rows and similarities (q,)."""
    rank = matches.similarities[:, :, 0].argmax(axis=0)
    queries = np.arange(len(rank))
    return matches.rows[rank, queries, 0], matches.similarities[rank, queries, 0]


def name_queries(library: Library, calibration: Calibration, matches: Matches, confidence: float) -> Calls:
    """Name queries at each rank, and call them at the lowest rank whose name has the probability `confidence`.

    Where two ranks were named after one reference, the higher one is at least as probable as the lower one.
    """
    rows = matches.rows[:, :, 0]
    codes = np.where(rows >= 0, np.take_along_axis(library.codes, np.maximum(rows, 0), axis=1), -1)
    probabilities = np.full(rows.shape, np.nan)
    for rank, curve in enumerate(calibration.right):
        if curve is None:
            continue
        probabilities[rank] = curve.at(gaps(matches.similarities[rank]))
        if rank:
            lower = np.where(rows[rank] == rows[rank - 1], probabilities[rank - 1], np.nan)
            probabilities[rank] = np.fmax(probabilities[rank], lower)
    new = np.full(rows.shape[1], np.nan)
    if calibration.new is not None:
        new = np.fmin(calibration.new.at(-nearest_of(matches)[1]), 1 - probabilities[0])
    sure = probabilities >= confidence
    return Calls(codes, probabilities, new, np.where(sure.any(axis=0), sure.argmax(axis=0), -1))
