"""Equal sequences, and parts of others: the distinct ones are clustered, then all are put back into them."""

from collections.abc import Callable

import numpy as np
import torch

from ..kmers import OTHER
from ..vectors.at_sites import content_keys
from .average_linkage import Tree
from .tree_cuts import Clusters, with_members

ROWS = 1024  # sequences that are compared with all others at once


def cluster_distinct(table: np.ndarray, has: np.ndarray, cluster: Callable[[np.ndarray], Clusters]) -> Clusters:
    """Cluster the distinct rows of a table, so that copies count once; then put their copies back.

    Args:
        table: What is compared of each sequence (n, numbers).
        has: Whether there is anything to compare (n,) bool; the other rows are copies of none.
        cluster: Finds the clusters of distinct rows.
    """
    first = distinct(table, has)[1]
    kept = np.unique(first)
    return with_members(cluster(table[kept]), np.searchsorted(kept, first))


def distinct(table: np.ndarray, has: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the distinct rows of a table.

    Args:
        table: What is compared of each sequence (n, numbers).
        has: Whether there is anything to compare (n,) bool; the other rows are copies of none.

    Returns:
        The first of each distinct row (m,), ascending; the first copy of each row, or its own number (n,); and the
        copies of each distinct row (m,).

    >>> [part.tolist() for part in distinct(np.array([[0], [3], [1], [3], [0]]), np.array([0, 1, 1, 1, 0]) > 0)]
    [[1, 2], [0, 1, 2, 1, 4], [2, 1]]
    """
    kept, first = np.flatnonzero(has), np.arange(len(table))
    found = np.unique(table[kept], axis=0, return_index=True, return_inverse=True, return_counts=True)
    _, rows, number, copies = found
    first[kept] = kept[rows][number.ravel()]
    order = np.argsort(rows)
    return kept[rows[order]], first, copies[order]


@torch.inference_mode()
def wholes(bases: np.ndarray) -> np.ndarray:
    """The longest sequence that each is a part of, with the same bases at all its sites (n,); itself if there is none.

    Of equally long ones the content decides, so that the order of the sequences does not. Takes 16 bytes a site, and
    n^2 multiplications for each.

    Args:
        bases: Distinct bases at sites (n, sites) uint8.

    >>> wholes(np.array([[0, 1, 2, 4], [0, 1, 2, 3], [0, 0, 4, 4], [4, 4, 4, 4]])).tolist()
    [1, 1, 2, 3]
    """
    covered = (bases < OTHER).sum(1)
    rank = np.empty(len(bases), np.int64)
    rank[np.lexsort((content_keys(bases), covered))] = np.arange(len(bases))
    ranks, counts = torch.from_numpy(rank), torch.from_numpy(covered)
    profiles = torch.from_numpy((bases[:, :, None] == np.arange(OTHER)).reshape(len(bases), -1).astype(np.float32))
    found = np.arange(len(bases))
    for rows in np.split(found, range(ROWS, len(bases), ROWS)):
        part = (profiles[rows] @ profiles.T >= counts[rows, None]) & (counts > counts[rows, None])
        part &= counts[rows, None] > 0
        best, place = torch.where(part, ranks, -1).max(1)
        found[rows] = np.where(best.numpy() < 0, rows, place.numpy())
    return found


def with_copies(tree: Tree, rows: np.ndarray, first: np.ndarray) -> Tree:
    """The tree of all n rows, from that of the distinct ones; copies merge first, at 1.

    Args:
        tree: Of m distinct rows.
        rows: The distinct rows (m,), see `distinct`.
        first: The first copy of each row (n,).

    >>> tree = Tree(np.array([0, 0]), np.array([-np.inf, 0.5], np.float32))
    >>> with_copies(tree, np.array([1, 2]), np.array([0, 1, 2, 1, 4])).into.tolist()
    [0, 1, 1, 1, 4]
    """
    into, similarity = first.copy(), np.where(first == np.arange(len(first)), -np.inf, 1).astype(np.float32)
    into[rows], similarity[rows] = rows[tree.into], tree.similarity
    return Tree(into, similarity)
