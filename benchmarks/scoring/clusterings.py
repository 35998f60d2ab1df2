"""Which sequences of labelled species to cluster, and the clusterings that several tasks compare.

Vectors with more columns than there are sequences are first rotated into the space that the sequences span
(`rotate`), which keeps every distance.
"""

from collections.abc import Sequence

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score

from benchmarks.methods.method import Method, Split, Unsuited

FEWEST, MOST = 2, 20  # sequences of a species
CUTS = 200  # heights of a tree that are tried


def choose(species: np.ndarray, fewest: int = FEWEST, most: int = MOST, seed: int = 0) -> np.ndarray:
    """Choose the sequences to cluster.

    Args:
        species: (n,) str, "" = unknown.
        fewest: Species with fewer sequences are left out.
        most: Largest number of sequences of a species; of more, this many are drawn.
        seed: Seed of the draw.

    Returns:
        Their indices, ascending.

    >>> choose(np.array(["a", "b", "a", "", "", "a"]), most=2).size
    2
    """
    rng = np.random.default_rng(seed)
    names, counts = np.unique(species, return_counts=True)
    kept = [np.empty(0, dtype=np.int64)]
    for name in names[(counts >= fewest) & (names != "")]:
        members = np.flatnonzero(species == name)
        kept.append(rng.choice(members, size=min(most, len(members)), replace=False))
    return np.sort(np.concatenate(kept))


def replicates(unseen: Split, most: int = MOST, seed: int = 0) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """Choose sequences of unseen species that can be clustered.

    Returns:
        Their rows (n,), their species (n,) and the counts that go into each metric.

    Raises:
        ValueError: Fewer than two species have enough sequences.
    """
    rows = choose(unseen.labels["species"], most=most, seed=seed)
    species = unseen.labels["species"][rows]
    clusters = len(np.unique(species))
    if clusters < 2:
        raise ValueError(
            f"got {clusters} unseen species with at least {FEWEST} sequences, but clustering needs two: "
            "give more data or raise --max_sequences."
        )
    return rows, species, {"scored": len(rows), "left_out": len(unseen.sequences) - len(rows), "species": clusters}


def own_clusters(method: Method, sequences: Sequence[str]) -> np.ndarray:
    """The clusters that a tool without vectors finds itself, (n,).

    Raises:
        Unsuited: It finds none.
    """
    if method.cluster is None:
        raise Unsuited(f"{method.name} gives neither vectors nor clusters, which this task needs: choose another.")
    return method.cluster(sequences)


def rotate(vectors: np.ndarray) -> np.ndarray:
    """Express rows in an orthonormal basis of their span, (n, d) -> (n, min(n, d)): distances stay what they are."""
    n, d = vectors.shape
    if d <= n:
        return vectors
    _, triangle = np.linalg.qr(vectors.T)  # (n, n), upper: column i holds row i's coordinates
    return np.ascontiguousarray(triangle.T)


def cluster_kmeans(vectors: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """K-means with the settings of DNABERT-S, (n, d) unit vectors -> (n,) cluster labels."""
    return KMeans(clusters, init="random", n_init=3, max_iter=1000, random_state=seed).fit_predict(vectors)  # pyright: ignore[reportArgumentType]


def cluster_ward(vectors: np.ndarray, clusters: int) -> np.ndarray:
    """Ward's agglomerative clustering, (n, d) unit vectors -> (n,) cluster labels."""
    return AgglomerativeClustering(clusters, linkage="ward").fit_predict(vectors)


def cluster_average(vectors: np.ndarray, height: float) -> np.ndarray:
    """Average linkage cut at a height (cosine distance), (n, d) unit vectors -> (n,) cluster labels."""
    return fcluster(link(vectors), height, criterion="distance")


def link(vectors: np.ndarray) -> np.ndarray:
    """Average-linkage tree by cosine distance, in the layout of SciPy, (n, d) unit vectors -> (n - 1, 4).

    The package's average linkage computes the same tree in float32. It is not used here: the committed results are of
    float64, and among 10,000 near-equal vectors the rounding can change the order of merges.
    """
    # rounding can make the cosine of equal vectors exceed 1, and a tree has no negative heights
    return np.maximum(linkage(vectors, method="average", metric="cosine"), 0)


def best_height(vectors: np.ndarray, species: np.ndarray) -> float:
    """Find the height at which an average-linkage tree agrees best with species, by ARI; of equal ones the lowest.

    Args:
        vectors: (n, d) unit vectors.
        species: (n,) str.
    """
    tree = link(vectors)
    heights = np.unique(np.quantile(tree[:, 2], np.linspace(0, 1, CUTS)))
    return float(max(heights, key=lambda h: adjusted_rand_score(species, fcluster(tree, h, criterion="distance"))))


def cluster_hdbscan(vectors: np.ndarray) -> np.ndarray:
    """HDBSCAN with clusters of two or more, (n, d) unit vectors -> (n,) cluster labels, one for each noise row."""
    found = HDBSCAN(min_cluster_size=2, copy=True).fit_predict(vectors)  # pyright: ignore[reportArgumentType]
    noise = np.flatnonzero(found < 0)
    found[noise] = found.max() + 1 + np.arange(len(noise))
    return found
