"""Pack each query's answer, right or wrong, and test the difference of two methods on the same queries.

Two methods that answer the same queries make many of the same mistakes. Their difference is therefore more certain
than their two intervals suggest. A paired bootstrap draws the same species for both methods.

A task returns the answers of a metric as its field `answers` (`pack`); run.py moves them to the result's
own field `answers`. Answers are kept in the order of species and, within a species, of ids. That order is known from
the data; a digest of the ids shows whether two results have the same queries.
"""

import base64
import hashlib
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from benchmarks.scoring.intervals import RESAMPLES, percentiles

ANSWERS = "answers"


class UnpackedAnswers(NamedTuple):
    """Right and wrong answers, those of one species after the other's."""

    right: np.ndarray  # (q,) bool
    sizes: np.ndarray  # (species,) int, queries of each
    queries: str  # sha256 of their ids


def pack(right: np.ndarray, species: np.ndarray, ids: np.ndarray) -> dict[str, str]:
    """Keep answers as text.

    Args:
        right: Whether each query was answered correctly (q,) bool, q > 0.
        species: Species of each query (q,) str.
        ids: Id of each query (q,) str, all different.

    >>> packed = pack(np.array([True, False]), np.array(["b", "a"]), np.array(["1", "2"]))
    >>> unpack(packed).right.tolist()
    [False, True]
    """
    order = np.lexsort((ids, species))
    _, sizes = np.unique(species, return_counts=True)
    return {
        "right": _to_text(np.packbits(right[order])),
        "sizes": _to_text(sizes.astype("<u4")),
        "queries": hashlib.sha256("\n".join(ids[order].tolist()).encode()).hexdigest(),
    }


def unpack(packed: Mapping[str, str]) -> UnpackedAnswers:
    """Read what `pack` wrote."""
    sizes = np.frombuffer(_from_text(packed["sizes"]), dtype="<u4").astype(int)
    bits = np.frombuffer(_from_text(packed["right"]), dtype=np.uint8)
    return UnpackedAnswers(np.unpackbits(bits, count=int(sizes.sum())).astype(bool), sizes, packed["queries"])


def _to_text(numbers: np.ndarray) -> str:
    return base64.urlsafe_b64encode(zlib.compress(numbers.tobytes(), 9)).decode()


def _from_text(text: str) -> bytes:
    return zlib.decompress(base64.urlsafe_b64decode(text))


def take_answers(metrics: dict[str, dict[str, Any]]) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, str]]]:
    """Separate the answers of metrics from the rest: the metrics without them, and the answers by metric.

    >>> take_answers({"accuracy": {"value": 1.0, "answers": {"right": "…"}}})
    ({'accuracy': {'value': 1.0}}, {'accuracy': {'right': '…'}})
    """
    answers = {name: metric[ANSWERS] for name, metric in metrics.items() if ANSWERS in metric}
    return {
        name: {key: value for key, value in metric.items() if key != ANSWERS} for name, metric in metrics.items()
    }, answers


def paired_difference(
    a: Mapping[str, str], b: Mapping[str, str], resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float, float]:
    """The difference in accuracy between two methods on the same queries, with a 95 % interval over species.

    Args:
        a: Packed answers of one method to one metric.
        b: Those of the other.
        resamples: How often species are drawn with replacement.
        seed: Seed of the draws.

    Returns:
        Accuracy of a less that of b over queries, and the bounds of the interval.

    Raises:
        ValueError: They are not of the same queries.

    >>> species, ids = np.array(["x", "x", "y", "y"]), np.array(["1", "2", "3", "4"])
    >>> right = pack(np.array([True, True, True, True]), species, ids)
    >>> paired_difference(right, pack(np.array([True, False, True, False]), species, ids))
    (0.5, 0.5, 0.5)
    """
    first, second = unpack(a), unpack(b)
    if first.queries != second.queries or not np.array_equal(first.sizes, second.sizes):
        raise ValueError(
            f"got answers to {len(first.right)} and {len(second.right)} queries that are not the same ones: compare "
            "results of one task, on the same data, with the same options and seed."
        )
    sizes = first.sizes
    starts = np.cumsum(sizes) - sizes
    gained = np.add.reduceat(first.right.astype(int) - second.right, starts)  # (species,)
    rng = np.random.default_rng(seed)
    taken = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=resamples)
    low, high = percentiles((taken @ gained) / (taken @ sizes))
    return float(gained.sum() / sizes.sum()), low, high
