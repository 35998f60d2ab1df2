"""Grow the tree of a large sample in blocks of near barcodes: bases at sites in, the tree of site_linkage.py out.

`site_linkage` compares all pairs. From LARGE sequences on, they are first divided into blocks:

1. LEADERS random sequences that are about as long as most get a tree by the average cosine of their vectors.
2. Each sequence follows the leader with the nearest vector. The tree is cut from its top, where groups are farthest
   apart, until a part has at most BLOCK followers. A part whose leaders are as similar as WHOLE is not cut.
3. Each block gets a tree of its own.

So time and memory grow in proportion to the number of sequences. What is lost are merges of sequences in different
blocks: benchmarks/studies/large_cluster.py counts them.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from ..kmers import OTHER
from ..machine.progress import progress_bar
from ..vectors.at_sites import batches_of, unit_sums
from ..vectors.neighbours import nearest
from .average_linkage import Tree, average_linkage
from .site_linkage import HALF, site_linkage
from .tree_cuts import nodes_of

LARGE = 40_000  # sequences; 1.6 billion pairs
LEADERS = 30_000
BLOCK = 4_000
WHOLE = 0.95  # average cosine of the leading columns, as within a species
COLUMNS = 128  # of the vectors, which hold most of what tells groups
LONG = 0.9  # of the median of covered sites


def grow_tree(model: Any, bases: np.ndarray, least: float, added: float = HALF) -> Tree:
    """Grow the tree of n sequences as `site_linkage` does, of a large sample in blocks.

    Args:
        model: The model that placed the sequences.
        bases: Bases at sites (n, sites) uint8.
        least: Least identity at which two clusters merge, above 0.
        added: As in `site_linkage`.
    """
    if len(bases) < LARGE:
        return site_linkage(bases, least, added)
    tree = Tree(np.arange(len(bases)), np.full(len(bases), -np.inf, np.float32))
    with progress_bar(len(bases), "comparing") as bar:
        for rows in divide(model, bases):
            part = site_linkage(bases[rows], least, added)
            tree.into[rows], tree.similarity[rows] = rows[part.into], part.similarity
            bar.update(len(rows))
    return tree


def divide(model: Any, bases: np.ndarray) -> Iterator[np.ndarray]:
    """Divide n sequences into blocks of near ones: the rows of each block, ascending."""
    covered = np.concatenate([(part < OTHER).sum(1) for part in batches_of(bases)])
    long = np.flatnonzero(covered >= LONG * np.median(covered[covered > 0]))
    leaders = np.sort(np.random.default_rng(0).permutation(long)[:LEADERS])
    vectors = _leading_columns(model, bases[leaders])
    leader = np.concatenate([nearest(_leading_columns(model, part), vectors)[0][:, 0] for part in batches_of(bases)])
    block = blocks_of(average_linkage(vectors), np.bincount(leader, minlength=len(leaders)))[leader]
    order = np.argsort(block, kind="stable")
    yield from np.split(order, np.cumsum(np.bincount(block))[:-1])


def blocks_of(tree: Tree, followers: np.ndarray) -> np.ndarray:
    """Cut the tree of leaders from its top: the block of each leader (l,), numbers from 0.

    Args:
        tree: Of all merges.
        followers: How many sequences follow each leader (l,).

    >>> tree = Tree(np.array([0, 0, 0, 2]), np.array([-np.inf, 0.5, 0.1, 0.6]))
    >>> blocks_of(tree, np.array([2000, 1500, 3000, 3000])).tolist()
    [2, 2, 0, 1]
    """
    nodes, n = nodes_of(tree), len(followers)
    counts = np.concatenate([followers, np.zeros(len(nodes.parts), np.int64)])
    for merge, parts in enumerate(nodes.parts, n):
        counts[merge] = counts[parts].sum()
    top = np.arange(len(counts))
    for node in range(len(top) - 1, -1, -1):
        above = nodes.parent[node]
        if above >= 0 and (counts[top[above]] <= BLOCK or nodes.height[top[above]] <= 1 - WHOLE):
            top[node] = top[above]
    return np.unique(top[:n], return_inverse=True)[1]


def _leading_columns(model: Any, bases: np.ndarray) -> np.ndarray:
    """Leading columns of the unit vectors of sequences, as unit vectors; zeros where no site is covered."""
    columns = torch.from_numpy(unit_sums(model.sites, bases)[:, :COLUMNS])
    return torch.nn.functional.normalize(columns, dim=1).numpy()
