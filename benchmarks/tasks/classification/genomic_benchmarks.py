"""Task genomic_benchmarks: accuracy on one of the Genomic Benchmarks after fine-tuning.

The collection (Grešová et al., BMC Genomic Data 2023) holds nine data sets, each a folder `train/CLASS/*.txt` and
`test/CLASS/*.txt`, on the Hub as parquet files with the columns seq and label; a run takes one, as `--data
human_nontata_promoters` or `--data hub:ORG/Genomic_Benchmarks_human_nontata_promoters`.

There is no validation split: a tenth of each class of train, drawn with the seed, chooses the epoch, as Caduceus does.
Everything else is as in gue.py, with 10 epochs. The published metric is accuracy.
"""

from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from benchmarks.data.classification_folders import read_folder
from benchmarks.methods.method import Method, Split
from benchmarks.tasks.classification import gue
from benchmarks.tasks.task import Task

SPLITS = {"test": ("train", "test"), "val": ("train",)}
TASK = Task(
    title="Genomic Benchmarks",
    headline="accuracy",
    columns={
        "accuracy": "accuracy",
        "macro_f1": "macro F1",
        "mcc": "MCC",
    },
    bars={
        "accuracy": "Genomic Benchmarks, accuracy",
    },
)
READS = "folder"
HELD_OUT = 0.1


def read(source: str) -> tuple[Split, ...]:
    """Read train and test of one data set, each with the labels `label`; see classification_folders.py."""
    return read_folder(source, SPLITS["test"])


def hold_out(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Divide a split, each class in the same proportion.

    Args:
        split: Sequences with a `label`.
        share: Share of the second part.
        seed: Seed of the draw.

    Raises:
        ValueError: A class has a single sequence, or there are fewer sequences to hold out than classes.
    """
    labels = split.labels["label"]
    rows = train_test_split(np.arange(len(labels)), test_size=share, stratify=labels, random_state=seed)
    first, second = (
        Split(split.ids[part], [split.sequences[int(row)] for row in part], {"label": labels[part]})
        for part in map(np.sort, rows)
    )
    return first, second


def score(
    method: Method,
    train: Split,
    queries: Split | None = None,
    *,
    seed: int,
    device: str = "cpu",
    batch_tokens: int = 16_384,
    trust_remote_code: bool = False,
    epochs: int = 10,
    batch_size: int = 32,
    learning_rate: float = 3e-5,
    max_tokens: int = 1024,
) -> dict[str, dict[str, Any]]:
    """Fine-tune a checkpoint, or train a linear layer on other vectors, and score the answers.

    Args:
        method: What is evaluated.
        train: Sequences with a `label`; a tenth chooses the epoch.
        queries: Sequences to classify; None: that tenth, a little optimistic.
        seed: Seed of the held out tenth, the head, the order of batches and the bootstrap.
        device: As in `gue.score`, and so are the following.
        batch_tokens: Tokens per forward pass when the sequences are classified.
        trust_remote_code: Whether code of a Hub repository may run.
        epochs: Passes over `train`.
        batch_size: Sequences per step.
        learning_rate: The highest of the cycle.
        max_tokens: Longer sequences are cut there.

    Returns:
        `accuracy`, `macro_f1` and `mcc`: value, interval and the number of sequences scored.

    Raises:
        ValueError: As `hold_out` and `gue.score`.
        Unsuited: The method is not a checkpoint and gives no vectors.
    """
    return gue.score(
        method,
        *hold_out(train, HELD_OUT, seed),
        queries,
        seed=seed,
        device=device,
        batch_tokens=batch_tokens,
        trust_remote_code=trust_remote_code,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        max_tokens=max_tokens,
    )
