"""Names of queries in; a record of each call, rows of the call table and of the table of hits, out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..vectors.shared_sites import Found
from .closeness import EQUAL_DISTANCE
from .library import Library, Matches, nearest_references
from .naming import Names
from .queries import Query
from .references import HIT

SHOWN = 3  # names in a note

Cell = str | int | float | None  # a float may be NaN: not known
FIRST = ("id", "call", "rank", "probability", "new_species_probability")
NEAREST = ("nearest", "similarity", "identity", "overlap", "second_species", "second_similarity")


class Call(NamedTuple):
    """The call of a query, with all that the tables show. `level` is the number of the rank of the call, -1: none."""

    query: Query
    reverse: bool  # the reverse complement was compared
    level: int
    names: list[str]  # the nearest at each rank, species first; "": none
    probabilities: list[float]  # of these names, NaN where they are not calibrated
    new_species: float
    nearest: Mapping[str, Cell]  # the columns of `NEAREST`
    note: str
    hits: list[dict[str, Cell]]  # the rows of the table of hits, the nearest first

    def called_names(self) -> list[str]:
        """The names from the rank of the call upwards, "" below it, and "" for a name of another lineage.

        A name above the call is less probable than the call only if the reference of the call has another name at
        that rank, or none.
        """
        sure = self.probabilities[self.level]
        return [
            "" if self.level < 0 or rank < self.level or self.probabilities[rank] < sure else name
            for rank, name in enumerate(self.names)
        ]


def call_columns(ranks: Sequence[str]) -> list[str]:
    """The names of the call table's columns."""
    by_rank = [column for rank in ranks for column in (rank, f"{rank}_probability")]
    return [*FIRST, *by_rank, *NEAREST, "note"]


def call_row(call: Call, ranks: Sequence[str]) -> list[Cell]:
    """A row of the call table."""
    level = call.level
    called: list[Cell] = (
        ["", "", np.nan] if level < 0 else [call.names[level], ranks[level], call.probabilities[level]]
    )
    by_rank = [cell for pair in zip(call.names, call.probabilities, strict=True) for cell in pair]
    return [call.query.id, *called, call.new_species, *by_rank, *(call.nearest[key] for key in NEAREST), call.note]


def cell_text(cell: Cell) -> str:
    """A cell as it is written: four decimals; empty where nothing is known.

    >>> [cell_text(cell) for cell in ("Apis", 0.98765, np.nan, 12, None)]
    ['Apis', '0.9877', '', '12', '']
    """
    if isinstance(cell, float):
        return "" if np.isnan(cell) else f"{cell:.4f}"
    return "" if cell is None else str(cell)


def at_most_one(similarity: float) -> float:
    """A similarity, at most 1 (which rounding may exceed); NaN where there is none.

    >>> at_most_one(1.0001), at_most_one(-np.inf)
    (1.0, nan)
    """
    return min(float(similarity), 1.0) if np.isfinite(similarity) else np.nan


def require_pandas() -> Any:
    """Import pandas, of which the tables are DataFrames in Python.

    Raises:
        ValueError: it is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise ValueError("a DataFrame needs pandas, which is not installed: pip install 'dnacse[pandas]'") from None
    return pandas


class Answers(NamedTuple):
    """What a search found for q queries."""

    matches: Matches
    found: Names
    level: np.ndarray  # (q,) int, the rank of the call, -1: none
    likely_new: float  # a species with at least this probability of being new is noted as new
    reverse: np.ndarray  # (q,) bool: the reverse complement was compared
    alike: list[list[str]]  # species of references that are indistinguishable from the nearest, sorted
    hits: Found | None  # the nearest references, if they are wanted


def make_calls(
    queries: Sequence[Query], library: Library, references: Mapping[str, Sequence[str]], answers: Answers
) -> Iterator[Call]:
    """Make the records of a block of queries.

    Args:
        queries: The queries (q,).
        library: The references.
        references: Columns of the table of references: `id`, then what the table of hits shows.
        answers: What the search found.
    """
    matches, found, hits = answers.matches, answers.found, answers.hits
    ids, ranks = references["id"], list(library.names)
    nearest, similarities = nearest_references(matches)
    rank = matches.similarities[:, :, 0].argmax(axis=0)
    identity, overlap = (part[rank, np.arange(len(queries)), 0] for part in (matches.identity, matches.overlap))
    seconds, second_similarities = matches.rows[0, :, 1], matches.similarities[0, :, 1]
    notes = notes_on_queries(answers)
    for number, query in enumerate(queries):
        names = [
            str(library.names[rank][code]) if code >= 0 else ""
            for rank, code in zip(ranks, found.codes[:, number], strict=True)
        ]
        second = str(library.names["species"][library.codes[0, seconds[number]]]) if seconds[number] >= 0 else ""
        values = (
            ids[int(nearest[number])] if nearest[number] >= 0 else "",
            at_most_one(similarities[number]),
            at_most_one(identity[number]),
            int(overlap[number]) or None,
            second,
            at_most_one(second_similarities[number]),
        )
        yield Call(
            query,
            bool(answers.reverse[number]),
            int(answers.level[number]),
            names,
            found.probabilities[:, number].tolist(),
            float(found.new_species[number]),
            dict(zip(NEAREST, values, strict=True)),
            notes[number],
            [] if hits is None else list(hit_rows(query.id, hits, number, references)),
        )


def hit_rows(
    identifier: str, hits: Found, number: int, references: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, Cell]]:
    """The rows of the table of hits of one query."""
    for place, row in enumerate(hits.rows[number].tolist()):
        if row < 0:
            return
        similarity, identity = at_most_one(hits.score[number, place]), at_most_one(hits.identity[number, place])
        overlap = int(hits.overlap[number, place]) or None
        row_cells = {key: str(values[row]) for key, values in references.items() if key != "id"}
        first: tuple[Cell, ...] = (identifier, place + 1, str(references["id"][row]), similarity, identity, overlap)
        hit: dict[str, Cell] = dict(zip(HIT, first, strict=True))
        yield hit | row_cells


def notes_on_queries(answers: Answers) -> list[str]:
    """The note on each query; several notes are joined by semicolons."""
    matches, found = answers.matches, answers.found
    species = matches.similarities[0]
    calibrated = ~np.isnan(found.probabilities).all(axis=0)
    notes = {
        "does not look like the library's marker": found.foreign,
        "another species is as near": (matches.rows[0, :, 1] >= 0)
        & (species[:, 0] - np.maximum(species[:, 1], -2) < EQUAL_DISTANCE),
        "likely a species that the library lacks": found.new_species >= answers.likely_new,
        "no name is probable enough": (answers.level < 0) & ~found.foreign & calibrated,
        "the library is too small to tell probabilities": ~found.foreign & ~calibrated,
    }
    lists = [[note for note, holds in notes.items() if holds[query]] for query in range(len(answers.level))]
    for said, names in zip(lists, answers.alike, strict=True):
        if len(names) > 1:
            more = f" and {len(names) - SHOWN:,} others" if len(names) > SHOWN else ""
            said.append(f"the same bases over the shared sites: {', '.join(names[:SHOWN])}{more}")
    return ["; ".join(said) for said in lists]
