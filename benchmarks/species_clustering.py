"""Task species_clustering: cluster species that no model was trained on; labelled vectors in, agreement out.

K-means as DNABERT-S evaluates it (arXiv 2402.08777): L2-normalised vectors, the true number of species, init
"random", n_init 3, max_iter 1000, seeds 0-4; the mean and each seed's value of ARI, NMI, AMI, homogeneity and
completeness. Beside it Ward's agglomerative clustering with the true number, which needs no seed.

Which sequences: those of the unseen split's species with at least `FEWEST` sequences there, at most `MOST` of each
(drawn with a seed): a single sequence says nothing of a cluster, and a species of hundreds would own the score.

Cost: all clusterings together are a few hundred passes of n x d x species multiplications. Vectors with more columns
than there are sequences are first rotated into the space that the sequences span, which keeps every distance.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    completeness_score,
    homogeneity_score,
    normalized_mutual_info_score,
)
from tqdm import tqdm

from benchmarks.knn import Labelled, normalise

SPLITS = {"test": ("unseen_test",), "val": ("unseen_val",)}
FEWEST, MOST = 2, 20  # sequences a species
SEEDS = range(5)
AGREEMENTS = {
    "ari": adjusted_rand_score,
    "ami": adjusted_mutual_info_score,
    "nmi": normalized_mutual_info_score,
    "homogeneity": homogeneity_score,
    "completeness": completeness_score,
}


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


def score(splits: Mapping[str, Labelled], evaluation_split: str, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Cluster the unseen species and compare with their names.

    Args:
        splits: The splits that `SPLITS` names for the evaluation split.
        evaluation_split: "test" or "val".
        seed: Seed of the choice of sequences of large species; K-means has its own, `SEEDS`.

    Returns:
        Metrics: value, for K-means also each seed's, and the number of sequences clustered.

    Raises:
        ValueError: Fewer than two species have enough sequences.
    """
    (name,) = SPLITS[evaluation_split]
    chosen = choose(splits[name].labels["species"], seed=seed)
    species = splits[name].labels["species"][chosen]
    clusters = len(np.unique(species))
    if clusters < 2:
        raise ValueError(
            f"got {clusters} species with at least {FEWEST} sequences in the split {name}, but clustering needs two: "
            "give more data or raise --max_sequences."
        )
    vectors = rotate(normalise(splits[name].vectors[chosen]))
    kmeans = [cluster_kmeans(vectors, clusters, run) for run in tqdm(SEEDS, desc="K-means", leave=False)]
    counts = {"scored": len(chosen), "left_out": len(splits[name].vectors) - len(chosen)}
    metrics = {}
    for agreement, compare in AGREEMENTS.items():
        per_seed = [float(compare(species, found)) for found in kmeans]
        metrics[f"kmeans_{agreement}"] = {"value": float(np.mean(per_seed)), "per_seed": per_seed} | counts
    found = cluster_ward(vectors, clusters)
    for agreement in ("ari", "ami"):
        metrics[f"ward_{agreement}"] = {"value": float(AGREEMENTS[agreement](species, found))} | counts
    return metrics
