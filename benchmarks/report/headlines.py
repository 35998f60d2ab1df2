"""What of each task is shown: its title, the columns of its table, its panels of bars and its curves.

A task has many metrics, most of them points of curves; a reader is served with a few. All renderers take them from
here. A column whose metric no result has is left out, and a task that is not here shows all of its metrics.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

TITLES = {
    "knn": "1-nearest-neighbour accuracy",
    "species_clustering": "Clustering of unseen species",
    "zero_shot_clustering": "Clustering of unseen species after UMAP",
    "few_shot": "Few-shot classification of unseen species",
    "linear_probe": "Linear probe: naming seen species from frozen vectors",
    "fine_tune": "Fine-tuning: naming seen species",
    "open_set": "Is the species among the references at all?",
    "binning": "Binning of genome pieces of unseen species",
    "strand": "Both strands alike",
    "length": "Shorter queries",
    "mutation": "Queries with sequencing errors",
    "dimensions": "Fewer dimensions",
    "gue": "Genome Understanding Evaluation",
    "genomic_benchmarks": "Genomic Benchmarks",
}

# A metric and its heading. A name that ends in @ is a curve, of which the first and the last point are shown: use it
# where the points depend on the data; the heading then takes the abscissa.
COLUMNS: dict[str, dict[str, str]] = {
    "knn": {
        "species_seen": "species, seen",
        "genus_unseen": "genus of unseen species",
        "family_unseen": "family of unseen species",
        "order_unseen": "order of unseen species",
        "family_novel": "family of novel genera",
        "order_novel": "order of novel genera",
    },
    "species_clustering": {
        "kmeans_ari": "K-means ARI",
        "kmeans_ami": "K-means AMI",
        "ward_ari": "Ward ARI",
        "ward_ami": "Ward AMI",
        "average_ari": "average linkage ARI, number not given",
        "hdbscan_ari": "HDBSCAN ARI, number not given",
        "cluster_ari": "own clusters ARI, number not given",
    },
    "zero_shot_clustering": {
        "umap_dnacse_ami": "UMAP as DNACSE, Ward AMI",
        "umap_barcodebert_ami": "UMAP as BarcodeBERT, Ward AMI",
        "ward_ami": "no UMAP, Ward AMI",
        "cluster_ami": "own clusters AMI, number not given",
    },
    "few_shot": {
        "macro_f1@1": "macro F1, 1 shot",
        "macro_f1@5": "5 shots",
        "macro_f1@20": "20 shots",
        "macro_f1_same_species@1": "same species throughout: 1 shot",
        "macro_f1_same_species@5": "5 shots, same species",
    },
    "linear_probe": {"accuracy": "accuracy", "accuracy_macro": "mean over species"},
    "fine_tune": {"accuracy": "accuracy", "accuracy_macro": "mean over species"},
    "open_set": {
        "auroc": "AUROC",
        "auroc_unseen": "AUROC, unseen species",
        "auroc_novel": "AUROC, novel genera",
        "aupr": "AUPR",
        "named@0.01": "named rightly at 1 % false positives",
        "named@0.05": "at 5 %",
        "named@0.1": "at 10 %",
    },
    "binning": {
        "recovered_f1@0.5": "species with F1 > 0.5",
        "recovered_f1@0.9": "F1 > 0.9",
        "recovered_f1_all@0.5": "F1 > 0.5, all contigs counted",
        "completeness_bp": "completeness (bp)",
        "purity_bp": "purity (bp)",
        "ari_bp": "ARI (bp)",
        "assigned_bp": "assigned (bp)",
    },
    "strand": {
        "species_seen": "species, seen",
        "species_seen_half_flipped": "half of the queries flipped",
        "genus_unseen": "genus of unseen species",
        "genus_unseen_half_flipped": "half of them flipped",
        "cosine_mean": "cosine of the strands, mean",
        "cosine_p5": "5th percentile",
        "cosine_unrelated": "cosine of unrelated queries",
    },
    "length": {
        "species_seen@": "species, seen, {:g} bp",
        "genus_unseen@": "genus of unseen species, {:g} bp",
        "ward_ari@": "Ward ARI, {:g} bp",
        "cluster_ari@": "own clusters ARI, {:g} bp",
    },
    "mutation": {
        "species_seen@0": "species, seen, as given",
        "species_seen@0.05": "5 % substitutions",
        "species_seen_indels@0.05": "5 %, half of them indels",
        "genus_unseen@0": "genus of unseen species, as given",
        "genus_unseen@0.05": "genus, 5 % substitutions",
        "genus_unseen_indels@0.05": "genus, 5 %, half of them indels",
    },
    "dimensions": {
        "genus_unseen_first@64": "genus of unseen species, first 64 columns",
        "genus_unseen_pca@16": "16 components",
        "genus_unseen_pca@64": "64 components",
        "ward_ari_first@64": "Ward ARI, first 64 columns",
        "ward_ari_pca@16": "Ward ARI, 16 components",
        "ward_ari_pca@64": "Ward ARI, 64 components",
    },
    "gue": {"mcc": "MCC", "macro_f1": "macro F1", "accuracy": "accuracy"},
    "genomic_benchmarks": {"accuracy": "accuracy", "macro_f1": "macro F1", "mcc": "MCC"},
}
UNRANKED = ("cosine_mean", "cosine_p5", "cosine_unrelated")  # more is not better, so no best one is marked
COSTED = ("knn", "binning", "linear_probe")  # where embedding and searching are most of the work

# One panel of bars each, in this order
BARS: dict[str, dict[str, str]] = {
    "knn": {
        "species_seen": "1-NN species, seen",
        "genus_unseen": "1-NN genus, unseen species",
        "family_unseen": "1-NN family, unseen species",
        "order_novel": "1-NN order, novel genera",
    },
    "species_clustering": {"ward_ami": "Clustering, Ward AMI", "average_ari": "Clustering, number not given, ARI"},
    "zero_shot_clustering": {"umap_dnacse_ami": "Clustering after UMAP, AMI"},
    "binning": {"recovered_f1@0.5": "Binning, species with F1 > 0.5", "ari_bp": "Binning, ARI in bp"},
    "few_shot": {"macro_f1@5": "5 shots, macro F1"},
    "linear_probe": {"accuracy": "Linear probe, accuracy"},
    "fine_tune": {"accuracy": "Fine-tuned, accuracy"},
    "open_set": {"auroc": "Known or absent, AUROC", "named@0.05": "Named at 5 % false positives"},
    "strand": {"species_seen_half_flipped": "Half flipped, species, seen"},
    "length": {"species_seen@150": "150 bp, species, seen", "species_seen@500": "500 bp, species, seen"},
    "mutation": {"genus_unseen_indels@0.05": "5 % errors, genus"},
    "gue": {"mcc": "GUE, MCC"},
    "genomic_benchmarks": {"accuracy": "Genomic Benchmarks, accuracy"},
}


class Curve(NamedTuple):
    """How a curve is drawn."""

    title: str
    unit: str  # of its abscissa
    scale: str = "linear"  # or log
    percent: bool = False  # whether the abscissa is a share


# task.curve; those that come first are drawn where there is no room for all
CURVES: dict[str, Curve] = {
    "few_shot.macro_f1": Curve("Few-shot: macro F1", "labelled sequences a species", "log"),
    "binning.recovered_f1": Curve("Binning: species recovered", "F1 above"),
    "binning.recovered_recall": Curve("Binning: species recovered", "recall above"),
    "length.species_seen": Curve("Shorter queries: species, seen", "bp", "log"),
    "length.genus_unseen": Curve("Shorter queries: genus, unseen", "bp", "log"),
    "mutation.species_seen": Curve("Errors: species, seen", "substitutions (%)", percent=True),
    "mutation.genus_unseen": Curve("Errors: genus, unseen", "substitutions (%)", percent=True),
    "dimensions.genus_unseen_pca": Curve("Fewer dimensions: genus, unseen", "principal components", "log"),
    "open_set.named": Curve("Known species named", "absent ones accepted (%)", percent=True),
    "length.ward_ari": Curve("Shorter queries: Ward ARI", "bp", "log"),
    "dimensions.ward_ari_pca": Curve("Fewer dimensions: Ward ARI", "principal components", "log"),
    "dimensions.species_seen_pca": Curve("Fewer dimensions: species, seen", "principal components", "log"),
    "dimensions.genus_unseen_first": Curve("Vectors cut: genus, unseen", "first columns", "log"),
    "mutation.species_seen_indels": Curve("Errors: species, seen", "errors, half indels (%)", percent=True),
    "mutation.genus_unseen_indels": Curve("Errors: genus, unseen", "errors, half indels (%)", percent=True),
    "few_shot.macro_f1_same_species": Curve("Few-shot, same species", "labelled sequences a species", "log"),
}


def abscissa(metric: str) -> float:
    """The X of a metric `NAME@X`.

    >>> abscissa("recovered_f1@0.5")
    0.5
    """
    return float(metric.rpartition("@")[2])


def points(curve: str, metrics: Iterable[str]) -> list[str]:
    """The metrics that are points of a curve, by their abscissa.

    >>> points("f1", ["f1@10", "f1@5", "f1_all@5"])
    ['f1@5', 'f1@10']
    """
    return sorted({metric for metric in metrics if metric.startswith(f"{curve}@")}, key=abscissa)


def by_tasks(results: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Sort results by their task, in the order of `TITLES`, other tasks last."""
    tasks = sorted({result["task"] for result in results})
    ordered = sorted(tasks, key=[*TITLES, *tasks].index)
    return {task: [result for result in results if result["task"] == task] for task in ordered}


def headings(task: str, results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Choose the metrics of a task that a table shows, with their headings, among those that the results have.

    >>> headings("length", [{"metrics": {"species_seen@100": {}, "species_seen@150": {}, "species_seen@658": {}}}])
    {'species_seen@100': 'species, seen, 100 bp', 'species_seen@658': 'species, seen, 658 bp'}
    """
    there = dict.fromkeys(metric for result in results for metric in result["metrics"])
    chosen = {}
    for metric, heading in COLUMNS.get(task, {}).items():
        if metric.endswith("@"):
            found = points(metric[:-1], there)
            chosen |= {point: heading.format(abscissa(point)) for point in (*found[:1], *found[1:][-1:])}
        elif metric in there:
            chosen[metric] = heading
    return chosen or {metric: metric for metric in there}
