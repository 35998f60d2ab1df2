"""Task cluster: `dnacse cluster` as users get it, on unseen species with an unknown number of clusters.

All sequences of the split that have a species label are clustered, also those of species with a single sequence.
Vectors are clustered by the package, by average linkage of cosine distances
(modeling_dnacse/clustering/average_linkage.py). A tool without vectors uses its own clustering.

- `own_*`: with the method's own threshold. A model has it in its config.json; vsearch uses 97 % identity; a k-mer
  profile has none.
- `chosen_*`: with the threshold that has the best ARI on *other* labelled sequences, as `dnacse cluster --labelled`
  chooses it: those of `unseen_val` when `unseen_test` is scored, of `val` when `unseen_val` is. Of vsearch's
  `IDENTITIES` the best there.

Each has the metrics `ari` and `ami`; `pair_precision`, the share of pairs in the same cluster that are of the same
species; `pair_recall`, the share of pairs of the same species that are in the same cluster; and `surplus`, the number
of clusters minus that of species, divided by the larger of the two (below 0: too few clusters).
"""

from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

from benchmarks.methods.method import EMPTY, Method, Split, Unsuited, vectors
from benchmarks.scoring.intervals import agreement_interval
from benchmarks.tasks.task import Task
from modeling_dnacse.clustering.average_linkage import cluster, species_threshold
from modeling_dnacse.identification.encoding import Encoded
from modeling_dnacse.identification.library import unit_vectors

SPLITS = {"test": ("unseen_test", "unseen_val"), "val": ("unseen_val", "val")}
TASK = Task(
    title="Clustering with an unknown number of clusters (dnacse cluster)",
    headline="own_ari",
    columns={
        "own_ari": "ARI, own threshold",
        "own_ami": "AMI, own threshold",
        "own_pair_precision": "pair precision",
        "own_pair_recall": "pair recall",
        "own_surplus": "surplus of clusters",
        "chosen_ari": "ARI, threshold chosen on validation species",
        "chosen_ami": "AMI, chosen threshold",
        "chosen_surplus": "surplus of clusters, chosen threshold",
    },
    bars={"own_ari": "dnacse cluster, own threshold, ARI"},
    unranked=("own_surplus", "chosen_surplus"),
)
IDENTITIES = (0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.975, 0.98, 0.985, 0.99)
MEASURES = ("ari", "ami", "pair_precision", "pair_recall")


def score(method: Method, unseen: Split, others: Split = EMPTY, *, seed: int) -> dict[str, dict[str, Any]]:
    """Cluster sequences of unseen species and compare with their names.

    Args:
        method: What embeds, or clusters by itself.
        unseen: Sequences to cluster; those without a species are left out.
        others: Labelled sequences of other species, to choose a threshold on; may be empty.
        seed: Seed of the intervals.

    Returns:
        Metrics, see the head of this file.

    Raises:
        ValueError: There are not two species to cluster.
        Unsuited: The method gives neither vectors nor clusters, or has no threshold and there is none to choose on.
    """
    sequences, species = named(unseen)
    if len(np.unique(species)) < 2:
        raise ValueError(f"got {len(sequences)} sequences of fewer than two species to cluster: check the labels.")
    known, known_species = named(others)
    found: dict[str, tuple[np.ndarray, float]] = {}
    if method.encode is not None:
        points = unit_vectors(Encoded(vectors(method, sequences), None)).numpy()
        thresholds = {"own": (method.thresholds or {}).get("species")}
        if len(np.unique(known_species)) > 1:
            thresholds["chosen"] = species_threshold(
                unit_vectors(Encoded(vectors(method, known), None)).numpy(), known_species
            )[0]
        found = {name: (cluster(points, at), at) for name, at in thresholds.items() if at is not None}
    elif method.cluster is not None:
        identities = {"own": 0.97}
        if len(np.unique(known_species)) > 1:
            agreement = {i: adjusted_rand_score(known_species, method.cluster(known, identity=i)) for i in IDENTITIES}
            identities["chosen"] = max(agreement, key=lambda identity: agreement[identity])
        found = {name: (method.cluster(sequences, identity=at), at) for name, at in identities.items()}
    if not found:
        raise Unsuited(f"{method.name} gives no clusters, or no threshold is its own and none can be chosen.")
    counts = {"scored": len(sequences), "left_out": len(unseen.ids) - len(sequences)}
    metrics = {}
    for name, (labels, threshold) in found.items():
        numbers = {"clusters": len(np.unique(labels)), "species": len(np.unique(species)), "threshold": threshold}
        surplus = (numbers["clusters"] - numbers["species"]) / max(numbers["clusters"], numbers["species"])
        agreements = agreement_interval(species, labels, seed, *MEASURES) | {"surplus": {"value": surplus}}
        metrics |= {f"{name}_{measure}": value | numbers | counts for measure, value in agreements.items()}
    return metrics


def named(split: Split) -> tuple[list[str], np.ndarray]:
    """The sequences of a split that have a species, and their species (n,)."""
    rows = np.flatnonzero(split.labels["species"] != "")
    return [split.sequences[row] for row in rows.tolist()], split.labels["species"][rows]
