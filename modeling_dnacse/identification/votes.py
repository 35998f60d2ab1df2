"""Candidates of queries in; the name that has most votes of near references out.

A candidate votes for its name with the weight exp((s - s') / WIDTH), where s is its score and s' that of the nearest
candidate (a kernel estimate, Nadaraya 1964). A reference that is nearer by several WIDTHs decides alone. Of references
that are about as near, the name wins that more of them have: one of them may be misnamed, or differ by an error.
"""

import numpy as np

from ..vectors.shared_sites import Found

WIDTH = 0.01  # of scores; chosen on validation splits of three markers (LOG.md)
SAME_VOTES = 1e-6  # names whose votes differ by less have equally many


def voted_names(found: Found, names: np.ndarray) -> np.ndarray:
    """The name with most votes; of equal ones, that of the nearest candidate: (q,) int, -1: no candidate has a name.

    Args:
        found: Candidates of each query, the nearest first (q, k).
        names: Number of the name of each reference (r,) int, -1: none.

    >>> scores = np.array([[0.990, 0.985, 0.984], [0.99, 0.91, 0.90]])
    >>> found = Found(np.array([[0, 1, 2], [0, 1, 2]]), scores, scores, scores, scores)
    >>> voted_names(found, np.array([7, 8, 8])).tolist()
    [8, 7]
    """
    own = np.where(found.rows >= 0, names[found.rows], -1)
    score = np.where(own >= 0, found.score, -np.inf)
    nearest = score.max(axis=1, keepdims=True)
    votes = np.exp((score - np.where(nearest > -np.inf, nearest, 0)) / WIDTH)
    same = own[:, :, None] == own[:, None, :]  # (q, k, k)
    of_name = np.where(own >= 0, (same * votes[:, None, :]).sum(axis=2), -1)
    most = of_name.max(axis=1, keepdims=True)
    place = np.where(of_name >= most - SAME_VOTES, score, -np.inf).argmax(axis=1)
    return own[np.arange(len(own)), place]
