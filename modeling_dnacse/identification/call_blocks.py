"""Blocks of encoded queries in; their calls, with what the picture of a run shows of them, out.

The first block decides the calibration, for the part of the marker that its queries cover and for the shares of known
and new species among them, and how probable a name must be to be called.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..vectors.shared_sites import Found
from .calibration.assumed_cases import with_assumed
from .calibration.cases import CalibrationData
from .calibration.fit import Calibration, estimate_shares, fit_calibration, with_new_species
from .call_rules import CallRule, Thresholds
from .call_table import Answers, Call, make_calls
from .encoding import Encoded
from .library import (
    Library,
    Matches,
    agreed_ranks,
    equal_hits,
    find_candidates,
    match_names,
    nearest_hits,
    search,
)
from .naming import Names, name_queries, rank_of_call
from .queries import Query


class NamedBlock(NamedTuple):
    """The calls of a block of queries, and the data behind them."""

    calls: list[Call]
    similarities: np.ndarray  # (q,) to the nearest reference, -inf: none
    names: Names
    level: np.ndarray  # (q,) int, the rank of the call, -1: none
    thresholds: Thresholds
    data: CalibrationData
    calibration: Calibration


class BlockMatches(NamedTuple):
    """The references that a search found for q queries."""

    matches: Matches
    agreed: np.ndarray  # (ranks, q) bool, see `agreed_ranks`
    equal_species: list[list[str]]  # species whose references are indistinguishable from the nearest one, sorted
    hits: Found | None  # the nearest references, if they are wanted


def call_blocks(
    library: Library,
    references: Mapping[str, Sequence[str]],
    blocks: Iterable[tuple[list[Query], Encoded]],
    calibration_for: Callable[[Encoded], CalibrationData],
    *,
    rule: CallRule,
    expected_new: float | None = None,
    top: int = 0,
) -> Iterator[NamedBlock]:
    """Call the queries of each block.

    Args:
        library: The references.
        references: Columns of the table of references: `id`, then what the table of hits shows.
        blocks: Queries, and the same ones encoded.
        calibration_for: Calibrates for queries such as those of a block.
        rule: How sure the calls must be.
        expected_new: Share of queries whose species the library lacks; None: estimated from the first block.
        top: Number of hits to list for each query.
    """
    data = calibration = thresholds = None
    for queries, block in blocks:
        matches, agreed, equal_species, hits = search_block(library, block, top)
        if data is None:
            data = calibration_for(block)
            cases = with_assumed(data)
            shares = estimate_shares(cases, matches)
            if expected_new is not None:
                shares = with_new_species(shares, expected_new)
            calibration = fit_calibration(cases, shares)
        assert calibration is not None
        names = name_queries(library, data, calibration, matches, agreed)
        if thresholds is None:
            thresholds = rule.thresholds(tuple(library.names), names.of_callable, names.new_species)
        level = rank_of_call(names, thresholds.names)
        reverse = np.zeros(len(queries), bool) if block.sites is None else block.sites.reverse
        answers = Answers(matches, names, level, thresholds.new_species, reverse, equal_species, hits)
        calls = list(make_calls(queries, library, references, answers))
        yield NamedBlock(calls, matches.similarities[:, :, 0].max(axis=0), names, level, thresholds, data, calibration)


def search_block(library: Library, block: Encoded, top: int) -> BlockMatches:
    """Search a library for queries (q,), by sites or by vectors, and keep the `top` hits of each."""
    if block.sites is None:
        matches = search(library, block)
        hits = nearest_hits(library, block, top) if top else None
        return BlockMatches(matches, agreed_ranks(library, matches, None, None), [[]] * len(block), hits)
    candidates = find_candidates(library, block)
    matches, equal = match_names(library, candidates), equal_hits(library, block, candidates)
    hits = Found(*(values[:, :top] for values in candidates)) if top else None
    agreed = agreed_ranks(library, matches, candidates, equal)
    return BlockMatches(matches, agreed, species_of_equal_hits(library, candidates, equal), hits)


def species_of_equal_hits(library: Library, found: Found, equal: np.ndarray) -> list[list[str]]:
    """The species of the `equal` (q, k) candidates of each query, sorted."""
    codes, names = library.codes[0], library.names["species"]
    rows = (codes[row[same]] for row, same in zip(found.rows, equal, strict=True))
    return [[str(names[code]) for code in np.unique(row[row >= 0])] for row in rows]
