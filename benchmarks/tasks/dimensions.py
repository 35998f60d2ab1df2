"""Task dimensions: accuracy and clustering with fewer dimensions; a curve over the number of dimensions.

The numbers of dimensions are the powers of two from 16 up to that of the method, and the latter itself. There are two
ways to reduce the dimensions:

- `_first@D`: the first D columns, which suffice only for a model trained for it (Matryoshka embeddings);
- `_pca@D`: the first D principal components of the references' vectors, centred on their mean. At the full number this
  differs from `_first` by the centring alone. There are no more components than references.

Vectors are scaled to unit length before either. Metrics: `species_seen`, `genus_unseen` (1-NN by cosine) and
`ward_ari`, Ward's clustering of unseen species with two or more queries, given their true number. queries.py says how
the queries are drawn.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.decomposition import PCA

from benchmarks.methods.method import Method, Split, nearest_rows, normalise, vectors
from benchmarks.scoring.clusterings import cluster_ward, rotate
from benchmarks.scoring.intervals import accuracy_interval, agreement_interval
from benchmarks.scoring.queries import QUERIES, ask, draw_replicates
from benchmarks.tasks.task import Panel, Task

SPLITS = {"test": ("train", "test", "unseen_test"), "val": ("train", "val", "unseen_val")}
TASK = Task(
    title="Fewer dimensions",
    headline="genus_unseen_pca@64",
    columns={
        "genus_unseen_first@64": "genus of unseen species, first 64 columns",
        "genus_unseen_pca@16": "genus of unseen species, 16 principal components",
        "genus_unseen_pca@64": "genus of unseen species, 64 principal components",
        "ward_ari_first@64": "Ward ARI, first 64 columns",
        "ward_ari_pca@16": "Ward ARI, 16 principal components",
        "ward_ari_pca@64": "Ward ARI, 64 principal components",
    },
    curves={
        "genus_unseen_pca": Panel("Fewer dimensions: genus, unseen", "principal components", "log"),
        "ward_ari_pca": Panel("Fewer dimensions: Ward ARI", "principal components", "log", priority=1),
        "species_seen_pca": Panel("Fewer dimensions: species, seen", "principal components", "log", priority=1),
        "genus_unseen_first": Panel("Truncated vectors: genus, unseen", "first columns", "log", priority=1),
    },
)
FEWEST = 16  # columns


def choose_dimensions(columns: int) -> list[int]:
    """Choose the numbers of columns to compare.

    >>> choose_dimensions(768)
    [16, 32, 64, 128, 256, 512, 768]
    """
    powers = [2**power for power in range(columns.bit_length())]
    return [*(power for power in powers if FEWEST <= power < columns), columns]


def fit_components(vectors: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Fit principal components to vectors (n, d); the result projects vectors (m, d) -> (m, min(n, d))."""
    # by the eigenvectors of the (d, d) covariance: the default for many columns is a full SVD of all rows
    return PCA(min(vectors.shape), svd_solver="covariance_eigh").fit(vectors).transform


def score(
    method: Method, references: Split, seen: Split, unseen: Split, *, seed: int, queries: int = QUERIES
) -> dict[str, dict[str, Any]]:
    """Score truncated and projected vectors.

    Args:
        method: What is evaluated.
        references: Labelled sequences; the components are theirs.
        seen: Queries whose species the references hold.
        unseen: Queries of other species; those are clustered.
        seed: Seed of the draw of queries and of the intervals.
        queries: How many to draw at most of either split.

    Returns:
        Metrics, see the head of this file.

    Raises:
        ValueError: There are no queries or no references.
        Unsuited: The method gives no vectors.
    """
    questions = ask(references, seen, unseen, seed=seed, queries=queries)
    clustered = draw_replicates(unseen, seed=seed, queries=queries)
    library = normalise(vectors(method, references.sequences))
    asked = {name: normalise(vectors(method, question.sequences)) for name, question in questions.items()}
    to_cluster = normalise(vectors(method, clustered.sequences)) if clustered.sequences else None
    metrics = {}
    for kind, project in {"first": np.asarray, "pca": fit_components(library)}.items():
        full_library = project(library)
        full_asked = {name: project(unit) for name, unit in asked.items()}
        full_to_cluster = None if to_cluster is None else project(to_cluster)
        for columns in choose_dimensions(full_library.shape[1]):
            point = f"{kind}@{columns}"
            for name, question in questions.items():
                names = references.labels[question.rank]
                known = (names != "")[None]
                (index,) = nearest_rows(full_asked[name][:, :columns], full_library[:, :columns], known)
                metric = accuracy_interval(names[index] == question.names, question.species, seed)["micro"]
                metrics[f"{name}_{point}"] = metric | question.counts
            if full_to_cluster is not None:
                cut = rotate(normalise(full_to_cluster[:, :columns]))
                found = cluster_ward(cut, len(np.unique(clustered.species)))
                metric = agreement_interval(clustered.species, found, seed, "ari")["ari"]
                metrics[f"ward_ari_{point}"] = metric | clustered.counts
    return metrics
