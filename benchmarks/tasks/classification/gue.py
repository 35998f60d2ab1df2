"""Task gue: one data set of the Genome Understanding Evaluation, classified after fine-tuning.

GUE is DNABERT-2's benchmark (arXiv 2306.15006): 28 data sets, each a folder with `train.csv`, `dev.csv` and `test.csv`
of the columns sequence and label; a run takes one, `--data GUE/EMP/H3`, so that each has its own result. The published
metric is the Matthews correlation (`mcc`), for `virus/covid` the macro F1. This task reports both, and accuracy.

Fine-tuning is that of sequence_classification.py: 32 sequences per step and a learning rate of 3e-5 as DNABERT-2's,
but one cycle in place of a linear warm-up and decay, the epoch chosen by accuracy in place of the loss, and 5 epochs
for all; DNABERT-2 takes 3 (EMP, tf), 4 (prom), 5 (mouse, splice), 8 (covid) or 10 (tata): `--set gue.epochs=8`.

A method that cannot be fine-tuned but gives vectors, such as k-mers, trains the linear layer of linear_probe.py on
them. This is not a published protocol, but a baseline for fine-tuning.
"""

from typing import Any

import numpy as np

from benchmarks.data.classification_folders import read_folder
from benchmarks.methods.method import Method, Split, vectors
from benchmarks.scoring.classification_metrics import score_answers
from benchmarks.scoring.seen_species import classes_of
from benchmarks.scoring.sequence_classification import Examples, Recipe, fine_tune
from benchmarks.tasks.classification.linear_probe import probe
from benchmarks.tasks.task import Task

SPLITS = {"test": ("train", "dev", "test"), "val": ("train", "dev")}
TASK = Task(
    title="Genome Understanding Evaluation",
    headline="mcc",
    columns={
        "mcc": "MCC",
        "macro_f1": "macro F1",
        "accuracy": "accuracy",
    },
    bars={
        "mcc": "GUE, MCC",
    },
)
READS = "folder"


def read(source: str) -> tuple[Split, ...]:
    """Read train, dev and test of one data set, each with the labels `label`; see classification_folders.py."""
    return read_folder(source, SPLITS["test"])


def score(
    method: Method,
    train: Split,
    validation: Split,
    queries: Split | None = None,
    *,
    seed: int,
    device: str = "cpu",
    batch_tokens: int = 16_384,
    trust_remote_code: bool = False,
    epochs: int = 5,
    batch_size: int = 32,
    learning_rate: float = 3e-5,
    max_tokens: int = 1024,
) -> dict[str, dict[str, Any]]:
    """Fine-tune a checkpoint, or train a linear layer on other vectors, and score the answers.

    Args:
        method: What is evaluated.
        train: Sequences with a `label` to learn from.
        validation: Sequences that choose the epoch.
        queries: Sequences to classify; None: those of `validation`, a little optimistic.
        seed: Seed of the head, the order of batches and the bootstrap.
        device: Torch device.
        batch_tokens: Tokens per forward pass when the sequences are classified.
        trust_remote_code: Whether code of a Hub repository may run.
        epochs: Passes over `train`; these and the following are for fine-tuning only.
        batch_size: Sequences per step.
        learning_rate: The highest of the cycle.
        max_tokens: Longer sequences are cut there.

    Returns:
        `accuracy`, `macro_f1` and `mcc`: value, interval and the number of sequences scored. A class that `train`
        lacks is never predicted, so its sequences count as wrong.

    Raises:
        ValueError: There are fewer than two classes to learn, or no sequence to classify.
        Unsuited: The method is not a checkpoint and gives no vectors.
    """
    asked = validation if queries is None else queries
    learnt = np.unique(train.labels["label"])
    if len(learnt) < 2 or not asked.sequences:
        raise ValueError(
            f"got {len(learnt)} classes to learn and {len(asked.sequences)} sequences to classify, but the task needs "
            "two and one: check the folder."
        )
    learning, choosing = (
        Examples(split.sequences, classes_of(split.labels["label"], learnt)) for split in (train, validation)
    )
    if method.checkpoint is None:
        embedded, queried = vectors(method, train.sequences), vectors(method, asked.sequences)
        found = probe(embedded, learning.classes, queried, seed=seed, device=device)
    else:
        recipe = Recipe(epochs, batch_size, learning_rate, max_tokens, seed, device, batch_tokens, trust_remote_code)
        found = fine_tune(method, learning, choosing, asked.sequences, recipe)
    return score_answers(classes_of(asked.labels["label"], learnt), found, seed)
