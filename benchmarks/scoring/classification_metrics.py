"""How well sequences were classified: accuracy, macro F1, Matthews correlation, and their intervals.

MCC is what GUE reports (macro F1 for its covid task), accuracy what Genomic Benchmarks reports.

All three are functions of the confusion matrix, here of many at once: drawing sequences with replacement is drawing
how often each (true, predicted) pair comes up, so a thousand draws cost little more than one.
"""

from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from benchmarks.scoring.intervals import RESAMPLES, percentiles


def agreement(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Compare true with predicted classes.

    Args:
        confusion: Counts (…, true classes, predicted classes).

    Returns:
        `accuracy`; `macro_f1`, over the classes that were true or predicted; `mcc`, the Matthews correlation for any
        number of classes (Gorodkin 2004), 0 where it is not defined. Each has the leading shape of the confusion.

    >>> {name: float(value.round(3)) for name, value in agreement(np.array([[2, 1], [2, 3]])).items()}
    {'accuracy': 0.625, 'macro_f1': 0.619, 'mcc': 0.258}
    """
    counts = confusion.astype(np.float64)
    right = np.trace(counts, axis1=-2, axis2=-1)
    total = counts.sum(axis=(-2, -1))
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)  # (…, classes)
    present = true + predicted > 0
    f1 = 2 * np.diagonal(counts, axis1=-2, axis2=-1) / np.where(present, true + predicted, 1)
    spread = (total**2 - (true**2).sum(-1)) * (total**2 - (predicted**2).sum(-1))
    covariance = right * total - (true * predicted).sum(-1)
    return {
        "accuracy": right / total,
        "macro_f1": f1.sum(-1) / present.sum(-1),
        "mcc": np.where(spread > 0, covariance / np.sqrt(np.where(spread > 0, spread, 1)), 0),
    }


def score_answers(truth: np.ndarray, found: np.ndarray, seed: int) -> dict[str, dict[str, Any]]:
    """Score predicted classes, with 95 % intervals from resampling sequences.

    Args:
        truth: Classes (n,) int.
        found: Predicted classes (n,) int.
        seed: Seed of the resampling.

    Returns:
        `accuracy`, `macro_f1` and `mcc`: value, interval and the number of sequences scored.
    """
    confusion = confusion_matrix(truth, found)
    values = {name: float(value) for name, value in agreement(confusion).items()}
    draws = np.random.default_rng(seed).multinomial(len(truth), confusion.ravel() / len(truth), size=RESAMPLES)
    resampled = agreement(draws.reshape(RESAMPLES, *confusion.shape))
    counts = {"scored": len(truth), "left_out": 0}
    return {
        name: {"value": value, "interval": percentiles(resampled[name])} | counts for name, value in values.items()
    }
