"""Task cluster: `dnacse cluster` as users get it, on unseen species with an unknown number of clusters.

Three mixtures are made of the sequences that have a species label, the second and third for methods that compare
sequences base by base, which are tools and models with sites:

- all of them, also those of species with a single sequence;
- `close_*`: at most CLOSE_MOST of each species, of genera with at least CLOSE_SPECIES species;
- `pieces_*`: each cut to a random length from PIECES on a random strand.

A model with sites clusters as the command does, by identity over shared sites and what it knows of species
(modeling_dnacse/clustering/species_merges.py); other vectors by average linkage of cosine distances
(modeling_dnacse/clustering/average_linkage.py). A tool without vectors uses its own clustering.

- `own_*`: with the method's own criterion. A model with sites has probabilities of merges, another one a threshold,
  both in its config.json; vsearch uses 97 % identity; a k-mer profile has none.
- `chosen_*`: with the threshold that has the best ARI on *other* labelled sequences, as `dnacse cluster --labelled`
  chooses it: those of `unseen_val` when `unseen_test` is scored, of `val` when `unseen_val` is. Of vsearch's
  `IDENTITIES` the best there.
- `best_*`, of tools only: with the one of `IDENTITIES` that has the best ARI on these very sequences, which no user
  can know. It bounds from above what the tool can do.

Each has the metrics `ari` and `ami`; `pair_precision`, the share of pairs in the same cluster that are of the same
species; `pair_recall`, the share of pairs of the same species that are in the same cluster; and `surplus`, the number
of clusters minus that of species, divided by the larger of the two (below 0: too few clusters). The mixtures beside
the first have `ari`, `ami` and `surplus` of `own` and `best`.
"""

from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

