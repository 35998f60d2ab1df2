"""`nearest`, `k_medoid` and `similarity_threshold` as callers in Python get them: what they give is checked first.

The commands and the benchmarks call the functions themselves, with arrays that they made.
"""

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch

from ..reading.given_sequences import SHOWN
from ..vectors.neighbours import Vectors
from ..vectors.neighbours import nearest as nearest_checked
from .k_medoid import k_medoid as k_medoid_checked
from .k_medoid import similarity_threshold as similarity_threshold_checked

ROUNDING = 0.01  # of the length of a unit vector in half precision


def nearest(
    queries: Vectors, references: Vectors, k: int = 1, exclude: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Find each query's k nearest references, the nearest first.

    Args:
        queries: Unit vectors (q, d) float32.
        references: Unit vectors (r, d) of the same type; a tensor on an accelerator is searched there.
        k: Number of neighbours; fewer if there are fewer references.
        exclude: Row of the one reference that a query must not find, such as itself, (q,) int; -1: no such reference.

    Returns:
        Rows of the references (q, k) int64, -1 where there are no more, and cosines (q, k) float32, -inf where
        there are no more.

    Raises:
        ValueError: an argument is of another kind or shape, or out of its range; or a vector is no unit vector.
    """
    table, others = _tensor(queries, "queries"), _tensor(references, "references")
    if (table.dtype, table.shape[1]) != (others.dtype, others.shape[1]):
        both = " and ".join(
            f"{str(one.dtype).removeprefix('torch.')} of width {one.shape[1]}" for one in (table, others)
        )
        raise ValueError(f"queries and references are {both}; give both in one type and width, such as float32")
    _check_unit(table, "queries")
    _check_unit(others, "references")
    _check_whole("k", k)
    if exclude is not None:
        rows = np.asarray(exclude)
        if rows.shape != (len(table),) or rows.dtype.kind not in "iu" or (rows >= len(others)).any():
            raise ValueError(
                f"exclude is {rows.dtype} of shape {rows.shape}; give the row of a reference for each query, or -1"
            )
        exclude = rows.astype(np.int64)  # torch reads uint8 as a mask, and indexes by no other short integers
    return nearest_checked(table, others, k, exclude)


def similarity_threshold(embeddings: np.ndarray, labels: np.ndarray) -> float:
    """Derive the threshold for `k_medoid` from labelled contigs of other genomes: the 70th percentile rule.

    Args:
        embeddings: Vectors (n, d), of any length.
        labels: Class of each (n,), text or numbers.

    Raises:
        ValueError: there are no vectors or not as many as labels, or they are of another kind, or a label is missing.
    """
    try:
        classes = np.asarray(labels)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError("the labels are no list; give one text or number for each vector") from None
    # A list of text and NaN is an array of text, in which NaN is "nan".
    entries = np.array(labels, dtype=object) if classes.dtype.kind in "SU" else classes
    mixed = entries.dtype == object and not any(
        all(isinstance(label, kind) for label in entries.ravel()) for kind in (str, bytes, Integral)
    )
    if classes.ndim != 1 or mixed or (classes.dtype.kind in "fcmM" and (classes != classes).any()):
        raise ValueError(
            f"got labels of shape {classes.shape}, of several kinds, or NaN; give one text or number for each vector"
        )
    return similarity_threshold_checked(_scaled(embeddings), classes)


def k_medoid(embeddings: np.ndarray, threshold: float, min_bin_size: int = 10) -> np.ndarray:
    """Bin contigs by the greedy K-medoid of DNABERT-S.

    Args:
        embeddings: Vectors (n, d), of any length.
        threshold: Cosine that makes two contigs neighbours, from `similarity_threshold`.
        min_bin_size: Fewest contigs of a bin; contigs of a smaller bin stay out.

    Returns:
        Bins (n,) int64: 1, 2, ... in the order found, -1 for a contig in no bin.

    Raises:
        ValueError: the vectors are not a finite table, or a number is of another kind.
    """
    if not isinstance(threshold, Real) or isinstance(threshold, bool) or not math.isfinite(threshold):
        raise ValueError(f"threshold is {threshold!r:.{SHOWN}}; it must be a number, the cosine of two neighbours")
    _check_whole("min_bin_size", min_bin_size)
    return k_medoid_checked(_scaled(embeddings), float(threshold), min_bin_size)


def _tensor(vectors: Any, role: str) -> torch.Tensor:
    try:
        if isinstance(vectors, np.ndarray):  # torch takes no other order of bytes or rows, and warns of read-only ones
            vectors = np.require(vectors, vectors.dtype.newbyteorder("="), ["C_CONTIGUOUS", "WRITEABLE"])
        table = _wide(torch.as_tensor(vectors))
        finite = bool(torch.isfinite(table).all())
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"the {role} are no dense table of numbers; give an array (n, d) float32") from None
    if table.ndim != 2 or not table.is_floating_point() or not finite:
        kind = str(table.dtype).removeprefix("torch.")
        raise ValueError(
            f"the {role} are {kind} of shape {tuple(table.shape)}, or hold NaN or infinity; give finite (n, d) float32"
        )
    return table


def _check_unit(table: torch.Tensor, role: str) -> None:
    lengths = torch.linalg.vector_norm(table, dim=1, dtype=torch.promote_types(table.dtype, torch.float32))
    if (wrong := (lengths - 1).abs() > ROUNDING).any():
        row = int(wrong.int().argmax())
        raise ValueError(
            f"vector {row} of the {role} has length {float(lengths[row]):.4g}, not 1; give unit vectors, such as "
            "those of embed(..., normalize=True)"
        )


def _wide(table: torch.Tensor) -> torch.Tensor:
    """The numbers of a tensor; types that numpy has not, such as bfloat16, as float32."""
    known = (torch.float16, torch.float32, torch.float64)
    return table.detach().float() if table.is_floating_point() and table.dtype not in known else table.detach()


def _scaled(vectors: Any) -> np.ndarray:
    """Vectors float32, each divided by the power of two above its largest number.

    So norms neither overflow nor vanish, and unit vectors are to the bit what they would be of the vectors given.
    """
    try:
        table = np.asarray(_wide(vectors) if isinstance(vectors, torch.Tensor) else vectors)
        table = np.asarray(table, np.float64 if table.dtype == object else np.result_type(table, np.float32))
        if table.dtype.kind != "f":
            raise TypeError
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(
            "the vectors are no dense table of numbers; give an array (n, d) float32 on the CPU"
        ) from None
    if table.ndim == 2:
        largest = np.maximum(table.max(axis=1, initial=0), -table.min(axis=1, initial=0))
        table = np.ldexp(table, -np.frexp(largest)[1][:, None])
    return table.astype(np.float32, copy=False)


def _check_whole(name: str, number: Any) -> None:
    if not isinstance(number, Integral) or isinstance(number, bool) or number < 1:
        raise ValueError(f"{name} is {number!r:.{SHOWN}}; it must be a whole number of at least 1")
