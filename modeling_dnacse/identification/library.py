"""A labelled library of vectors, and the search in it: queries in, the nearest named references at each rank out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from ..vectors.neighbours import nearest_names

EQUAL_DISTANCE = 1e-3  # two references whose distances differ by less count as equally near


class Library(NamedTuple):
    """References: their unit vectors, and the number of their name at each rank.

    `names[rank][code]` is the name with number `code`. Ranks go from the species upwards; code -1 means no name.
    """

    vectors: torch.Tensor  # (r, d) float32, on the device of the search
    names: dict[str, np.ndarray]
    codes: np.ndarray  # (ranks, r) int32


class Matches(NamedTuple):
    """What queries found at each rank: the nearest reference with a name, and the nearest one with another name."""

    rows: np.ndarray  # (ranks, q, 2) int, -1: there is none
    similarities: np.ndarray  # (ranks, q, 2) float32, -inf: there is none


def make_library(vectors: np.ndarray, labels: Mapping[str, Sequence[str]], device: str = "cpu") -> Library:
    """Prepare references for searches.

    Args:
        vectors: Their vectors (r, d), of any length.
        labels: Their names at each rank (r,), species first; "": no name. A rank without any name is left out.
        device: Where the search runs.

    Raises:
        ValueError: No reference has the name of a species.
    """
    if not any(labels["species"]):
        raise ValueError(
            f"none of {len(vectors)} references has a species; name them in a column species or in the headers, as in "
            ">id species=Apis mellifera"
        )
    names, codes = {}, []
    for rank, given in labels.items():
        known, code = np.unique(np.array(given, dtype=object), return_inverse=True)
        unnamed = int(known[0] == "")  # the empty name sorts first
        if len(known) > unnamed:
            names[rank] = known[unnamed:]
            codes.append(code.astype(np.int32) - unnamed)
    return Library(unit_vectors(vectors).to(device), names, np.stack(codes))


def unit_vectors(vectors: np.ndarray) -> torch.Tensor:
    """Scale rows to length 1; a row of zeros stays as it is.

    Raises:
        ValueError: A number is NaN or infinite.
    """
    if not np.isfinite(vectors).all():
        raise ValueError("the model gives NaN or infinity for some sequences; use --dtype float32 or another model")
    return torch.nn.functional.normalize(torch.as_tensor(vectors), dim=1)


def search(
    library: Library, queries: torch.Tensor, exclude_groups: tuple[np.ndarray, np.ndarray] | None = None
) -> Matches:
    """Search the library for unit vectors (q, d); `exclude_groups` as in `nearest_names`."""
    return Matches(*nearest_names(queries, library.vectors, library.codes, exclude_groups))


def nearest_references(matches: Matches) -> tuple[np.ndarray, np.ndarray]:
    """The nearest reference with a name at any rank: rows and similarities (q,)."""
    rank = matches.similarities[:, :, 0].argmax(axis=0)
    queries = np.arange(len(rank))
    return matches.rows[rank, queries, 0], matches.similarities[rank, queries, 0]


def gaps(similarities: np.ndarray) -> np.ndarray:
    """How much nearer the nearest name is than the next one: cosines (..., 2) to (...) in [0, 1), NaN without a next.

    >>> gaps(np.array([[1.0, 0.4], [0.7, 0.4], [0.4, 0.4], [0.4, -np.inf]])).round(2).tolist()
    [1.0, 0.5, 0.0, nan]
    """
    distance, other = np.maximum(1 - similarities.astype(np.float64), 0).transpose(-1, *range(similarities.ndim - 1))
    ratio = np.divide(
        distance + EQUAL_DISTANCE, other + EQUAL_DISTANCE, out=np.ones_like(other), where=np.isfinite(other)
    )
    return np.where(np.isfinite(other), np.maximum(1 - ratio, 0), np.nan)
