"""A labelled library in, calibration curves out: the probability that a name is right, and that a species is new.

At each rank (species, genus, ...) a query gets the name with most votes of near references (votes.py). The evidence
for the name of a genus or a higher rank is the gap 1 - d / D, where d is the distance (1 - similarity) to the nearest
reference with this name, and D that to the nearest reference with another name; if that is nearer, the gap is 0. The
gap is near 0 if another name is as near, as happens in a taxon that the library lacks. It is near 1 if the query
nearly equals a reference and all other names are far. The evidence for a species is its closeness, which also depends
on how near other species are (closeness.py).

How much the evidence proves depends on the model, the library and the queries. So the library's own records are cut to
the sites that the queries cover, and looked up in the library as if they were queries: first without themselves, then
without all records of their species, of their genus, and so on (`LEFT_OUT`), up to the highest rank with two names.
Each look-up is a *case*. The class of a case is the lowest rank at which the remaining references have the right name:
the species is known, only the genus is, only the family is, and so on.

For each rank, a monotone curve (probability_curves.py) maps the evidence to the probability that the name is right. It
is a sigmoid for species, since closeness is a logarithm, and an isotonic regression for higher ranks. Another sigmoid
maps the closeness of the nearest species to the probability that the library lacks the query's species.
Cases are weighted, so that each class has the share that it is expected to have among the queries. These shares are
estimated from the queries (`estimate_shares`).

The calibration misses two things. The queries may be of lower quality than the library's records. And the model may
have been trained on the library; then it places these records better than queries.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .closeness import references_of
from .encoding import Encoded, cut_like, keys_of
from .library import Library, Matches, evidence, nearest_references, search
from .probability_curves import Curve, Sigmoid, fit_curve, fit_sigmoid

MOST_RECORDS = 1500  # at most that are looked up, once for each rank
LEFT_OUT = ("species", "genus", "family", "order", "class", "phylum", "kingdom", "domain")  # taxa, in look-ups
ENOUGH_CASES = 100  # cases needed to say how far a sequence of the marker may be from the library
LEAST_SITES = 60  # that a cut record keeps at least
PARTS = 7  # intervals of closeness, and of similarity, in the estimate of shares
PRIOR_STRENGTH = 20  # pseudo-queries, equally many of each class, in the estimate of shares


class CalibrationData(NamedTuple):
    """The look-ups of the library's own records: n cases."""

    similarity: np.ndarray  # (n,) to the nearest reference
    evidence: np.ndarray  # (ranks, n), NaN: there is no name, or none but this in the library
    closeness: np.ndarray  # (n,) of the nearest species
    right: np.ndarray  # (ranks, n) bool: the name that was found is the right one
    judged: np.ndarray  # (ranks, n) bool: the record has a name, and there is evidence
    known_from: np.ndarray  # (n,) int, the class, as the number of a rank; `ranks`: no rank is known

    @property
    def least_similarity(self) -> float:
        """The least similarity among cases of the highest class; -inf if there are too few of them."""
        far = self.known_from == self.known_from.max(initial=0)
        return float(self.similarity[far].min()) if far.sum() >= ENOUGH_CASES else -np.inf

    @property
    def tells_new_species(self) -> bool:
        """Whether there are cases of known species and of new ones, with a species near them."""
        near = self.known_from[~np.isnan(self.closeness)]
        return bool(np.any(near == 0) and np.any(near > 0))

    def tells(self, rank: int) -> bool:
        """Whether names at a rank can be calibrated: on cases of new species and, for species, also of known ones."""
        judged = self.judged[rank]
        return bool(np.any(judged & (self.known_from > 0)) and (rank or np.any(judged & (self.known_from == 0))))


class Calibration(NamedTuple):
    """The curves that were fitted to `CalibrationData` for some shares of the classes."""

    names: list[Sigmoid | Curve | None]  # at each rank; None: the library is too small
    new_species: Sigmoid | None
    shares: np.ndarray  # (ranks + 1,) expected share of queries of each class


