"""A labelled library, and the search in it: queries in, the nearest named references at each rank out.

References are compared by the cosine of vectors, or over the sites that both cover (encoding.py). In the second case
the nearest ones are chosen from candidates (vectors/shared_sites.py, candidates.py).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from ..kmers import OTHER
from ..sites import DnacseSites
from ..vectors.neighbours import TIE, nearest, nearest_names
from ..vectors.shared_sites import GROUPS, Found, SiteSearch, nothing_found
from .candidates import nearest_named
from .closeness import closeness as closeness_of
from .closeness import closeness_among, gaps, references_of
from .encoding import Encoded
from .name_codes import groups_of, number_ranks

AS_LONG = 0.9  # share of the nearest reference's sites that a hit must cover to be indistinguishable from it


class Library(NamedTuple):
    """References, and the number of their name at each rank.

    `names[rank][code]` is the name with number `code`. Ranks go from the species upwards; code -1 means no name.
    """

    encoded: Encoded
    search: torch.Tensor | SiteSearch  # unit vectors (r, d) float32, on the device of the search; or a search by sites
    names: dict[str, np.ndarray]
    codes: np.ndarray  # (ranks, r) int32


class Matches(NamedTuple):
    """The nearest reference with the name of the query at each rank, and the nearest one with another name.

    By sites the name has most votes (votes.py), so the other one may be nearer. By vectors it is the nearest name.
    """

    rows: np.ndarray  # (ranks, q, 2) int, -1: there is none, or it is none of the candidates
    similarities: np.ndarray  # (ranks, q, 2) float32, -inf: there is none
    closeness: np.ndarray  # (q,) float, of the nearest species (`closeness`), NaN: there is none
    identity: np.ndarray  # (ranks, q, 2) float32, share of the shared sites with the same base; NaN without sites
    overlap: np.ndarray  # (ranks, q, 2) int32, number of shared sites; 0 without sites


def make_library(
    encoded: Encoded,
    labels: Mapping[str, Sequence[str]],
    *,
    sites: DnacseSites | None = None,
    device: str = "cpu",
) -> Library:
    """Prepare references for searches.

    If a record lacks a name, it gets the name that other records of its lower taxon have, provided that these agree:
    for example the family of the other records of its genus.

    Args:
        encoded: The references (r,); vectors may have any length.
        labels: Their names at each rank (r,), species first; "": no name. A rank without any name is left out.
        sites: The part of the model with sites, if the references are encoded by sites.
        device: Where vectors are compared.

    Raises:
        ValueError: No reference has the name of a species.
    """
    if not any(labels["species"]):
        raise ValueError(
            f"none of {len(encoded)} references has a species; name them in a column species or in the headers, as in "
            ">id species=Apis mellifera"
        )
    names, codes = number_ranks(labels)
    if encoded.sites is None or sites is None:
        return Library(encoded, unit_vectors(encoded).to(device), names, codes)
    return Library(encoded, SiteSearch(sites, encoded.sites.bases, groups_of(codes[0])), names, codes)


def unit_vectors(encoded: Encoded) -> torch.Tensor:
    """Scale vectors to length 1; a row of zeros stays as it is.

    Raises:
        ValueError: A number is NaN or infinite.
    """
    vectors = encoded.vectors
    if vectors is None or not np.isfinite(vectors).all():
        raise ValueError("the model gives NaN or infinity for some sequences; use --dtype float32 or another model")
    return torch.nn.functional.normalize(torch.as_tensor(vectors), dim=1)


def search(library: Library, queries: Encoded, exclude_groups: tuple[np.ndarray, np.ndarray] | None = None) -> Matches:
    """Search the library; `exclude_groups` as in `nearest_names`. A query that is not placed finds nothing."""
    if isinstance(library.search, torch.Tensor):
        rows, similarities = nearest_names(unit_vectors(queries), library.search, library.codes, exclude_groups)
        counts = references_of(library.codes[0], rows[0, :, 0], exclude_groups)
        close = closeness_of(similarities[0, :, 0], similarities[0, :, 1], similarities[0, :, 1], counts)
        nothing = np.full(rows.shape, np.nan, np.float32), np.zeros(rows.shape, np.int32)
        return Matches(rows, similarities, close, *nothing)
    return match_names(library, find_candidates(library, queries, exclude_groups), exclude_groups)


def find_candidates(
    library: Library, queries: Encoded, exclude_groups: tuple[np.ndarray, np.ndarray] | None = None
) -> Found:
    """Search a library by sites for the candidates of each query (q,); a query that is not placed has none."""
    assert queries.sites is not None
    assert isinstance(library.search, SiteSearch)
    placed = np.flatnonzero(queries.sites.placed)
    if exclude_groups is not None:
        exclude_groups = (exclude_groups[0][placed], exclude_groups[1])
    found = library.search(queries.sites.bases[placed], exclude_groups)
    of_all = nothing_found(len(queries), found.rows.shape[1])
    for whole, part in zip(of_all, found, strict=True):
        whole[placed] = part
    return of_all


def match_names(
    library: Library, found: Found, exclude_groups: tuple[np.ndarray, np.ndarray] | None = None
) -> Matches:
    """The matches of queries at each rank, from their candidates; `exclude_groups` are those of the search."""
    assert isinstance(library.search, SiteSearch)
    is_all = len(library.search.starts) <= GROUPS  # the candidates have all names that there are
    rows, score, identity, overlap = nearest_named(found, library.codes, is_all)
    counts = references_of(library.codes[0], rows[0, :, 0], exclude_groups)
    close = closeness_among(found, library.codes[0], rows[0, :, 0], counts)
    return Matches(rows, score, close, identity, overlap)


def nearest_hits(library: Library, queries: Encoded, count: int) -> Found:
    """The nearest references by vectors, (q, count); identity is NaN and overlap 0, as vectors have neither."""
    assert isinstance(library.search, torch.Tensor)
    rows, similarities = nearest(unit_vectors(queries), library.search, count)
    nothing = np.full(rows.shape, np.nan, np.float32), np.zeros(rows.shape, np.int32)
    return Found(rows, similarities, similarities, *nothing)


def equal_hits(library: Library, queries: Encoded, found: Found) -> np.ndarray:
    """Which candidates are indistinguishable from the nearest one over the sites of a query, (q, k) bool.

    At all sites where the query and both references have a base, the two references have the same base. There must be
    nearly as many such sites as the query shares with the nearest reference.
    """
    assert queries.sites is not None
    assert library.encoded.sites is not None
    bases, equal = library.encoded.sites.bases, np.zeros(found.rows.shape, bool)
    for query in np.flatnonzero(found.rows[:, 0] >= 0):
        there = found.rows[query] >= 0
        covered = np.flatnonzero(queries.sites.bases[query] < OTHER)
        candidates = bases[found.rows[query, there][:, None], covered]  # (k, sites)
        known = (candidates < OTHER) & (candidates[0] < OTHER)
        same = np.all((candidates == candidates[0]) | ~known, axis=1)
        equal[query, there] = same & (known.sum(axis=1) >= AS_LONG * known[0].sum())
    return equal


def agreed_ranks(library: Library, matches: Matches, found: Found | None, equal: np.ndarray | None) -> np.ndarray:
    """At which ranks all indistinguishable references have the same name, (ranks, q) bool.

    By sites, these are the `equal` candidates among those `found`. By vectors, they are the references that are as
    near as the nearest.
    """
    if found is None or equal is None:
        nearest, other = matches.similarities[:, :, 0], matches.similarities[:, :, 1]
        return ~((other > -np.inf) & (nearest - other <= TIE))
    ranks = []
    for code in library.codes:
        names = np.where(equal, code[found.rows], -1)
        lowest = np.where(names >= 0, names, len(code)).min(axis=1)
        ranks.append(lowest >= names.max(axis=1))
    return np.stack(ranks)


def nearest_references(matches: Matches) -> tuple[np.ndarray, np.ndarray]:
    """The nearest reference with a name at any rank: rows and similarities (q,); -1 and -inf where there is none."""
    rank = matches.similarities[:, :, 0].argmax(axis=0)
    queries = np.arange(len(rank))
    return matches.rows[rank, queries, 0], matches.similarities[rank, queries, 0]


def evidence(matches: Matches) -> np.ndarray:
    """The evidence for the nearest name at each rank, (ranks, q), NaN where there is no other name.

    It is the closeness for species, and the gap for higher ranks.
    """
    found = gaps(matches.similarities)
    return np.concatenate([np.where(np.isnan(found[:1]), np.nan, matches.closeness), found[1:]])
