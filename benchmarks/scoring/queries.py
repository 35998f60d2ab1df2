"""Draw the queries of the robustness tasks, and score them when altered: one metric for each alteration.

There are two questions, as in the task knn: `species_seen`, the species of queries whose species the references hold,
and `genus_unseen`, the genus of queries whose species they do not hold. References are never altered.

The draw takes at most `MOST` queries of a species, then whole species in random order up to `QUERIES` sequences of a
split: otherwise large species would dominate the score, and each alteration has to be embedded. All points of a curve
have the same queries, so differences along it are more certain than each point's interval. The other sequences of a
split count as `left_out`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.methods.method import Method, Split, predict_names
from benchmarks.scoring.clusterings import choose
from benchmarks.scoring.intervals import accuracy_interval

MOST = 5  # queries of a species
QUERIES = 1000  # queries of a split, by default


class Question(NamedTuple):
    """Queries of one split and the names that they should be given."""

    rank: str
    rows: np.ndarray  # (q,) int, of the split
    sequences: list[str]  # (q,)
    names: np.ndarray  # (q,) str, at the rank
    species: np.ndarray  # (q,) str
    counts: dict[str, int]  # rows of the split scored and left out


def draw_question(split: Split, rank: str, *, seed: int, queries: int = QUERIES, shortest: int = 0) -> Question:
    """Draw queries whose species and name are known (see the head of this file).

    Args:
        split: Where from; may be empty.
        rank: Rank of the names to be found.
        seed: Seed of the draw.
        queries: How many to draw at most.
        shortest: Shorter sequences are left out, bp.
    """
    usable = (split.labels[rank] != "") & (np.array([len(s) for s in split.sequences], dtype=int) >= shortest)
    species = np.where(usable, split.labels["species"], "")
    rows = choose(species, fewest=1, most=MOST, seed=seed)
    _, group = np.unique(species[rows], return_inverse=True)
    sizes = np.bincount(group)
    order = np.random.default_rng(seed).permutation(len(sizes))
    rows = rows[np.isin(group, order[np.cumsum(sizes[order]) <= queries])]
    return take(split, rank, rows)


def draw_replicates(split: Split, *, seed: int, queries: int = QUERIES, shortest: int = 0) -> Question:
    """Draw what can be clustered: queries as `draw_question` draws them whose species has two or more among them.

    The question is empty if fewer than two species have.
    """
    rows = draw_question(split, "species", seed=seed, queries=queries, shortest=shortest).rows
    rows = rows[choose(split.labels["species"][rows], seed=seed)]
    return take(split, "species", rows if len(np.unique(split.labels["species"][rows])) > 1 else rows[:0])


def take(split: Split, rank: str, rows: np.ndarray) -> Question:
    """Make a question of these rows."""
    return Question(
        rank,
        rows,
        [split.sequences[row] for row in rows],
        split.labels[rank][rows],
        split.labels["species"][rows],
        {"scored": len(rows), "left_out": len(split.ids) - len(rows)},
    )


def ask(
    references: Split, seen: Split, unseen: Split, *, seed: int, queries: int = QUERIES, shortest: int = 0
) -> dict[str, Question]:
    """Draw both questions of the head of this file, by the names of their metrics.

    Args:
        references: Labelled sequences.
        seen: Queries whose species the references hold; may be empty.
        unseen: Queries of other species; may be empty.
        seed: Seed of the draws.
        queries: How many to draw at most of either split.
        shortest: Shorter queries are left out, bp.

    Raises:
        ValueError: Neither question has queries and references with names.
    """
    questions = {
        name: draw_question(split, rank, seed=seed, queries=queries, shortest=shortest)
        for name, split, rank in (("species_seen", seen, "species"), ("genus_unseen", unseen, "genus"))
    }
    asked = {name: q for name, q in questions.items() if len(q.rows) and np.any(references.labels[q.rank] != "")}
    if not asked:
        raise ValueError(
            f"got {len(references.ids)} references, {len(seen.ids)} queries of seen and {len(unseen.ids)} of unseen "
            "species, but this task needs references and queries with names: check the labels and the split column."
        )
    return asked


def score_alterations(
    method: Method,
    references: Split,
    questions: Mapping[str, Question],
    alter: Callable[[Sequence[str]], Mapping[str, Sequence[str]]],
    *,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Name altered queries after unaltered references.

    Args:
        method: What names them.
        references: Labelled sequences.
        questions: As `ask` draws them.
        alter: From queries to their altered forms, under the suffix of each form's metrics.
        seed: Seed of the intervals.

    Returns:
        Metrics: each question with each suffix: accuracy with an interval over species.

    Raises:
        Unsuited: The method can name nothing.
    """
    metrics = {}
    for name, question in questions.items():
        forms = alter(question.sequences)
        # all forms in one call: a tool then builds the index of its references once
        altered = [sequence for form in forms.values() for sequence in form]
        calls = predict_names(method, altered, references.sequences, references.labels[question.rank])
        right = calls.names.reshape(len(forms), -1) == question.names  # (forms, q)
        for suffix, correct in zip(forms, right, strict=True):
            metrics[name + suffix] = accuracy_interval(correct, question.species, seed)["micro"] | question.counts
    return metrics
