"""Task strand: is a method robust to the strand that was sequenced? Accuracy and cosines of reverse complements.

- `species_seen`, `genus_unseen`: accuracy of the queries as given; with `_half_flipped` a random half of them is
  reverse-complemented. The references stay unchanged, so only a strand-invariant method keeps its accuracy.
- `cosine_mean`, `cosine_p5`: cosine between the vectors of a query and of its reverse complement, the mean and the 5th
  percentile. `cosine_unrelated`: mean cosine between two random queries. Read them together: if all vectors point in
  the same direction, a high cosine between the two strands means nothing.

A method without vectors has only the accuracies. Caduceus (arXiv 2403.03234) tests the same property. In practice a
sequencer does not know the strand of a read. queries.py says how the queries are drawn.
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
    title="Robustness to the sequenced strand",
    headline="species_seen_half_flipped",
    columns={
        "species_seen": "species, seen",
        "species_seen_half_flipped": "species, seen, half of the queries reverse-complemented",
        "genus_unseen": "genus of unseen species",
        "genus_unseen_half_flipped": "genus of unseen species, half of the queries reverse-complemented",
        "cosine_mean": "cosine of the two strands, mean",
        "cosine_p5": "cosine of the two strands, 5th percentile",
        "cosine_unrelated": "cosine of unrelated queries",
    },
    bars={
        "species_seen_half_flipped": "Half reverse-complemented, species, seen",
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
        references: Labelled sequences, never reverse-complemented.
        seen: Queries whose species the references hold.
        unseen: Queries of other species.
        seed: Seed of the draw of queries, of the choice of reverse-complemented queries and of the intervals.
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
