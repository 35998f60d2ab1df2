"""Task species_clustering: cluster species that no model was trained on; agreement with the species names.

Agreement is measured by ARI, AMI, NMI, homogeneity and completeness (agreements.py). Two clusterings know the true
number of species:

- `kmeans_*`: K-means as DNABERT-S evaluates it (arXiv 2402.08777): L2-normalised vectors, init "random", n_init 3,
  max_iter 1000, seeds 0-4; each seed's value, and the mean of the seeds' values and of their intervals.
- `ward_*`: Ward's agglomerative clustering, which needs no seed.

The others have an unknown number of clusters, as in practice:

- `average_*`: average linkage by cosine distance. The tree is cut at the height that has the best ARI on *other*
  labelled sequences: those of `unseen_val` when `unseen_test` is scored, those of `val` when `unseen_val` is. Without
  such sequences this clustering is left out.
- `hdbscan_*`: HDBSCAN (Campello et al. 2013) with clusters of at least two sequences. Each sequence that it calls
  noise becomes a cluster of its own.
- `cluster_*`: the clusters that a tool without vectors finds itself (vsearch cluster_size). Such a tool has only this
  clustering.

The task clusters the species that have at least `FEWEST` sequences in the split, since a single sequence forms no
cluster. At most `most` sequences of each species are drawn with a seed; otherwise large species would dominate the
score.

Cost: all clusterings together are a few hundred passes of n x d x species multiplications, and n x n distances.
Vectors with more columns than there are sequences are first rotated into the space that the sequences span, which
keeps every distance.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.methods.method import EMPTY, Method, Split, normalise, vectors
from benchmarks.scoring.agreements import AGREEMENTS
from benchmarks.scoring.clusterings import (
    MOST,
    best_height,
    choose,
    cluster_average,
    cluster_hdbscan,
    cluster_kmeans,
    cluster_ward,
    own_clusters,
    replicates,
    rotate,
)
from benchmarks.scoring.intervals import agreement_interval
from benchmarks.tasks.task import Task

SPLITS = {"test": ("unseen_test", "unseen_val"), "val": ("unseen_val", "val")}
TASK = Task(
    title="Clustering of unseen species",
    headline="ward_ami",
    columns={
        "kmeans_ari": "K-means ARI",
        "kmeans_ami": "K-means AMI",
        "ward_ari": "Ward ARI",
        "ward_ami": "Ward AMI",
        "average_ari": "average linkage ARI, unknown number of clusters",
        "hdbscan_ari": "HDBSCAN ARI, unknown number of clusters",
        "cluster_ari": "ARI of the tool's own clusters, unknown number of clusters",
    },
    bars={
        "ward_ami": "Clustering, Ward AMI",
        "average_ari": "Unknown number of clusters, ARI",
    },
)
SEEDS = range(5)


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
