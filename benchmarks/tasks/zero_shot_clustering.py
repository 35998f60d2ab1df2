"""Task zero_shot_clustering: AMI of unseen species after UMAP and Ward clustering.

The protocol of BarcodeBERT and DNACSE: UMAP to 50 dimensions, then Ward's agglomerative clustering with the true
number of species. The two papers use different settings of UMAP, and these alone change AMI by tens of points. So the
task runs both (`SETTINGS`), and each metric records its settings. It also runs Ward without UMAP.

- `umap_dnacse_ami`, `umap_barcodebert_ami`: mean over UMAP's seeds 0-2, of values and of intervals.
- `ward_ami`: without UMAP, with an interval over species.
- `cluster_ami`: the clusters that a tool without vectors finds itself (vsearch cluster_size), with an unknown number
  of clusters. Such a tool has only this metric.

Vectors are first scaled to unit length, also for the Euclidean setting; the papers do not say what they do. The
sequences are chosen as in species_clustering: species with at least two sequences, at most `most` of each. UMAP runs
on one thread, because it ignores its seed with more.
"""

from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.methods.method import Method, Split, normalise, vectors
from benchmarks.scoring.clusterings import MOST, cluster_ward, own_clusters, replicates, rotate
from benchmarks.scoring.intervals import agreement_interval
from benchmarks.tasks.task import Task

SPLITS = {"test": ("unseen_test",), "val": ("unseen_val",)}
TASK = Task(
    title="Clustering of unseen species after UMAP",
    headline="umap_dnacse_ami",
    columns={
        "umap_dnacse_ami": "UMAP as DNACSE, Ward AMI",
        "umap_barcodebert_ami": "UMAP as BarcodeBERT, Ward AMI",
        "ward_ami": "no UMAP, Ward AMI",
        "cluster_ami": "AMI of the tool's own clusters, unknown number of clusters",
    },
    bars={
        "umap_dnacse_ami": "Clustering after UMAP, AMI",
    },
)
SETTINGS = {
    "dnacse": {"n_neighbors": 30, "min_dist": 0.0, "metric": "euclidean", "n_components": 50},
    "barcodebert": {"n_neighbors": 5, "min_dist": 0.1, "metric": "cosine", "n_components": 50},
}
SEEDS = range(3)


def fit_settings(settings: dict[str, Any], sequences: int) -> dict[str, Any]:
    """Lower the settings that a small data set cannot have.

    >>> fit_settings(SETTINGS["dnacse"], 20)
    {'n_neighbors': 19, 'min_dist': 0.0, 'metric': 'euclidean', 'n_components': 18}
    """
    neighbours, components = settings["n_neighbors"], settings["n_components"]
    # UMAP's spectral start needs fewer components than sequences less one
    return settings | {"n_neighbors": min(neighbours, sequences - 1), "n_components": min(components, sequences - 2)}


def project(vectors: np.ndarray, settings: dict[str, Any], seed: int) -> np.ndarray:
    """Project vectors by UMAP, (n, d) -> (n, n_components) float32."""
    from umap import UMAP  # here, since the import alone compiles for seconds and only this task needs it

    threads = torch.get_num_threads()
    projected = np.asarray(UMAP(**settings, random_state=seed, n_jobs=1).fit_transform(vectors))
    torch.set_num_threads(threads)  # numba sets OpenMP's number, which is torch's too, to that of the cores
    return projected


def score(method: Method, unseen: Split, *, most: int = MOST, seed: int) -> dict[str, dict[str, Any]]:
    """Cluster unseen species and compare with their names.

    Args:
        method: What is evaluated.
        unseen: Sequences of species that it was not trained on.
        most: Sequences of a species, at most.
        seed: Seed of the choice of sequences of large species and of the intervals; UMAP has its own, `SEEDS`.

    Returns:
        Metrics, see the head of this file.

    Raises:
        ValueError: Fewer than two species have enough sequences.
        Unsuited: The method gives neither vectors nor clusters.
    """
    rows, species, counts = replicates(unseen, most, seed)
    sequences = [unseen.sequences[row] for row in rows]
    if method.encode is None:
        found = own_clusters(method, sequences)
        return {"cluster_ami": agreement_interval(species, found, seed, "ami")["ami"] | counts}
    unit = rotate(normalise(vectors(method, sequences)))
    clusters = counts["species"]
    found = cluster_ward(unit, clusters)
    metrics = {"ward_ami": agreement_interval(species, found, seed, "ami")["ami"] | counts}
    for paper, published in SETTINGS.items():
        settings = fit_settings(published, len(rows))
        runs = [
            agreement_interval(species, cluster_ward(project(unit, settings, run), clusters), seed, "ami")["ami"]
            for run in tqdm(SEEDS, desc=f"UMAP as {paper}", leave=False)
        ]
        metric = {name: np.mean([run[name] for run in runs], axis=0).tolist() for name in runs[0]}
        metrics[f"umap_{paper}_ami"] = metric | {"per_seed": [run["value"] for run in runs]} | counts | settings
    return metrics
