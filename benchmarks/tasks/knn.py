"""Task knn: accuracy of naming each query after its nearest labelled references.

The nearest neighbour is by cosine for a method with vectors, and the top hit for a search tool. A classifier names the
query itself, and so does a model with sites: by votes of near references, as `dnacse identify`. With the splits of the
real data:

- `species_seen`: queries of `test`, references of `train`, which hold the same species.
- `genus_unseen`, `family_unseen`, `order_unseen`: queries of `unseen_test`, species that no reference has.
- `family_novel`, `order_novel`: queries of `novel_test`, whose whole genera no reference has; left out where the data
  have no such split.

Model selection uses `val` and `unseen_val` in the same way and never sees a test split. Each accuracy is reported
twice: over sequences, and as the mean over species (`_macro`). The 95 % intervals resample species, because sequences
of one species are not independent observations. A query without a label at a rank is left out of that rank and counted
as `left_out`; a reference without one is ignored at that rank. A query without a hit is a wrong answer. Protocol: the
zero-shot 1-NN of BarcodeBERT and BIOSCAN-5M.
"""

from typing import Any

import numpy as np

from benchmarks.methods.method import EMPTY, Method, Split, predict_ranks
from benchmarks.scoring.intervals import accuracy_interval
from benchmarks.scoring.paired import ANSWERS, pack
from benchmarks.tasks.task import Task

SPLITS = {"test": ("train", "test", "unseen_test", "novel_test"), "val": ("train", "val", "unseen_val")}
TASK = Task(
    title="Names after the nearest references, accuracy",
    headline="genus_unseen",
    columns={
        "species_seen": "species, seen",
        "genus_unseen": "genus of unseen species",
        "family_unseen": "family of unseen species",
        "order_unseen": "order of unseen species",
        "family_novel": "family of novel genera",
        "order_novel": "order of novel genera",
    },
    bars={
        "species_seen": "Species, seen",
        "genus_unseen": "Genus, unseen species",
        "family_unseen": "Family, unseen species",
        "order_novel": "Order, novel genera",
    },
    costed=True,
    note="A model with sites names a query as `dnacse identify` does: by votes of near references over shared sites.",
)


def score(
    method: Method, references: Split, seen: Split, unseen: Split, novel: Split = EMPTY, *, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Score a method on species that the references have and on those that they lack.

    Args:
        method: What names the queries.
        references: Labelled sequences.
        seen: Queries whose species are among the references.
        unseen: Queries of other species, of genera among the references.
        novel: Queries of other genera.
        seed: Seed of the bootstrap.

    Returns:
        Metrics: value, interval, the number of queries scored and of those left out because they lack a label.

    Raises:
        ValueError: No query can be scored at any rank.
    """
    questions = (
        (seen, ("species",), "seen"),
        (unseen, ("genus", "family", "order"), "unseen"),
        (novel, ("family", "order"), "novel"),
    )
    metrics = {}
    for queries, ranks, suffix in questions:
        labels = {rank: references.labels[rank] for rank in ranks if queries.sequences}
        labels = {
            rank: names for rank, names in labels.items() if np.any(names != "") and np.any(queries.labels[rank] != "")
        }
        if not labels:
            continue
        for rank, called in predict_ranks(method, queries.sequences, references.sequences, labels).items():
            truth = queries.labels[rank]
            scored = truth != ""
            counts = {"scored": int(scored.sum()), "left_out": int((~scored).sum())}
            right, species = (called.names == truth)[scored], queries.labels["species"][scored]
            both = accuracy_interval(right, species, seed)
            answers = pack(right, species, queries.ids[scored])
            metrics[f"{rank}_{suffix}"] = both["micro"] | counts | {ANSWERS: answers}
            metrics[f"{rank}_{suffix}_macro"] = both["macro"] | counts
    if not metrics:
        raise ValueError("got no query with a label that a reference has at the same rank: label more of the data.")
    return metrics
