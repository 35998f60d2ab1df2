"""Identifications of queries in, lines of the table that `dnacse identify` writes out."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..identification.calibration import CalibrationData
from ..identification.library import EQUAL_DISTANCE, Library, Matches, nearest_references
from ..identification.naming import Identifications


def table_columns(library: Library) -> list[str]:
    """The names of the table's columns."""
    ranks = [column for rank in library.names for column in (rank, f"{rank}_probability")]
    first = ["id", "call", "rank", "probability", "new_species_probability"]
    return [*first, *ranks, "nearest", "similarity", "second_species", "second_similarity", "note"]


def table_rows(
    ids: Sequence[str],
    reference_ids: Sequence[str],
    library: Library,
    data: CalibrationData,
    matches: Matches,
    found: Identifications,
    confidence: float,
) -> Iterator[list[str]]:
    """The lines of the table for a block of queries."""
    ranks = list(library.names)
    nearest, similarities = nearest_references(matches)
    seconds, second_similarities = matches.rows[0, :, 1], matches.similarities[0, :, 1]
    notes = notes_on_queries(data, matches, found, confidence)
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
            reference_ids[int(nearest[query])],
            number(similarities[query]),
            second,
            number(second_similarities[query]),
            notes[query],
        ]


def notes_on_queries(data: CalibrationData, matches: Matches, found: Identifications, confidence: float) -> list[str]:
    """What a reader of the table should know about each query; the notes are joined by semicolons."""
    species = matches.similarities[0]
    far = -np.inf if data.new_species is None else -np.quantile(data.new_species.scores[1], 0.99)
    notes = {
        "another species is as near": species[:, 0] - species[:, 1] < EQUAL_DISTANCE,
        "likely a species that the library lacks": found.new_species >= confidence,
        "farther than 99 % of left-out species": nearest_references(matches)[1] < far,
        "no name is probable enough": found.level < 0,
    }
    return [
        "; ".join(note for note, holds in notes.items() if holds[query]) for query in range(len(found.new_species))
    ]


def number(value: float) -> str:
    """Write a number with four decimals; an unknown number is empty."""
    return f"{min(value, 1):.4f}" if np.isfinite(value) else ""
