"""Task length: accuracy and clustering of shorter queries; a curve over bp.

The lengths are those of `LADDERS` below the queries' median length: for barcodes, with a median under 2,000 bp, 100,
150 and 300 bp (mini-barcodes); for contigs 500 bp to 20 kb. The last point of a curve is for whole sequences, at their
median length. Every point has the same queries, those at least as long as the longest window. queries.py says how they
are drawn.

- `species_seen@L`, `genus_unseen@L`: one window of L bp per query, at a random place, named after whole references.
- `ward_ari@L`: Ward's clustering of unseen species with two or more queries, given their true number; a method without
  vectors has `cluster_ari@L` for its own clusters. Here the windows are the middles of the sequences, as if one pair
  of primers had amplified them, because windows of 100 bp at random places of a barcode hardly overlap.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.methods.method import Method, Split, normalise, vectors
from benchmarks.scoring.alterations import cut_windows
from benchmarks.scoring.clusterings import cluster_ward, rotate
from benchmarks.scoring.intervals import agreement_interval
from benchmarks.scoring.queries import QUERIES, Question, ask, draw_replicates, score_alterations
from benchmarks.tasks.task import Panel, Task

SPLITS = {"test": ("train", "test", "unseen_test"), "val": ("train", "val", "unseen_val")}
TASK = Task(
    title="Shorter queries",
    headline="species_seen@150",
    columns={
        "species_seen@": "species, seen, {:g} bp",
        "genus_unseen@": "genus of unseen species, {:g} bp",
        "ward_ari@": "Ward ARI, {:g} bp",
        "cluster_ari@": "ARI of the tool's own clusters, {:g} bp",
    },
    bars={
        "species_seen@150": "150 bp, species, seen",
        "species_seen@500": "500 bp, species, seen",
    },
    curves={
        "species_seen": Panel("Shorter queries: species, seen", "bp", "log"),
        "genus_unseen": Panel("Shorter queries: genus, unseen", "bp", "log"),
        "ward_ari": Panel("Shorter queries: Ward ARI", "bp", "log", priority=1),
    },
)
LADDERS = {"barcodes": (100, 150, 300), "genomes": (500, 1000, 2000, 5000, 10_000, 20_000)}  # bp
LONGEST_BARCODE = 2000  # bp
MIDDLE = 0.5


def choose_lengths(median: int) -> tuple[int, ...]:
    """Choose the lengths to cut sequences to, from their median length, all in bp.

    >>> choose_lengths(658), choose_lengths(170), choose_lengths(6100)
    ((100, 150, 300), (100, 150), (500, 1000, 2000, 5000))

    Raises:
        ValueError: The sequences are too short to be shortened.
    """
    ladder = LADDERS["barcodes" if median < LONGEST_BARCODE else "genomes"]
    lengths = tuple(length for length in ladder if length < median)
    if not lengths:
        raise ValueError(
            f"got queries of {median} bp (median), but the shortest window has {ladder[0]}: give longer sequences or "
            "leave the task out."
        )
    return lengths


def score(
    method: Method, references: Split, seen: Split, unseen: Split, *, seed: int, queries: int = QUERIES
) -> dict[str, dict[str, Any]]:
    """Name and cluster windows of the queries.

    Args:
        method: What is evaluated.
        references: Labelled sequences, whole.
        seen: Queries whose species the references hold.
        unseen: Queries of other species; those are clustered.
        seed: Seed of the draw of queries, of the windows and of the intervals.
        queries: How many to draw at most of either split.

    Returns:
        Metrics, see the head of this file.

    Raises:
        ValueError: There are no queries or no references, or the queries are too short.
        Unsuited: The method can name nothing.
    """
    sizes = [len(sequence) for sequence in (*seen.sequences, *unseen.sequences)]
    median = int(np.median(sizes)) if sizes else 0
    lengths = choose_lengths(median)

    def alter(sequences: Sequence[str]) -> dict[str, Sequence[str]]:
        places = np.random.default_rng(seed).random(len(sequences))
        windows = {f"@{length}": cut_windows(sequences, length, places) for length in lengths}
        return windows | {f"@{median}": sequences}

    questions = ask(references, seen, unseen, seed=seed, queries=queries, shortest=lengths[-1])
    metrics = score_alterations(method, references, questions, alter, seed=seed)
    clustered = draw_replicates(unseen, seed=seed, queries=queries, shortest=lengths[-1])
    return metrics | score_clusters(method, clustered, lengths, median, seed=seed)


def score_clusters(
    method: Method, clustered: Question, lengths: Sequence[int], median: int, *, seed: int
) -> dict[str, dict[str, Any]]:
    """Cluster the middles of sequences, and the whole ones, whose metric stands at the median length.

    Returns:
        Metrics; none where there is nothing to cluster or the method cannot.
    """
    whole = clustered.sequences
    if not whole:
        return {}
    pieces = {length: cut_windows(whole, length, np.full(len(whole), MIDDLE)) for length in lengths} | {median: whole}
    metrics = {}
    for length, sequences in pieces.items():
        if method.encode is not None:
            unit = rotate(normalise(vectors(method, sequences)))
            name, found = "ward_ari", cluster_ward(unit, len(np.unique(clustered.species)))
        elif method.cluster is not None:
            name, found = "cluster_ari", method.cluster(sequences)
        else:
            return {}
        agreement = agreement_interval(clustered.species, found, seed, "ari")["ari"]
        metrics[f"{name}@{length}"] = agreement | clustered.counts
    return metrics
