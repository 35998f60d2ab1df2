"""A labelled library in, *cases* out: its own records, looked up in it as if they were queries.

At each rank (species, genus, ...) a query gets the name with most votes of near references (votes.py). The evidence
for the name of a genus or a higher rank is the gap 1 - d / D, where d is the distance (1 - similarity) to the nearest
reference with this name, and D that to the nearest reference with another name; if that is nearer, the gap is 0. The
gap is near 0 if another name is as near, as happens in a taxon that the library lacks. It is near 1 if the query
nearly equals a reference and all other names are far. The evidence for a species is its closeness, which also depends
on how near other species are (closeness.py).

How much the evidence proves depends on the model, the library and the queries. So the library's own records are cut to
the sites that the queries cover, and looked up: first without themselves, then without all records of their species,
of their genus, and so on (`LEFT_OUT`), up to the highest rank with two names. Each look-up is a case. The class of a
case is the lowest rank at which the remaining references have the right name: the species is known, only the genus is,
only the family is, and so on.

The cases miss two things. The queries may be of lower quality than the library's records. And the model may have been
trained on the library; then it places these records better than queries.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..closeness import references_of
from ..encoding import Encoded, cut_like, keys_of
from ..library import Library, evidence, nearest_references, search

MOST_RECORDS = 1500  # at most that are looked up, once for each rank
LEFT_OUT = ("species", "genus", "family", "order", "class", "phylum", "kingdom", "domain")  # taxa, in look-ups
ENOUGH_CASES = 100  # cases needed to say how far a sequence of the marker may be from the library
LEAST_SITES = 60  # that a cut record keeps at least


class CalibrationData(NamedTuple):
    """The look-ups of the library's own records: n cases."""

    similarity: np.ndarray  # (n,) to the nearest reference
    evidence: np.ndarray  # (ranks, n), NaN: there is no name, or none but this in the library
    closeness: np.ndarray  # (n,) of the nearest species
    right: np.ndarray  # (ranks, n) bool: the name that was found is the right one
    judged: np.ndarray  # (ranks, n) bool: the record has a name, and there is evidence
    known_from: np.ndarray  # (n,) int, the class, as the number of a rank; `ranks`: no rank is known
    taxon: np.ndarray  # (n,) int, code of the record's taxon below its class, such as the genus that was left out

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
    taxon = np.take_along_axis(truth, np.maximum(known_from - 1, 0)[None], axis=0)[0]
    every = CalibrationData(similarity, found, matches.closeness, right, judged, known_from, taxon)
    return CalibrationData(*(part[..., chosen] for part in every))


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
        if not (data.known_from == 1).any():
            content += "; no genus has two species, so unknown species may get the names of their relatives"
    else:
        missing.append("new species")
    if not missing:
        return content
    return (
        f"{content}; too small to calibrate the probability of: {', '.join(missing)}. A rank needs two names when a "
        "species is left out; species and new species also need a species with two records. These columns stay empty"
    )
