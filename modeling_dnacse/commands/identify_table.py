"""Calls of queries in, lines of the table that `dnacse identify` writes out."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..identification.calls import NOISE, Calls, Lessons, Library, Matches, nearest_of


def table_columns(library: Library) -> list[str]:
    """The names of the table's columns."""
    ranks = [column for rank in library.names for column in (rank, f"{rank}_probability")]
    first = ["id", "call", "rank", "probability", "new_species_probability"]
    return [*first, *ranks, "nearest", "similarity", "second_species", "second_similarity", "note"]


def table_rows(
    ids: Sequence[str],
    reference_ids: Sequence[str],
    library: Library,
    lessons: Lessons,
    matches: Matches,
    calls: Calls,
    confidence: float,
) -> Iterator[list[str]]:
    """The lines of the table for a block of queries."""
    ranks = list(library.names)
    nearest, similarities = nearest_of(matches)
    seconds, second_similarities = matches.rows[0, :, 1], matches.similarities[0, :, 1]
    notes = describe_queries(lessons, matches, calls, confidence)
    for query, identifier in enumerate(ids):
        found = [
            str(library.names[rank][code]) if code >= 0 else ""
            for rank, code in zip(ranks, calls.codes[:, query], strict=True)
        ]
        probabilities = [number(value) for value in calls.probabilities[:, query]]
        level = calls.level[query]
        call = [found[level], ranks[level], probabilities[level]] if level >= 0 else ["", "", ""]
        by_rank = [cell for pair in zip(found, probabilities, strict=True) for cell in pair]
        second = str(library.names["species"][library.codes[0, seconds[query]]]) if seconds[query] >= 0 else ""
        yield [
            identifier,
            *call,
            number(calls.new[query]),
            *by_rank,
            reference_ids[int(nearest[query])],
            number(similarities[query]),
            second,
            number(second_similarities[query]),
            notes[query],
        ]


def describe_queries(lessons: Lessons, matches: Matches, calls: Calls, confidence: float) -> list[str]:
    """What a reader of the table should know of each query."""
    species = matches.similarities[0]
    far = -np.inf if lessons.new is None else -np.quantile(lessons.new.scores[1], 0.99)
    remarks = {
        "another species is as near": species[:, 0] - species[:, 1] < NOISE,
        "likely a species that the library lacks": calls.new >= confidence,
        "farther than 99 % of left-out species": nearest_of(matches)[1] < far,
        "no name is probable enough": calls.level < 0,
    }
    return ["; ".join(remark for remark, holds in remarks.items() if holds[query]) for query in range(len(calls.new))]


def number(value: float) -> str:
    """Four decimals; empty for what is not known."""
    return f"{min(value, 1):.4f}" if np.isfinite(value) else ""
