"""Task species_clustering: cluster species that no model was trained on; a method and splits in, agreement out.

Agreement is ARI, AMI, NMI, homogeneity and completeness (intervals.py). With the true number of species:

- `kmeans_*`: K-means as DNABERT-S evaluates it (arXiv 2402.08777): L2-normalised vectors, init "random", n_init 3,
  max_iter 1000, seeds 0-4; each seed's value, and the mean of the seeds' values and of their intervals.
- `ward_*`: Ward's agglomerative clustering, which needs no seed.

Without it, as whoever finds unknown species must do:

- `average_*`: average linkage by cosine distance, cut at the height that has the best ARI on *other* labelled
  sequences: those of `unseen_val` when `unseen_test` is scored, of `val` when `unseen_val` is. Left out without them.
- `hdbscan_*`: HDBSCAN (Campello et al. 2013) with clusters of two or more; what it calls noise is a cluster each.
- `cluster_*`: a method's own clusters (vsearch cluster_size), for one that has no vectors instead of all the others.

Which sequences: those of the split's species with at least `FEWEST` sequences there, at most `most` of each (drawn
with a seed): a single sequence says nothing of a cluster, and a species of hundreds would own the score.

Cost: all clusterings together are a few hundred passes of n x d x species multiplications, and n x n distances.
Vectors with more columns than there are sequences are first rotated into the space that the sequences span, which
keeps every distance.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score
from tqdm import tqdm

from benchmarks.methods.method import Method, Split, Unsuited, normalise, vectors
from benchmarks.scoring.intervals import AGREEMENTS, agreement_interval

SPLITS = {"test": ("unseen_test", "unseen_val"), "val": ("unseen_val", "val")}
EMPTY = Split(np.empty(0, dtype=str), [], {"species": np.empty(0, dtype=str)})
FEWEST, MOST = 2, 20  # sequences a species
SEEDS = range(5)
CUTS = 200  # heights of a tree that are tried


def choose(species: np.ndarray, fewest: int = FEWEST, most: int = MOST, seed: int = 0) -> np.ndarray:
    """Choose the sequences to cluster.

    Args:
        species: (n,) str, "" = unknown.
        fewest: Species with fewer sequences are left out.
        most: Of a species with more, this many are drawn.
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
    """Average-linkage tree by cosine distance, in the layout of SciPy, (n, d) unit vectors -> (n - 1, 4)."""
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


def score(
    method: Method, unseen: Split, others: Split = EMPTY, *, most: int = MOST, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Cluster the unseen species and compare with their names.

    Args:
        method: What embeds, or clusters by itself.
        unseen: Sequences to cluster.
        others: Labelled sequences on which the height of the cut is chosen; may be empty.
        most: Sequences of a species, at most.
        seed: Seed of the choice of sequences of large species and of the intervals; K-means has its own, `SEEDS`.

    Returns:
        Metrics: value, interval, for K-means each seed's value, the number of sequences clustered, of species and
        (without the true number) of clusters.

    Raises:
        ValueError: Fewer than two species have enough sequences.
        Unsuited: The method gives neither vectors nor clusters.
    """
    rows, species, counts = replicates(unseen, most, seed)
    if method.encode is None:
        found = own_clusters(method, [unseen.sequences[row] for row in rows])
        return compare("cluster", species, found, seed, counts | {"clusters": len(np.unique(found))})
    unit = rotate(normalise(vectors(method, unseen.sequences)[rows]))
    metrics = score_kmeans(unit, species, seed, counts)
    metrics |= compare("ward", species, cluster_ward(unit, counts["species"]), seed, counts)
    found = cluster_hdbscan(unit)
    metrics |= compare("hdbscan", species, found, seed, counts | {"clusters": len(np.unique(found))})
    known = choose(others.labels["species"], most=most, seed=seed)
    if len(known):
        height = best_height(normalise(vectors(method, others.sequences)[known]), others.labels["species"][known])
        found = cluster_average(unit, height)
        extra = {"clusters": len(np.unique(found)), "height": height}
        metrics |= compare("average", species, found, seed, counts | extra)
    return metrics


def score_kmeans(
    unit: np.ndarray, species: np.ndarray, seed: int, counts: Mapping[str, int]
) -> dict[str, dict[str, Any]]:
    """K-means under each of its seeds, as metrics (see the head of this file)."""
    runs = [cluster_kmeans(unit, counts["species"], run) for run in tqdm(SEEDS, desc="K-means", leave=False)]
    found = [agreement_interval(species, clusters, seed) for clusters in runs]
    metrics = {}
    for agreement in AGREEMENTS:
        per_seed = [metrics[agreement] for metrics in found]
        metric = {name: np.mean([one[name] for one in per_seed], axis=0).tolist() for name in per_seed[0]}
        metrics[f"kmeans_{agreement}"] = {**metric, "per_seed": [one["value"] for one in per_seed], **counts}
    return metrics


def compare(
    name: str, species: np.ndarray, found: np.ndarray, seed: int, counts: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """Agreements of a clustering with species, with intervals, as metrics of this name."""
    return {
        f"{name}_{agreement}": {**metric, **counts}
        for agreement, metric in agreement_interval(species, found, seed).items()
    }
