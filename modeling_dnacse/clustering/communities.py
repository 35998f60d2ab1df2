"""Vectors of contigs in, genome bins out: communities of the graph of nearest neighbours, unknown number of genomes.

1. Each contig is joined to its k nearest ones. The weight of an edge is the share of neighbours that both ends have in
   common (Jaccard index), so it depends on ranks, not on the scale of similarities. There is no threshold to choose.
2. The Louvain method (Blondel et al. 2008, arXiv 0803.0476) finds communities of highest modularity.
3. If there are few genomes, modularity divides large ones. So neighbouring communities are joined if they merge, as in
   4, in a graph of their own.
4. Modularity misses small communities in a large graph (its resolution limit: Fortunato and Barthélemy 2007,
   physics/0607100). So each community gets a graph of its own, with k in proportion to its size. Its communities are
   separate bins, unless `SHARED` of the weight of the smaller one's edges lead to the other, or `MORE_WITH_ALL` more
   to all others: then they merge. Each part is examined again in the same way.
5. A contig stays in its bin if at least half of its `FEWEST_NEIGHBOURS` nearest ones are there.

Proportional k makes the answer independent of how many contigs a genome has. The constants were chosen on validation
genomes (docs/bin.md).

Memory for n contigs beside the input: similarities in blocks (`neighbours.py`), and a graph of at most the larger of
EDGES and FEWEST_NEIGHBOURS n edges, each of which takes about 0.6 kB. Time: n^2 d multiplications for the first graph.
"""

import numpy as np

from ..vectors.neighbours import nearest
from .k_medoid import unit

FEWEST_NEIGHBOURS, MOST_NEIGHBOURS = 10, 150
AMONG_ALL, AMONG_COMMUNITY = 0.01, 0.1  # k, in contigs of the graph
SHARED, SHARED_BY_DEPTHS = 0.25, 0.2  # without and with depths
MORE_WITH_ALL = 0.1  # added to either
LEAST_LINKED = 0.03  # of the smaller one's weight, for a pair of communities to be compared
LEAST_CONSISTENT = 0.5
EDGES = 2_000_000  # of a graph, before k falls below its share; more cost time and memory
BLOCK = 2**24  # comparisons held at once


def communities(embeddings: np.ndarray, depths: np.ndarray | None = None, min_bin_size: int = 10) -> np.ndarray:
    """Bin contigs by the communities of this module.

    Args:
        embeddings: Vectors (n, d), of any length.
        depths: Coordinates that are compared beside the vectors (n, samples) float, from `coverage.scale_depths`.
        min_bin_size: Fewest contigs of a bin; contigs of a smaller bin stay out.

    Returns:
        Bins (n,) int64: 1, 2, ... in the order of their first contigs, -1 for a contig in no bin.

    Raises:
        ValueError: The vectors are not a finite table.

    >>> rng = np.random.default_rng(0)
    >>> two = np.repeat(np.eye(2), 12, axis=0) + rng.normal(scale=0.05, size=(24, 2))
    >>> communities(two, min_bin_size=3).tolist() == [1] * 12 + [2] * 12
    True
    """
    points, shared = unit(embeddings), SHARED if depths is None else SHARED_BY_DEPTHS
    bins, found = np.full(len(points), -1, dtype=np.int64), 0
    waiting = [np.arange(len(points))]
    whole = True
    while waiting:
        rows = waiting.pop()
        parts = [rows]
        if len(rows) >= max(2 * min_bin_size, 3):
            share = AMONG_ALL if whole else AMONG_COMMUNITY
            edges = shared_neighbours(points[rows], None if depths is None else depths[rows], share)
            labels = louvain(len(rows), *edges)
            labels = join(labels, *edges, points, depths, shared) if whole else merge(labels, *edges, shared)
            parts = [rows[labels == label] for label in range(labels.max() + 1)]
        if whole or len(parts) > 1:
            waiting += parts
        elif len(rows) >= min_bin_size:
            found += 1
            bins[rows] = found
        whole = False
    bins[consistency(points, depths, bins) < LEAST_CONSISTENT] = -1
    sizes = np.bincount(np.maximum(bins, 0), minlength=1)
    bins[sizes[np.maximum(bins, 0)] < min_bin_size] = -1
    _, first, members = np.unique(bins[bins > 0], return_index=True, return_inverse=True)
    bins[bins > 0] = np.argsort(np.argsort(first))[members] + 1
    return bins


def neighbours(points: np.ndarray, depths: np.ndarray | None, k: int) -> np.ndarray:
    """Find the k nearest other contigs of each.

    With depths the nearest are those of highest cosine - |difference of depths|^2 / 2. One search finds them, since
    this differs from a dot product of longer vectors by a number that is the same for all candidates.

    Args:
        points: Unit vectors (n, d) float32.
        depths: Coordinates (n, samples), or None.
        k: Fewer than n.

    Returns:
        Rows (n, k) int64, the nearest first.
    """
    asked = references = points
    if depths is not None:
        y = depths.astype(np.float32)
        asked = np.concatenate([points, y, np.ones((len(y), 1), np.float32)], axis=1)
        references = np.concatenate([points, y, -(y**2).sum(axis=1, keepdims=True) / 2], axis=1)
    return nearest(asked, references, k, exclude=np.arange(len(points)))[0]


