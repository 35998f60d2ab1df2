"""A tree of n sequences in, its nodes and the clusters of a cut out."""

from typing import NamedTuple

import numpy as np

from .average_linkage import Tree


class Nodes(NamedTuple):
    """Nodes of a tree of n rows: the rows first, then m merges from the bottom up."""

    parent: np.ndarray  # (n + m,) int64, -1: none
    height: np.ndarray  # (n + m,) float64, distance of the two parts; 0 for a row
    parts: np.ndarray  # (m, 2) int64, nodes
    size: np.ndarray  # (n + m,) int64, rows


class Clusters(NamedTuple):
    """Clusters of n sequences; the largest is 0, of equals that with the first row."""

    labels: np.ndarray  # (n,) int64
    widest: np.ndarray  # (clusters,) float32, distance of the last merge in a cluster; 0 for a single sequence
    outside: np.ndarray  # (clusters,) float32, distance of the next merge; inf beyond the tree


def nodes_of(tree: Tree) -> Nodes:
    """List the nodes of a tree; of merges at one height, the one with the first row comes first."""
    n = len(tree.into)
    order = np.argsort(-tree.similarity, kind="stable")[: np.isfinite(tree.similarity).sum()]
    parent, parts = np.full(n + len(order), -1), np.empty((len(order), 2), np.int64)
    height = np.concatenate((np.zeros(n), 1 - tree.similarity[order].astype(float)))
    size = np.ones(n + len(order), np.int64)
    into, node = np.arange(n), np.arange(n)  # cluster of each row, and the node that a cluster is now
    for merge, row in enumerate(order.tolist(), n):
        first, second = _root(into, int(tree.into[row])), _root(into, row)
        parts[merge - n] = node[first], node[second]
        parent[parts[merge - n]] = merge
        size[merge] = size[parts[merge - n]].sum()
        into[second], node[first] = first, merge
    return Nodes(parent, height, parts, size)


def _root(into: np.ndarray, row: int) -> int:
    while into[row] != row:
        into[row] = into[into[row]]
        row = int(into[row])
    return row


def next_merges(nodes: Nodes) -> np.ndarray:
    """Find the distance at which each node merges with another one, (n + m,); inf where it does not."""
    return np.where(nodes.parent < 0, np.inf, nodes.height[nodes.parent])


def cut_at(tree: Tree, identity: float) -> Clusters:
    """Cut a tree at an identity; a merge at just this identity holds.

    >>> cut_at(Tree(np.array([0, 0, 0]), np.array([-np.inf, 0.5, 0.25])), 0.5).labels.tolist()
    [0, 0, 1]
    """
    nodes = nodes_of(tree)
    return largest(len(tree.into), nodes, nodes.height <= 1 - identity)


def largest(n: int, nodes: Nodes, allowed: np.ndarray) -> Clusters:
    """Take the largest nodes that are allowed as clusters (n + m,) bool."""
    top = np.arange(len(nodes.height))
    for node in range(len(top) - 1, -1, -1):
        above = nodes.parent[node]
        if above >= 0 and allowed[top[above]]:
            top[node] = top[above]
    kept, labels = np.unique(top[:n], return_inverse=True)
    widest, outside = nodes.height[kept], next_merges(nodes)[kept]
    return with_members(Clusters(labels, widest.astype(np.float32), outside.astype(np.float32)), np.arange(n))


def with_members(clusters: Clusters, rows: np.ndarray) -> Clusters:
    """The clusters of members that are copies of these rows (members,), each row once or more often; numbered anew."""
    labels = clusters.labels[rows]
    _, first_member, sizes = np.unique(labels, return_index=True, return_counts=True)
    order = np.lexsort((first_member, -sizes))
    return Clusters(np.argsort(order)[labels], clusters.widest[order], clusters.outside[order])