def collect_calibration(
    library: Library, queries: Encoded, seed: int = 0, cut: Callable[[np.ndarray], Encoded] | None = None
) -> CalibrationData:
    """Look up the library's own records, drawn and cut alike in whatever order they and the queries are given.

    Args:
        library: The references.
        queries: Some of the queries. If they were placed, records are cut to the sites that they cover.
        seed: Seed of the choice of `MOST_RECORDS` records, and of their cuts.
        cut: For vectors, encodes records, given by their rows, as long as the queries are; None: they stay whole.
    """
    codes = library.codes
    records = np.flatnonzero(codes[0] >= 0)
    records = records[np.lexsort((codes[0, records], keys_of(library.encoded)[records]))]
    if len(records) > MOST_RECORDS:
        records = np.random.default_rng(seed).choice(records, MOST_RECORDS, replace=False)
    asked = take(library.encoded, records) if cut is None else cut(records)
    if asked.sites is not None and queries.sites is not None:
        asked = Encoded(None, cut_like(asked.sites, queries.sites, LEAST_SITES, seed))
    left_out = [code for rank, code in zip(library.names, codes, strict=True) if rank in LEFT_OUT and code.max() > 0]
    groups = [np.arange(codes.shape[1]), *left_out]
    parts = [_look_up(library, asked, records, group) for group in groups]
    return CalibrationData(*(np.concatenate(part, axis=-1) for part in zip(*parts, strict=True)))


def take(encoded: Encoded, rows: np.ndarray) -> Encoded:
    """Some of the sequences."""
    if encoded.sites is not None:
        return Encoded(None, type(encoded.sites)(*(part[rows] for part in encoded.sites)))
    assert encoded.vectors is not None
    return Encoded(encoded.vectors[rows], None, None if encoded.lengths is None else encoded.lengths[rows])


def _look_up(library: Library, asked: Encoded, records: np.ndarray, group: np.ndarray) -> CalibrationData:
    """Look up records without all references of their group; drop records without a group or without a match."""
    codes = library.codes
    matches = search(library, asked, exclude_groups=(group[records], group))
    nearest, similarity = nearest_references(matches)
    chosen = (group[records] >= 0) & (nearest >= 0)
    truth = codes[:, records]
    left = np.stack([references_of(code, records, (group[records], group)) for code in codes]) > 0
    known_from = np.where(left.any(axis=0), left.argmax(axis=0), len(codes))
    several = codes.max(axis=1, initial=-1) > 0  # a name that is alone in the library could never be wrong
    similarities = matches.similarities.copy()
    only = several[:, None] & (similarities[:, :, 0] > -np.inf) & (similarities[:, :, 1] == -np.inf)
    similarities[only, 1] = 0  # a name whose only other one is left out counts as far from another
    found = evidence(matches._replace(similarities=similarities))
    rows = matches.rows[:, :, 0]
    right = (rows >= 0) & (np.take_along_axis(codes, np.maximum(rows, 0), axis=1) == truth) & (truth >= 0)
    judged = (truth >= 0) & ~np.isnan(found) & several[:, None]
    every = CalibrationData(similarity, found, matches.closeness, right, judged, known_from)
    return CalibrationData(*(part[..., chosen] for part in every))


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


def describe_calibration(library: Library, data: CalibrationData) -> str:
    """Say what the library holds, and which probabilities cannot be calibrated on it."""
    content = f"{library.codes.shape[1]:,} references of {len(library.names['species']):,} species"
    missing = [rank for number, rank in enumerate(library.names) if not data.tells(number)]
    if data.tells_new_species:
        known = int((data.known_from == 0).sum())
        without = len(data.known_from) - known
        content += (
            f"; calibrated by its own records, looked up {known:,} times with their species, {without:,} without"
        )
    else:
        missing.append("new species")
    if not missing:
        return content
    return (
        f"{content}; too small to calibrate the probability of: {', '.join(missing)}. A rank needs two names when a "
        "species is left out; species and new species also need a species with two records. These columns stay empty"
    )


def with_new_species(shares: np.ndarray, expected_new: float) -> np.ndarray:
    """Scale the shares of the classes so that new species have the share `expected_new`.

    >>> with_new_species(np.array([0.6, 0.3, 0.1]), 0.8).round(2).tolist()
    [0.2, 0.6, 0.2]
    """
    new = shares[1:].sum()
    if not 0 < new < 1:
        return shares
    return np.concatenate([[1 - expected_new], shares[1:] * expected_new / new])
