"""Task bin: `dnacse bin` as users get it, on contigs of species that no model was trained on.

The package bins all contigs of at least SHORTEST_CONTIG bp, also those of species with few contigs. It embeds long
contigs in windows.

- `default_*`: by communities (modeling_dnacse/clustering/communities.py), which need no threshold. A tool without
  vectors uses its own binning.
- `own_*`: by `--method k_medoid` with the method's own threshold. A model has it in its config.json; a k-mer profile
  has none.
- `chosen_*`: by `--method k_medoid` with the 70th percentile rule on labelled contigs of other species, as
  `dnacse bin --labelled` chooses it.

The metrics are those of the task `binning`. `recovered_f1_all@0.5` and `@0.9` count every contig of a species; they
cover only species with at least `FEWEST_CONTIGS` contigs, the smallest size of a bin. `completeness_bp`, `purity_bp`,
`ari_bp` and `assigned_bp` cover all contigs that have a species label.
"""

from typing import Any

import numpy as np

from benchmarks.methods.method import EMPTY, Method, Split, vectors
from benchmarks.scoring.bins import bin_quality, recovered, tabulate
from benchmarks.tasks.binning import choose_contigs
from benchmarks.tasks.task import Task
from modeling_dnacse.clustering.communities import communities
from modeling_dnacse.clustering.k_medoid import k_medoid, similarity_threshold
from modeling_dnacse.clustering.purposes import FEWEST_CONTIGS, SHORTEST_CONTIG

SPLITS = {"test": ("unseen_test", "unseen_val"), "val": ("unseen_val", "train")}
TASK = Task(
    title="Binning as users get it (dnacse bin)",
    headline="default_recovered_f1_all@0.5",
    columns={
        "default_recovered_f1_all@0.5": "species with F1 > 0.5",
        "default_recovered_f1_all@0.9": "species with F1 > 0.9",
        "default_assigned_bp": "assigned (bp)",
        "default_purity_bp": "purity (bp)",
        "chosen_recovered_f1_all@0.5": "species with F1 > 0.5, K-medoid, threshold chosen on validation species",
        "chosen_recovered_f1_all@0.9": "species with F1 > 0.9, K-medoid",
        "chosen_assigned_bp": "assigned (bp), K-medoid",
        "chosen_purity_bp": "purity (bp), K-medoid",
    },
    bars={"default_recovered_f1_all@0.5": "dnacse bin, species with F1 > 0.5"},
)


def score(method: Method, contigs: Split, labelled: Split = EMPTY, *, seed: int) -> dict[str, dict[str, Any]]:
    """Bin contigs and compare the bins with their species.

    Args:
        method: What embeds them.
        contigs: Contigs to bin.
        labelled: Contigs of other species, to choose a threshold on; may be empty.
        seed: Not used: nothing is drawn.

    Returns:
        Metrics, see the head of this file.

    Raises:
        ValueError: No species has enough contigs.
        Unsuited: The method neither bins nor gives vectors.
    """
    encode = method._replace(encode=method.encode_windows or method.encode)
    lengths = np.array([len(sequence) for sequence in contigs.sequences])
    rows = np.flatnonzero(lengths >= SHORTEST_CONTIG)
    species, lengths = contigs.labels["species"][rows], lengths[rows]
    names, sizes = np.unique(species[species != ""], return_counts=True)
    asked = np.isin(species, names[sizes >= FEWEST_CONTIGS])
    if not asked.any():
        raise ValueError(
            f"got {len(rows)} contigs of at least {SHORTEST_CONTIG} bp, but no species with {FEWEST_CONTIGS} of them: "
            "give contigs of genomes, as benchmarks/data/make_contigs.py cuts them."
        )
    if method.bin is not None:
        found = {"default": (method.bin([contigs.sequences[row] for row in rows.tolist()]), {})}
        return metrics_of(found, len(contigs.ids), species, asked, lengths)
    thresholds = {"own": (method.thresholds or {}).get("bins")}
    known = choose_contigs(labelled) if len(labelled.ids) else np.empty(0, dtype=int)
    if len(known):
        embedded = vectors(encode, [labelled.sequences[row] for row in known.tolist()])
        thresholds["chosen"] = similarity_threshold(embedded, labelled.labels["species"][known])
    points = vectors(encode, [contigs.sequences[row] for row in rows.tolist()])
    found = {"default": (communities(points, min_bin_size=FEWEST_CONTIGS), {})}
    for name, threshold in thresholds.items():
        if threshold is not None:
            found[name] = (k_medoid(points, threshold, FEWEST_CONTIGS), {"threshold": threshold})
    return metrics_of(found, len(contigs.ids), species, asked, lengths)


def metrics_of(
    found: dict[str, tuple[np.ndarray, dict[str, float]]],
    given: int,
    species: np.ndarray,
    asked: np.ndarray,
    lengths: np.ndarray,
) -> dict[str, dict[str, Any]]:
    """Score bins by several criteria.

    Args:
        found: Criterion -> bins (n,) and settings to report.
        given: Contigs of the split, also those that are too short.
        species: As `score_bins` takes them.
        asked: As `score_bins` takes them.
        lengths: bp (n,).
    """
    return {
        f"{name}_{measure}": metric | {"left_out": given - metric["scored"]} | setting
        for name, (bins, setting) in found.items()
        for measure, metric in score_bins(species, asked, lengths, bins).items()
    }


def score_bins(
    species: np.ndarray, asked: np.ndarray, lengths: np.ndarray, bins: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Compare bins with species.

    Args:
        species: Of each contig (n,) str, "" = unknown.
        asked: Whether its species has enough contigs to be recovered (n,) bool.
        lengths: bp (n,).
        bins: (n,) int, -1 = none.
    """
    named = species != ""
    _, group = np.unique(species[named], return_inverse=True)
    table = tabulate(species[named], bins[named], lengths[named])
    quality = bin_quality(table, np.bincount(group, weights=lengths[named]))
    counts = {"scored": int(named.sum()), "bins": len(set(bins[bins >= 0].tolist()))}
    found = {name: metric for name, metric in recovered(species[asked], bins[asked]).items() if "_all@" in name}
    return found | {name: metric | counts for name, metric in quality.items()}
