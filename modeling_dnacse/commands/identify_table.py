"""Identifications of queries in, lines of the table that `dnacse identify` writes out."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..identification.library import EQUAL_DISTANCE, Library, Matches, nearest_references
from ..identification.naming import Identifications


def table_columns(library: Library) -> list[str]:
    """The names of the table's columns."""
    ranks = [column for rank in library.names for column in (rank, f"{rank}_probability")]
    first = ["id", "call", "rank", "probability", "new_species_probability"]
    nearest = ["nearest", "similarity", "identity", "overlap", "second_species", "second_similarity"]
    return [*first, *ranks, *nearest, "note"]


def table_rows(
    ids: Sequence[str],
    reference_ids: Sequence[str],
    library: Library,
    matches: Matches,
    found: Identifications,
    confidence: float,
) -> Iterator[list[str]]:
    """The lines of the table for a block of queries."""
    ranks = list(library.names)
    nearest, similarities = nearest_references(matches)
    rank = matches.similarities[:, :, 0].argmax(axis=0)
    identity, overlap = (part[rank, np.arange(len(ids)), 0] for part in (matches.identity, matches.overlap))
    seconds, second_similarities = matches.rows[0, :, 1], matches.similarities[0, :, 1]
    notes = notes_on_queries(matches, found, confidence)
    for query, identifier in enumerate(ids):
        names = [
            str(library.names[rank][code]) if code >= 0 else ""
            for rank, code in zip(ranks, found.codes[:, query], strict=True)
        ]
        probabilities = [number(value) for value in found.probabilities[:, query]]
        level = found.level[query]
        call = [names[level], ranks[level], probabilities[level]] if level >= 0 else ["", "", ""]
        by_rank = [cell for pair in zip(names, probabilities, strict=True) for cell in pair]
        second = str(library.names["species"][library.codes[0, seconds[query]]]) if seconds[query] >= 0 else ""
        yield [
            identifier,
            *call,
            number(found.new_species[query]),
            *by_rank,
            reference_ids[int(nearest[query])] if nearest[query] >= 0 else "",
            number(similarities[query]),
            number(identity[query]),
            str(overlap[query]) if overlap[query] else "",
            second,
            number(second_similarities[query]),
            notes[query],
        ]


def notes_on_queries(matches: Matches, found: Identifications, confidence: float) -> list[str]:
    """What a reader of the table should know about each query; the notes are joined by semicolons."""
    species = matches.similarities[0]
    notes = {
        "does not look like the library's marker": found.foreign,
        "another species is as near": (matches.rows[0, :, 1] >= 0)
        & (species[:, 0] - np.maximum(species[:, 1], -2) < EQUAL_DISTANCE),
        "likely a species that the library lacks": found.new_species >= confidence,
        "no name is probable enough": (found.level < 0) & ~found.foreign,
    }
    return [
        "; ".join(note for note, holds in notes.items() if holds[query]) for query in range(len(found.new_species))
    ]


def number(value: float) -> str:
    """Write a number with four decimals; an unknown number is empty."""
    return f"{min(value, 1):.4f}" if np.isfinite(value) else ""
