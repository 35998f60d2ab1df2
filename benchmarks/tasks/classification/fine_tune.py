"""Task fine_tune: accuracy of a fine-tuned network in classifying seen species.

Protocol of BarcodeBERT and BIOSCAN-5M: a linear head on mean-pooled tokens; all weights are trained on the species of
`train` with AdamW and a one-cycle schedule. The epoch with the best accuracy on `val` is scored on `test`.
sequence_classification.py has the details. `--evaluation_split val` scores `val`, which also chose the epoch: use this
slightly optimistic figure only to compare recipes.

Only a checkpoint can be fine-tuned. Options: `--set fine_tune.epochs=35` and the other arguments of `score`.
"""

from typing import Any

import numpy as np

from benchmarks.methods.method import Method, Split
from benchmarks.scoring.seen_species import accuracies, classes_of, learnt_species
from benchmarks.scoring.sequence_classification import Examples, Recipe, fine_tune
from benchmarks.tasks.task import Task

SPLITS = {"test": ("train", "val", "test"), "val": ("train", "val")}
TASK = Task(
    title="Fine-tuning: classification of seen species",
    headline="accuracy",
    columns={
        "accuracy": "accuracy",
        "accuracy_macro": "accuracy, mean over species",
    },
    bars={
        "accuracy": "Fine-tuned, accuracy",
    },
)


def score(
    method: Method,
    train: Split,
    validation: Split,
    seen: Split | None = None,
    *,
    seed: int,
    device: str = "cpu",
    batch_tokens: int = 16_384,
    trust_remote_code: bool = False,
    epochs: int = 10,
    batch_size: int = 32,
    learning_rate: float = 1e-4,
    max_tokens: int = 1024,
) -> dict[str, dict[str, Any]]:
    """Score a fine-tuned checkpoint.

    Args:
        method: What is evaluated; a checkpoint.
        train: Labelled sequences to learn from; those without a species are left out.
        validation: Labelled sequences that choose the epoch; those of species that `train` lacks are left out.
        seen: Labelled sequences to name, chosen in the same way; None: those of `validation`.
        seed: Seed of the head, the order of batches and the bootstrap.
        device: Torch device.
        batch_tokens: Tokens per forward pass when the sequences are named.
        trust_remote_code: Whether code of a Hub repository may run.
        epochs: Passes over `train`.
        batch_size: Sequences per step.
        learning_rate: The highest of the cycle.
        max_tokens: Longer sequences are cut there.

    Returns:
        `accuracy` and `accuracy_macro`: value, interval, the number of sequences scored and left out and of species
        learnt (`classes`).

    Raises:
        ValueError: Fewer than two species to learn, none of them to choose the epoch by, or none to name.
        Unsuited: The method is not a checkpoint.
    """
    queries = validation if seen is None else seen
    learnt = learnt_species(train.labels["species"], queries.labels["species"])
    recipe = Recipe(epochs, batch_size, learning_rate, max_tokens, seed, device, batch_tokens, trust_remote_code)
    found = fine_tune(method, examples_of(train, learnt), examples_of(validation, learnt), queries.sequences, recipe)
    return accuracies(classes_of(queries.labels["species"], learnt), found, queries.ids, len(learnt), seed)


def examples_of(split: Split, learnt: np.ndarray) -> Examples:
    """The sequences of a split that are of a species learnt (c,)."""
    classes = classes_of(split.labels["species"], learnt)
    known = np.flatnonzero(classes >= 0)
    return Examples([split.sequences[row] for row in known], classes[known])