def shared_neighbours(
    points: np.ndarray, depths: np.ndarray | None, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join contigs to their nearest ones, weighted by the neighbours in common.

    Args:
        points: Unit vectors (n, d) float32, at least two.
        depths: As `neighbours` takes them.
        share: k / n, within the limits of this module.

    Returns:
        Edges: two rows, the smaller first, (edges,) int64 each, and weights from 0 to 1 (edges,); without those of
        weight 0 there are no repeats.
    """
    n = len(points)
    k = int(max(FEWEST_NEIGHBOURS, min(share * n, MOST_NEIGHBOURS, EDGES / n)))
    k = min(k, n - 1)
    found = neighbours(points, depths, k)
    own = np.concatenate([np.arange(n)[:, None], found], axis=1)  # each is a neighbour of itself
    ends = np.stack([np.repeat(np.arange(n), k), found.ravel()])
    first, second = np.divmod(np.unique(ends.min(axis=0) * n + ends.max(axis=0)), n)
    common = np.empty(len(first))
    step = max(1, BLOCK // (k + 1) ** 2)
    for block in (slice(at, at + step) for at in range(0, len(first), step)):
        common[block] = (own[first[block], :, None] == own[second[block], None, :]).sum(axis=(1, 2))
    return first, second, common / (2 * (k + 1) - common)


def louvain(n: int, first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Find the communities of a graph of n contigs: (edges,) each, to labels (n,) int64 from 0."""
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_weighted_edges_from(zip(first.tolist(), second.tolist(), weights.tolist(), strict=True))
    labels = np.empty(n, np.int64)
    for label, members in enumerate(networkx.community.louvain_communities(graph, seed=0)):
        labels[list(members)] = label
    return labels


def join(
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    weights: np.ndarray,
    points: np.ndarray,
    depths: np.ndarray | None,
    shared: float,
) -> np.ndarray:
    """Join pairs of communities of all contigs that merge in a graph of their own, the most linked pair first.

    If there are few genomes, modularity divides large ones.
    """
    labels = labels.copy()
    apart: set[tuple[int, int]] = set()
    while True:
        between = np.zeros((labels.max() + 1,) * 2)
        np.add.at(between, (labels[first], labels[second]), weights)
        between += between.T
        ends = between.sum(axis=1)
        linked = np.triu(between / np.maximum(np.minimum(ends[:, None], ends), 1e-12), 1)
        pairs = np.argwhere(linked > LEAST_LINKED)
        pairs = pairs[np.argsort(-linked[*pairs.T], kind="stable")].tolist()
        for kept, gone in pairs:
            if (kept, gone) in apart:
                continue
            rows = np.flatnonzero((labels == kept) | (labels == gone))
            edges = shared_neighbours(points[rows], None if depths is None else depths[rows], AMONG_COMMUNITY)
            if not merge((labels[rows] == gone).astype(int), *edges, shared).any():
                labels[labels == gone] = kept
                apart = {pair for pair in apart if kept not in pair and gone not in pair}
                break
            apart.add((kept, gone))
        else:
            return np.unique(labels, return_inverse=True)[1]


def merge(
    labels: np.ndarray, first: np.ndarray, second: np.ndarray, weights: np.ndarray, shared: float = SHARED
) -> np.ndarray:
    """Merge communities that share much of their edges, the pair that shares most first.

    Args:
        labels: Community of each contig (n,) from 0, none empty.
        first: One end of each edge (edges,).
        second: The other end.
        weights: Of the edges.
        shared: Least share of the smaller community's edges at which two merge.

    Returns:
        Labels (n,) int64 from 0.

    >>> merge(np.array([0, 0, 1, 1]), np.array([0, 2, 1]), np.array([1, 3, 2]), np.array([1.0, 1.0, 0.1])).tolist()
    [0, 0, 1, 1]
    >>> merge(np.array([0, 0, 1, 1]), np.array([0, 2, 1]), np.array([1, 3, 2]), np.array([1.0, 1.0, 0.9])).tolist()
    [0, 0, 0, 0]
    """
    count = labels.max() + 1
    between = np.zeros((count, count))  # an edge within a community counts twice, once for each end
    np.add.at(between, (labels[first], labels[second]), weights)
    between += between.T
    names = np.arange(count)
    while True:
        ends = between.sum(axis=1)
        shares = between / np.maximum(np.minimum(ends[:, None], ends), 1e-12)
        np.fill_diagonal(shares, 0)
        kept, gone = divmod(int(shares.argmax()), count)
        if shares[kept, gone] < shared:
            away = 1 - between.diagonal() / np.maximum(ends, 1e-12)
            gone = int(np.where(ends > 0, away, 0).argmax())
            if ends[gone] == 0 or away[gone] < shared + MORE_WITH_ALL:
                return np.unique(names[labels], return_inverse=True)[1]
            others = between[gone].copy()
            others[gone] = 0
            kept = int(others.argmax())
        between[kept] += between[gone]
        between[:, kept] += between[:, gone]
        between[gone] = between[:, gone] = 0
        names[names == gone] = kept


def consistency(embeddings: np.ndarray, depths: np.ndarray | None, bins: np.ndarray) -> np.ndarray:
    """Of each contig, the share of its nearest contigs that are in its bin.

    Args:
        embeddings: Vectors (n, d), of any length.
        depths: As `communities` takes them.
        bins: Bin of each (n,), -1: none.

    Returns:
        Shares (n,), 0 for a contig in no bin.

    >>> consistency(np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), None, np.array([1, 1, -1])).tolist()
    [0.5, 0.5, 0.0]
    """
    points = unit(embeddings)
    if len(points) < 2:
        return (bins > 0).astype(float)
    found = neighbours(points, depths, min(FEWEST_NEIGHBOURS, len(points) - 1))
    return np.where(bins > 0, (bins[found] == bins[:, None]).mean(axis=1), 0.0)
