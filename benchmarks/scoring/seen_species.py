"""Number species as classes and score answers on seen species, for linear_probe and fine_tune."""

from typing import Any

import numpy as np

from benchmarks.scoring.intervals import accuracy_interval
from benchmarks.scoring.paired import ANSWERS, pack


def classes_of(species: np.ndarray, learnt: np.ndarray) -> np.ndarray:
    """Number the species.

    Args:
        species: (n,) str, "" = unknown.
        learnt: Names of the classes (c,), ascending, without "".

    Returns:
        Classes (n,), int64; -1 where the species is none of them.

    >>> classes_of(np.array(["b", "", "d", "a"]), np.array(["a", "b", "c"])).tolist()
    [1, -1, -1, 0]
    """
    places = np.searchsorted(learnt, species).clip(max=len(learnt) - 1)
    return np.where(learnt[places] == species, places, -1)


def learnt_species(train: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Name the classes: the species of the training rows, ascending.

    Args:
        train: Species of the training rows (n,) str, "" = unknown.
        queries: Species of the sequences to name (q,).

    Raises:
        ValueError: There are fewer than two, or no query is of one of them.
    """
    learnt = np.unique(train[train != ""])
    asked = int(np.isin(queries, learnt).sum())
    if len(learnt) < 2 or not asked:
        raise ValueError(
            f"got {len(learnt)} species to learn and {asked} of {len(queries)} sequences of one of them to name, but "
            "the task needs two and one: check the split column, or raise --max_sequences."
        )
    return learnt


def accuracies(
    truth: np.ndarray, found: np.ndarray, ids: np.ndarray, classes: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Score answers on seen species, over sequences and over species, with intervals over species.

    Args:
        truth: Classes (q,); -1 is left out.
        found: Classes (q,).
        ids: Ids of the sequences (q,) str.
        classes: Number of species learnt.
        seed: Seed of the bootstrap.

    Returns:
        `accuracy` and `accuracy_macro`: value, interval, the number of sequences scored and left out and of species
        learnt.

    >>> truth, found = np.array([0, 0, 1, -1]), np.array([0, 1, 1, 1])
    >>> accuracies(truth, found, np.array(list("abcd")), classes=2, seed=0)["accuracy_macro"]["value"]
    0.75
    """
    scored = truth >= 0
    both = accuracy_interval((found == truth)[scored], truth[scored], seed)
    counts = {"scored": int(scored.sum()), "left_out": int((~scored).sum()), "classes": classes}
    answers = pack((found == truth)[scored], truth[scored], ids[scored])
    return {"accuracy": both["micro"] | counts | {ANSWERS: answers}, "accuracy_macro": both["macro"] | counts}
