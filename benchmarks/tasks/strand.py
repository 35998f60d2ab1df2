"""Task strand: does it matter which strand was sequenced? Cosines of the two strands and the accuracy of flipped ones.

- `species_seen`, `genus_unseen`: accuracy of the queries as given; with `_half_flipped` a random half of them is
  replaced by its reverse complement. The references stay as they are, so only a method that reads both strands alike
  keeps its accuracy.
- `cosine_mean`, `cosine_p5`: cosine between the vectors of a query and of its reverse complement, the mean and the
  5th percentile. `cosine_unrelated`: mean cosine between two random queries. Read them together: where all vectors
  point the same way, a high cosine of the two strands says nothing.

A method without vectors has the accuracies only. The biological property is Caduceus' (arXiv 2403.03234), the half
flipped queries are those of a sequencer that does not know strands. Which queries: see queries.py.
"""

from typing import Any

import numpy as np

from benchmarks.methods.method import Method, Split, paired_cosines, vectors
from benchmarks.scoring.alterations import flip_half
from benchmarks.scoring.intervals import accuracy_interval
from benchmarks.scoring.queries import QUERIES, ask, score_alterations
from benchmarks.tasks.task import Task
from modeling_dnacse.reading.sequences import reverse_complement

SPLITS = {"test": ("train", "test", "unseen_test"), "val": ("train", "val", "unseen_val")}
TASK = Task(
    title="Both strands alike",
    headline="species_seen_half_flipped",
    columns={
        "species_seen": "species, seen",
        "species_seen_half_flipped": "half of the queries flipped",
        "genus_unseen": "genus of unseen species",
        "genus_unseen_half_flipped": "half of them flipped",
        "cosine_mean": "cosine of the strands, mean",
        "cosine_p5": "5th percentile",
        "cosine_unrelated": "cosine of unrelated queries",
    },
    bars={
        "species_seen_half_flipped": "Half flipped, species, seen",
    },
    unranked=(
        "cosine_mean",
        "cosine_p5",
        "cosine_unrelated",
    ),
)


def score(
    method: Method, references: Split, seen: Split, unseen: Split, *, seed: int, queries: int = QUERIES
) -> dict[str, dict[str, Any]]:
    """Compare the strands.

    Args:
        method: What is evaluated.
        references: Labelled sequences, never flipped.
        seen: Queries whose species the references hold.
        unseen: Queries of other species.
        seed: Seed of the draw of queries, of the flips and of the intervals.
        queries: How many to draw at most of either split.

    Returns:
        Metrics, see the head of this file.

    Raises:
        ValueError: There are no queries or no references.
        Unsuited: The method can name nothing.
    """
    questions = ask(references, seen, unseen, seed=seed, queries=queries)
    metrics = score_alterations(
        method, references, questions, lambda s: {"": s, "_half_flipped": flip_half(s, seed)}, seed=seed
    )
    if method.encode is None:
        return metrics
    given = [sequence for question in questions.values() for sequence in question.sequences]
    species = np.concatenate([question.species for question in questions.values()])
    counts = {"scored": len(given), "left_out": len(seen.ids) + len(unseen.ids) - len(given)}
    forward = vectors(method, given)
    backward = vectors(method, [reverse_complement(sequence) for sequence in given])
    # rounding can make the cosine of equal vectors exceed 1
    cosines = np.clip(paired_cosines(forward, backward, np.arange(len(given))), -1, 1)
    order = np.random.default_rng(seed).permutation(len(given))
    unrelated = np.clip(paired_cosines(forward[order], forward, np.roll(order, 1)), -1, 1)
    return metrics | {
        "cosine_mean": accuracy_interval(cosines, species, seed)["micro"] | counts,
        "cosine_p5": {"value": float(np.quantile(cosines, 0.05))} | counts,
        "cosine_unrelated": accuracy_interval(unrelated, species[order], seed)["micro"] | counts,
    }
