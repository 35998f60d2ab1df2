"""Candidates of queries in, the nearest with the voted name at each rank and the nearest with another name out.

If all candidates have the same name at a rank, the nearest reference with another name is farther than all of them.
Then the similarity of the last candidate is used.
"""

import numpy as np

from ..vectors.neighbours import TIE
from ..vectors.shared_sites import Found
from .votes import voted_names


def nearest_named(
    found: Found, codes: np.ndarray, is_all: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Find the nearest candidates with the voted name at each rank, and the nearest ones with another name.

    Args:
        found: The candidates of q queries.
        codes: Number of the name of each reference at each rank (ranks, r) int, -1: none.
        is_all: Whether the candidates have all names that there are.

    Returns:
        Rows, similarities, identities and overlaps (ranks, q, 2), see `Matches` in library.py.
    """
    there = found.rows >= 0
    farthest = np.where(there, found.score, np.inf).min(axis=1)
    parts: dict[str, list[np.ndarray]] = {"rows": [], "score": [], "identity": [], "overlap": []}
    for code in codes:
        names = np.where(there, code[found.rows], -1)
        own = voted_names(found, code)
        first = _pick(found, (names >= 0) & (names == own[:, None]))
        second = _pick(found, (names >= 0) & (names != own[:, None]))
        if not is_all:
            beyond = (first["rows"] >= 0) & (second["rows"] < 0)
            second["score"][beyond] = farthest[beyond]
        for key, part in parts.items():
            part.append(np.stack([first[key], second[key]], axis=1))
    rows, score, identity, overlap = (np.stack(part) for part in parts.values())
    return rows, score, identity, overlap


def _pick(found: Found, allowed: np.ndarray) -> dict[str, np.ndarray]:
    """The best allowed candidate of each query, (q,) each; of equally good ones, the first in the library."""
    queries, exists = np.arange(len(allowed)), allowed.any(axis=1)
    score = np.where(allowed, found.score, -np.inf)
    as_good = allowed & (score >= score.max(axis=1, keepdims=True) - TIE)
    place = np.where(as_good, found.rows, np.iinfo(np.int64).max).argmin(axis=1)
    nothing = {"rows": -1, "score": -np.inf, "identity": np.nan, "overlap": 0}
    return {key: np.where(exists, getattr(found, key)[queries, place], none) for key, none in nothing.items()}
