"""Compare the aims of the shipped models with the measured results, as a table.

An aim compares one of our models with the best of its rivals on the same data, split and part of it. Values decide
whether it is met; the interval of the difference (differences.py) shows whether a miss may be chance.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.report.differences import Score, difference, format_difference, half_of_interval, score_of
from benchmarks.report.markdown_table import markdown
from benchmarks.report.result_files import CONTROLS
from benchmarks.report.result_folders import Result
from benchmarks.report.task_tables import format_metric

BARCODES, GENOMES = "dnacse-barcode-mini", "dnacse-genome-mini"
OURS = "dnacse-"  # prefix of the names of our models
VSEARCH = ("vsearch",)
COI, CONTIGS, ABLATION = "coi.test", "genomes.test", "ablation/coi.val"
MARKERS = {
    "12S of fishes": ("12s_fish", "12s"),
    "12S of vertebrates": ("12s", "12s"),
    "cytochrome b": ("cytb", "cytb"),
}
CHANCE = ", which may be chance"


class Aim(NamedTuple):
    """Our model should be `ahead` of the best rival, or `times` as good; with several metrics the worst one counts."""

    says: str
    table: str
    task: str
    metrics: Sequence[str]
    rivals: Sequence[str] = ()  # none: every method that is not ours
    ahead: float = 0.0
    times: float = 1.0
    ours: str = BARCODES
    rival_metric: str | None = None  # where theirs has another name


class Judged(NamedTuple):
    """How far an aim is met in one metric."""

    points: float  # above what was aimed at
    most: float  # the same by the upper bound of the difference
    cells: tuple[str, str, str]  # ours, the best rival's, and the difference, as shown


AIMS = (
    Aim("genus of unseen species: 3 points above all other methods", COI, "knn", ("genus_unseen",), ahead=0.03),
    Aim("the same, averaged over species", COI, "knn", ("genus_unseen_macro",), ahead=0.03),
    Aim("family and order of novel genera: vsearch or better", COI, "knn", ("family_novel", "order_novel"), VSEARCH),
    Aim("seen species: vsearch or better", COI, "knn", ("species_seen",), VSEARCH),
    Aim("seen species from 150 bp: vsearch or better", COI, "length", ("species_seen@150",), VSEARCH),
    Aim("genus of unseen species from 150 bp: vsearch or better", COI, "length", ("genus_unseen@150",), VSEARCH),
    Aim(
        "5 % errors, half of them indels, species and genus: vsearch or better",
        *(COI, "mutation", ("species_seen_indels@0.05", "genus_unseen_indels@0.05"), VSEARCH),
    ),
    Aim(
        "5 % substitutions, species and genus: vsearch or better",
        *(COI, "mutation", ("species_seen@0.05", "genus_unseen@0.05"), VSEARCH),
    ),
    Aim("open-set recognition, AUROC: 1 point above all other methods", COI, "open_set", ("auroc",), ahead=0.01),
    Aim(
        "few-shot classification: all other methods or better at every number of shots",
        *(COI, "few_shot", tuple(f"macro_f1@{shots}" for shots in (1, 2, 5, 10, 20))),
    ),
    Aim(
        "clustering, Ward AMI with the true number: all other methods or better",
        *(COI, "species_clustering", ("ward_ami",)),
    ),
    Aim(
        "the same: vsearch's own clusters at 97 % identity or better",
        *(COI, "species_clustering", ("ward_ami",), VSEARCH),
        rival_metric="cluster_ami",
    ),
    *(
        Aim(
            f"`dnacse cluster`, ARI, {of}: vsearch at its best identity or better",
            *(COI, "cluster", (f"{part}own_ari",), VSEARCH),
            rival_metric=f"{part}best_ari",
        )
        for of, part in (("all", ""), ("pieces", "pieces_"), ("close species", "close_"))
    ),
    *(
        Aim(
            f"{name}, genus of unseen species: vsearch or better",
            *(f"{data}.test", "knn", ("genus_unseen",), VSEARCH),
            ours=f"dnacse-barcode-{model}",
        )
        for name, (data, model) in MARKERS.items()
    ),
    *(
        Aim(
            f"{name}, seen species: vsearch or better",
            *(f"{data}.test", "knn", ("species_seen",), VSEARCH),
            ours=f"dnacse-barcode-{model}",
        )
        for name, (data, model) in MARKERS.items()
    ),
    Aim(
        "contigs, K-means ARI: 1.5 times that of tetranucleotides",
        *(CONTIGS, "species_clustering", ("kmeans_ari",), ("tnf",)),
        times=1.5,
        ours=GENOMES,
    ),
    Aim(
        "contigs, K-means ARI: a contrastive MLP on k-mers or better",
        *(CONTIGS, "species_clustering", ("kmeans_ari",), ("kmer_mlp",)),
        ours=GENOMES,
    ),
    Aim(
        "contigs, species binned at F1 > 0.5: tetranucleotides, that MLP, or better",
        *(CONTIGS, "binning", ("recovered_f1@0.5",), ("tnf", "kmer_mlp")),
        ours=GENOMES,
    ),
    *(
        Aim(
            f"ablation{without}, {what}: its phase I alone or better",
            *(ABLATION, task, (metric,), (f"phase_1_{rival}",)),
            ours=f"curriculum{ours}",
        )
        for without, rival, ours in (("", "only", ""), (" without the projection head", "no_head", "_no_head"))
        for what, task, metric in (
            ("genus of unseen species", "knn", "genus_unseen"),
            ("K-means ARI", "species_clustering", "kmeans_ari"),
        )
    ),
)


def render_model_aims(tables: Mapping[str, Sequence[Result]]) -> str:
    """Render all aims.

    Args:
        tables: Results by table, of `result_folders.read_tables`.
    """
    rows = (row(aim, tables.get(aim.table, ())) for aim in AIMS)
    return markdown(("aim", "ours", "best rival", "difference", "met or missed"), rows) + "\n"


def row(aim: Aim, results: Sequence[Result]) -> tuple[str, ...]:
    """One aim as table cells, for the metric in which it is met least."""
    compared = [judged for metric in aim.metrics if (judged := judge(aim, metric, results))]
    if len(compared) < len(aim.metrics):
        return aim.says, "not measured", "–", "–", "–"
    worst = min(compared)
    missed = f"missed by {-100 * worst.points:.1f} points{CHANCE if worst.most > 0 else ''}"
    return aim.says, *worst.cells, f"met by {100 * worst.points:.1f} points" if worst.points >= 0 else missed


def judge(aim: Aim, metric: str, results: Sequence[Result]) -> Judged | None:
    """Compare ours with the best rival; None where either is not measured."""
    of_task = [result for result in results if result["task"] == aim.task]
    ours = next((found for found in scores(of_task, metric) if found.model == aim.ours), None)
    rivals = [found for found in scores(of_task, aim.rival_metric or metric) if is_rival(aim, found.model)]
    if not ours or not rivals:
        return None
    best = max(rivals, key=lambda found: found.metric["value"])
    if aim.times == 1:
        value, low, high = difference(ours, best)
    else:
        value = ours.metric["value"] - aim.times * best.metric["value"]
        half = math.hypot(half_of_interval(ours.metric), aim.times * half_of_interval(best.metric))
        low, high = value - half, value + half
    at = f" ({metric.replace('@', ' at ')})" if len(aim.metrics) > 1 else ""
    shown = format_metric(ours.metric, best=False) + at, f"{format_metric(best.metric, best=False)} `{best.model}`"
    return Judged(value - aim.ahead, high - aim.ahead, (*shown, format_difference(value, low, high)))


def scores(results: Sequence[Result], metric: str) -> list[Score]:
    """The scores in a metric of all that have it."""
    return [score_of(result, metric) for result in results if metric in result["metrics"]]


def is_rival(aim: Aim, model: str) -> bool:
    """Whether an aim compares with this method."""
    return model in aim.rivals if aim.rivals else not model.startswith((OURS, *CONTROLS))
