"""Task mutation: accuracy of queries with sequencing errors; a curve over the error rate for each kind of error.

`species_seen@0.02` is the accuracy when 2 % of the bases of each query are read wrongly as another base, and
`species_seen_indels@0.02` when half of the errors are insertions and deletions of one base: a single one shifts the
tokens and the reading frame. The point at 0 is the queries as given, which have errors of their own. The total rate is
the same in both, the model is that of alterations.py, and the errors of one rate are among those of the next.
queries.py says how the queries are drawn.
"""

from collections.abc import Sequence
from typing import Any

from benchmarks.methods.method import Method, Split
from benchmarks.scoring.alterations import mutate
from benchmarks.scoring.queries import QUERIES, ask, score_alterations
from benchmarks.tasks.task import Panel, Task

SPLITS = {"test": ("train", "test", "unseen_test"), "val": ("train", "val", "unseen_val")}
TASK = Task(
    title="Queries with sequencing errors",
    headline="genus_unseen_indels@0.05",
    columns={
        "species_seen@0": "species, seen, as given",
        "species_seen@0.05": "species, seen, 5 % substitutions",
        "species_seen_indels@0.05": "species, seen, 5 % errors, half of them indels",
        "genus_unseen@0": "genus of unseen species, as given",
        "genus_unseen@0.05": "genus of unseen species, 5 % substitutions",
        "genus_unseen_indels@0.05": "genus of unseen species, 5 % errors, half of them indels",
    },
    bars={
        "genus_unseen_indels@0.05": "5 % errors, genus, unseen species",
    },
    curves={
        "species_seen": Panel("Errors: species, seen", "substitutions (%)", percent=True),
        "genus_unseen": Panel("Errors: genus, unseen", "substitutions (%)", percent=True),
        "species_seen_indels": Panel("Errors: species, seen", "errors, half indels (%)", percent=True, priority=2),
        "genus_unseen_indels": Panel("Errors: genus, unseen", "errors, half indels (%)", percent=True, priority=2),
    },
)
RATES = (0.01, 0.02, 0.05, 0.1)  # errors per base
INDELS = {"": 0.0, "_indels": 0.5}  # share of the errors that are insertions or deletions


def score(
    method: Method, references: Split, seen: Split, unseen: Split, *, seed: int, queries: int = QUERIES
) -> dict[str, dict[str, Any]]:
    """Name queries with errors.

    Args:
        method: What is evaluated.
        references: Labelled sequences, as they are.
        seen: Queries whose species the references hold.
        unseen: Queries of other species.
        seed: Seed of the draw of queries, of the errors and of the intervals.
        queries: How many to draw at most of either split.

    Returns:
        Metrics, see the head of this file.

    Raises:
        ValueError: There are no queries or no references.
        Unsuited: The method can name nothing.
    """

    def alter(sequences: Sequence[str]) -> dict[str, Sequence[str]]:
        return {"@0": sequences} | {
            f"{kind}@{rate}": mutate(sequences, rate, seed, indels)
            for kind, indels in INDELS.items()
            for rate in RATES
        }

    return score_alterations(
        method, references, ask(references, seen, unseen, seed=seed, queries=queries), alter, seed=seed
    )
