"""Task binning: sort contigs of unseen species into genome bins; count recovered species and measure bin quality.

The protocol of DNABERT-S (arXiv 2402.08777, spec §4): it takes contigs of at least `SHORTEST` bp, of species with at
least `FEWEST` such contigs. The similarity threshold comes from labelled contigs of other species, never from those
scored. Greedy K-medoid makes the bins (modeling_dnacse/clustering/k_medoid.py). Bins and species are matched one to
one so that they have the most contigs in common.

The labelled contigs are those of `unseen_val`, whose species no model was trained on; for the evaluation split val
they are those of `train`.

- `recovered_f1@0.1` ... `@0.9`: share of the species whose bin has an F1 above that, and `recovered_recall@...` with
  `count` of `of` species. As in the published code, only contigs in a bin count, so leaving contigs out costs nothing;
  `recovered_f1_all@...` counts every contig of the species.
- AMBER's (Meyer et al. 2018, doi:10.1093/gigascience/giy069), in bp: `completeness_bp`, the mean over species of the
  largest part in one bin; `purity_bp`, the mean over bins of the part of its main species; `ari_bp`, of the contigs in
  a bin alone; and `assigned_bp`, the part of all bp that is in a bin, without which ARI says little.

Intervals are over species (intervals.py), the bootstrap for shares of species and their mean completeness, halves for
ARI; nothing is binned or matched again. Means over bins have no interval, since bins are not a sample of a population.
"""

from typing import Any

import numpy as np

from benchmarks.methods.method import Method, Split, vectors
from benchmarks.scoring.bins import bin_quality, recovered, tabulate
from benchmarks.tasks.task import Panel, Task
from modeling_dnacse.clustering.k_medoid import k_medoid, similarity_threshold

SPLITS = {"test": ("unseen_val", "unseen_test"), "val": ("train", "unseen_val")}
TASK = Task(
    title="Binning of contigs of unseen species",
    headline="recovered_f1@0.5",
    columns={
        "recovered_f1@0.5": "species with F1 > 0.5",
        "recovered_f1@0.9": "species with F1 > 0.9",
        "recovered_f1_all@0.5": "species with F1 > 0.5, all contigs counted",
        "completeness_bp": "completeness (bp)",
        "purity_bp": "purity (bp)",
        "ari_bp": "ARI (bp)",
        "assigned_bp": "assigned (bp)",
    },
    bars={
        "recovered_f1@0.5": "Binning, species with F1 > 0.5",
        "ari_bp": "Binning, ARI in bp",
    },
    curves={
        "recovered_f1": Panel("Binning: species recovered", "F1 above"),
        "recovered_recall": Panel("Binning: species recovered", "recall above"),
    },
    costed=True,
)
SHORTEST, FEWEST = 2500, 10  # bp, contigs per species


def choose_contigs(split: Split) -> np.ndarray:
    """Choose the contigs that are long enough, of species that have enough of them: (chosen,) rows, ascending.

    >>> species = np.array(["a"] * 10 + ["b"] * 10)
    >>> choose_contigs(Split(species, ["A" * 2500] * 19 + ["A" * 2499], {"species": species})).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    species = split.labels["species"]
    usable = (species != "") & (np.array([len(sequence) for sequence in split.sequences], dtype=int) >= SHORTEST)
    names, counts = np.unique(species[usable], return_counts=True)
    return np.flatnonzero(usable & np.isin(species, names[counts >= FEWEST]))


def bin_contigs(method: Method, labelled: Split, contigs: Split) -> tuple[float, np.ndarray, np.ndarray]:
    """Bin the contigs that the protocol takes.

    Args:
        method: What embeds them.
        labelled: Contigs of other species, for the threshold.
        contigs: Contigs to bin; their species only tell which of them the protocol takes.

    Returns:
        The threshold, the rows taken (n,), and their bins (n,), -1 = none.

    Raises:
        ValueError: A split has no such contigs, or both have a species in common.
        Unsuited: The method gives no vectors.
    """
    known, rows = choose_contigs(labelled), choose_contigs(contigs)
    if not (len(known) and len(rows)):
        raise ValueError(
            f"got {len(known)} labelled contigs and {len(rows)} to bin, of at least {SHORTEST} bp and of species with "
            f"{FEWEST} or more: give contigs of genomes, as benchmarks/data/make_contigs.py cuts them."
        )
    if shared := set(labelled.labels["species"][known]) & set(contigs.labels["species"][rows]):
        raise ValueError(f"{str(min(shared))!r} is a labelled species and one to bin: make the splits disjoint.")
    threshold = similarity_threshold(vectors(method, labelled.sequences)[known], labelled.labels["species"][known])
    return threshold, rows, k_medoid(vectors(method, contigs.sequences)[rows], threshold, FEWEST)


def score(method: Method, labelled: Split, contigs: Split, *, seed: int) -> dict[str, dict[str, Any]]:
    """Bin contigs of species that the method was not trained on and compare the bins with the species.

    Args:
        method: What is evaluated.
        labelled: Contigs of other species, for the threshold.
        contigs: Contigs to bin.
        seed: Not used: nothing is drawn.

    Returns:
        Metrics (see the head of this file), and `threshold` with the number of labelled contigs it is from.

    Raises:
        ValueError: As `bin_contigs`.
        Unsuited: The method gives no vectors.
    """
    threshold, rows, bins = bin_contigs(method, labelled, contigs)
    species = contigs.labels["species"][rows]
    lengths = np.array([len(contigs.sequences[row]) for row in rows])
    left_out = {"left_out": len(contigs.ids) - len(rows)}
    _, group = np.unique(species, return_inverse=True)
    quality = bin_quality(tabulate(species, bins, lengths), np.bincount(group, weights=lengths))
    counts = {"scored": len(rows), "bins": len(set(bins[bins >= 0].tolist()))} | left_out
    metrics = {name: metric | left_out for name, metric in recovered(species, bins).items()}
    metrics |= {name: metric | counts for name, metric in quality.items()}
    known = len(choose_contigs(labelled))
    metrics["threshold"] = {"value": min(threshold, 1.0), "scored": known, "left_out": len(labelled.ids) - known}
    return metrics
