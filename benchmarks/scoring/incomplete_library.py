"""Make a library that lacks species, and queries whose species it holds or lacks, for the task identify.

Known queries are of species in the library, unseen queries of other species of its genera, and novel queries of other
genera.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.data.splits import draw_genera
from benchmarks.methods.method import EMPTY, Split
from benchmarks.scoring.queries import draw_question
from modeling_dnacse.reading.labels import RANKS


class Queries(NamedTuple):
    """Queries of the three kinds, one after the other."""

    ids: np.ndarray  # (q,) str
    sequences: list[str]
    labels: dict[str, np.ndarray]  # rank -> (q,) str
    kinds: np.ndarray  # (q,) str: known, unseen or novel


def draw_library(train: Split, unseen: Split, references: int, seed: int) -> Split:
    """Draw references by whole genera, as many as fit, genera of the unseen queries first; 0: all."""
    if not references:
        return train
    genera = train.labels["genus"]
    asked = np.isin(genera, unseen.labels["genus"]) & (genera != "")
    chosen = draw_genera(genera[asked].tolist(), references, seed)
    room = references - int(np.isin(genera, sorted(chosen)).sum())
    chosen |= draw_genera(genera[~asked & (genera != "")].tolist(), room, seed)
    return pick(train, np.flatnonzero(np.isin(genera, sorted(chosen))))


def pick(split: Split, rows: np.ndarray) -> Split:
    """The rows of a split."""
    labels = {rank: names[rows] for rank, names in split.labels.items()}
    return Split(split.ids[rows], [split.sequences[row] for row in rows.tolist()], labels)


def draw_queries(library: Split, splits: Sequence[Split], queries: int, seed: int) -> Queries:
    """Draw queries of each kind from splits; a split may be empty."""
    drawn: list[tuple[str, Split]] = []
    for kind in ("known", "unseen", "novel"):
        room = queries
        for split in splits:
            species, genera = split.labels["species"], split.labels.get("genus", split.labels["species"])
            holds_species = np.isin(species, library.labels["species"])
            holds_genus = (genera != "") & np.isin(genera, library.labels["genus"])
            new_genus = (genera != "") & ~holds_genus
            right = {"known": holds_species, "unseen": ~holds_species & holds_genus, "novel": new_genus}[kind]
            masked = split._replace(labels={**split.labels, "species": np.where(right, species, "")})
            rows = draw_question(masked, "species", seed=seed, queries=room).rows
            room -= len(rows)
            drawn.append((kind, pick(split, rows)))
    kinds = np.repeat([kind for kind, _ in drawn], [len(part.sequences) for _, part in drawn])
    parts = [part for _, part in drawn if part.sequences]
    labels = {rank: np.concatenate([part.labels[rank] for part in parts]) for rank in (RANKS if parts else ())}
    ids = np.concatenate([part.ids for part in parts]) if parts else EMPTY.ids
    return Queries(ids, [sequence for part in parts for sequence in part.sequences], labels, kinds)