from benchmarks.methods.method import EMPTY, Method, Split, Unsuited, vectors
from benchmarks.scoring.intervals import agreement_interval
from benchmarks.tasks.task import Task
from modeling_dnacse.clustering.average_linkage import cluster, species_threshold
from modeling_dnacse.clustering.species_merges import cluster_species
from modeling_dnacse.identification.encoding import LEAST_PLACED, Encoded
from modeling_dnacse.identification.library import unit_vectors
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.reading.sequences import reverse_complement

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
        "best_ari": "ARI, identity chosen on these sequences",
        "close_own_ari": "close species, ARI",
        "close_best_ari": "close species, ARI, identity chosen on these",
        "close_own_ami": "close species, AMI",
        "pieces_own_ari": "pieces, ARI",
        "pieces_best_ari": "pieces, ARI, identity chosen on these",
        "pieces_own_ami": "pieces, AMI",
        "chosen_ari": "ARI, threshold chosen on validation species",
        "chosen_ami": "AMI, chosen threshold",
        "chosen_surplus": "surplus of clusters, chosen threshold",
    },
    bars={"own_ari": "dnacse cluster, own threshold, ARI"},
    unranked=("own_surplus", "chosen_surplus"),
)
IDENTITIES = (0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
MEASURES = ("ari", "ami", "pair_precision", "pair_recall")
CLOSE_MOST, CLOSE_SPECIES = 10, 3
PIECES = (150, 658)  # bp


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
    found = own_and_chosen(method, sequences, species, named(others))
    if not found:
        raise Unsuited(f"{method.name} cannot cluster: no threshold of its own, no labelled data to choose one.")
    left_out = len(unseen.ids) - len(sequences)
    metrics = compare(found, species, left_out, seed, MEASURES)
    if method.by_sites is None and method.cluster is None:
        return metrics
    genus = unseen.labels.get("genus", np.full(len(unseen.ids), ""))[unseen.labels["species"] != ""]
    rows = close_species(species, genus, seed)
    mixtures = {"pieces": (pieces_of(sequences, seed), species)}
    if len(np.unique(species[rows])) > 1:
        mixtures["close"] = [sequences[row] for row in rows.tolist()], species[rows]
    for name, (mixed, names) in mixtures.items():
        mixture = own_and_chosen(method, mixed, names)
        scored = compare(mixture, names, len(unseen.ids) - len(mixed), seed, ("ari", "ami"))
        metrics |= {f"{name}_{metric}": value for metric, value in scored.items()}
    return metrics


def own_and_chosen(
    method: Method, sequences: list[str], species: np.ndarray, known: tuple[list[str], np.ndarray] | None = None
) -> dict[str, tuple[np.ndarray, float]]:
    """Clusters by each criterion that the method has: labels (n,), and the threshold.

    Args:
        method: What embeds, or clusters by itself.
        sequences: To cluster (n,).
        species: Theirs (n,), by which the best identity of a tool is found.
        known: Other sequences and their species, to choose a threshold on.
    """
    others, names = known or ([], np.empty(0, dtype=str))
    can_choose = len(np.unique(names)) > 1
    if method.encode is not None:
        by_gap = clusters_at_sites(method, sequences)
        found = {} if by_gap is None else {"own": by_gap}
        at = (method.thresholds or {}).get("species")
        if by_gap is None and at is not None:
            found["own"] = cluster(unit(method, sequences), at), at
        if can_choose:
            at = species_threshold(unit(method, others), names)[0]
            found["chosen"] = cluster(unit(method, sequences), at), at
        return found
    if method.cluster is None:
        return {}
    labels = {identity: method.cluster(sequences, identity=identity) for identity in IDENTITIES}
    best = best_identity(species, labels)
    found = {"own": (labels[0.97], 0.97), "best": (labels[best], best)}
    if can_choose:
        at = best_identity(names, {identity: method.cluster(others, identity=identity) for identity in IDENTITIES})
        found["chosen"] = labels[at], at
    return found


def clusters_at_sites(method: Method, sequences: list[str]) -> tuple[np.ndarray, float] | None:
    """What `dnacse cluster` finds with a model with sites: labels (n,), and the least identity of a merge.

    None: the method is not such a model, or most sequences are not of its marker.
    """
    if method.by_sites is None:
        return None
    read = method.by_sites.encoder.place(sequences, len(sequences), lambda _: None)
    if read.placed.mean() < LEAST_PLACED:
        return None
    read.bases[~read.placed] = OTHER
    clusters = cluster_species(method.by_sites.encoder.model, read.bases)
    return clusters.labels, 1 - float(clusters.widest.max(initial=0))


def unit(method: Method, sequences: list[str]) -> np.ndarray:
    """Unit vectors (n, d) of sequences."""
    return unit_vectors(Encoded(vectors(method, sequences), None)).numpy()


def best_identity(species: np.ndarray, labels: dict[float, np.ndarray]) -> float:
    """The identity whose clusters agree best with species, by the adjusted Rand index."""
    agreement = {identity: adjusted_rand_score(species, found) for identity, found in labels.items()}
    return max(agreement, key=lambda identity: agreement[identity])


def compare(
    found: dict[str, tuple[np.ndarray, float]],
    species: np.ndarray,
    left_out: int,
    seed: int,
    measures: tuple[str, ...],
) -> dict[str, dict[str, Any]]:
    """Agreement of clusters with species, as metrics (see the head of this file)."""
    metrics = {}
    for name, (labels, threshold) in found.items():
        numbers = {"clusters": len(np.unique(labels)), "species": len(np.unique(species)), "threshold": threshold}
        surplus = (numbers["clusters"] - numbers["species"]) / max(numbers["clusters"], numbers["species"])
        agreements = agreement_interval(species, labels, seed, *measures) | {"surplus": {"value": surplus}}
        counts = {"scored": len(species), "left_out": left_out}
        metrics |= {f"{name}_{measure}": value | numbers | counts for measure, value in agreements.items()}
    return metrics


def close_species(species: np.ndarray, genus: np.ndarray, seed: int) -> np.ndarray:
    """Rows of genera with several species, ascending, with at most CLOSE_MOST of each species, drawn with a seed."""
    of_species = dict(zip(species.tolist(), genus.tolist(), strict=True))
    names, counts = np.unique(list(of_species.values()), return_counts=True)
    kept = names[(counts >= CLOSE_SPECIES) & (names != "")]
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(np.isin(genus, kept)))
    _, group = np.unique(species[rows], return_inverse=True)
    order = np.argsort(group, kind="stable")
    rank = np.empty(len(rows), int)
    rank[order] = np.arange(len(rows)) - np.searchsorted(group[order], group[order])
    return np.sort(rows[rank < CLOSE_MOST])


def pieces_of(sequences: list[str], seed: int) -> list[str]:
    """A piece of each sequence, of a random length from PIECES and on a random strand; shorter ones stay whole."""
    rng = np.random.default_rng(seed)
    pieces = []
    for sequence in sequences:
        length = min(int(rng.integers(PIECES[0], PIECES[1] + 1)), len(sequence))
        start = int(rng.integers(len(sequence) - length + 1))
        piece = sequence[start : start + length]
        pieces.append(reverse_complement(piece) if rng.random() < 0.5 else piece)
    return pieces


def named(split: Split) -> tuple[list[str], np.ndarray]:
    """The sequences of a split that have a species, and their species (n,)."""
    rows = np.flatnonzero(split.labels["species"] != "")
    return [split.sequences[row] for row in rows.tolist()], split.labels["species"][rows]
