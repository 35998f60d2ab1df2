"""Equal sequences, and parts of others: one of each is clustered, then the others join its cluster or its tree."""

from collections.abc import Callable

import numpy as np
import torch

from ..kmers import OTHER
from ..vectors.at_sites import content_keys
from .average_linkage import Tree
from .tree_cuts import Clusters, with_members

ROWS = 1024  # sequences that are compared with all others at once


def cluster_once(first: np.ndarray, cluster: Callable[[np.ndarray], Clusters]) -> Clusters:
    """Cluster the rows that stand for others or for themselves, then put the others into the clusters of these.

    Args:
        first: The row that stands for each (n,), itself included; see `distinct`.
        cluster: Finds the clusters of these rows (m,), ascending.
    """
    kept = np.unique(first)
    return with_members(cluster(kept), np.searchsorted(kept, first))


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
def wholes(bases: np.ndarray, fewest: int) -> np.ndarray:
    """The longest sequence of which each is a part (n,), with the same bases at all its sites; else itself.

    Of equally long ones the content decides, so that the order of the sequences does not.

    Cost for n sequences over L sites: up to n^2 * 2 L multiplications, and 16 n L bytes.

    Args:
        bases: Distinct bases at sites (n, sites) uint8.
        fewest: Sites of a part; fewer are common to sequences by chance.

    >>> wholes(np.array([[0, 1, 2, 4], [0, 1, 2, 3], [0, 0, 4, 4], [4, 4, 4, 3]]), 2).tolist()
    [1, 1, 2, 3]
    """
    covered = (bases < OTHER).sum(1)
    order = np.lexsort((content_keys(bases), covered))
    lengths, found = torch.from_numpy(covered[order]), np.arange(len(bases))
    profiles = torch.from_numpy(np.stack([bases[order] == base for base in range(OTHER)], 1)).flatten(1).float()
    start, stop = np.searchsorted(covered[order], [fewest, covered.max(initial=0)]).tolist()
    for low in range(start, stop, ROWS):
        high = min(low + ROWS, stop)
        own = lengths[low:high, None]
        is_part = (profiles[low:high] @ profiles[low:].T >= own) & (lengths[low:] > own)
        last = torch.where(is_part, torch.arange(len(order) - low, dtype=torch.int32), 0).max(1).values.numpy()
        parts = np.flatnonzero(last)  # the first column is as short as any row, so it is the whole of none
        found[order[low + parts]] = order[low + last[parts]]
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
