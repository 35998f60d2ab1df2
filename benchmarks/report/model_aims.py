"""What the shipped models aim at, against what was measured: result tables in, a table of aims out.

An aim compares one of ours with the best of its rivals on the same data, split and part of it: never one table with
another. Single values are compared; whether intervals overlap is for the reader to see. By how much an aim is met or
missed is in points (hundredths of the score). What no result tells is not measured.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.report.result_folders import Result
from benchmarks.report.speed_aims import markdown
from benchmarks.report.task_tables import format_metric

BARCODES, GENOMES = "dnacse-barcode-mini", "dnacse-genome-mini"
ALIGNED = ("vsearch", "blast")
KMERS = ("tnf", "tnf_k", "kmer4", "kmer5", "kmer6", "canonical6", "canonical7")
WHOLE, TUNED = "coi.test", "fine_tuning/coi.test"
CONTIGS, ABLATION = "genomes.test", "ablation/coi.val"
SHOTS = tuple(f"macro_f1@{shots}" for shots in (1, 2, 5, 10, 20))


class Aim(NamedTuple):
    """One of ours should be `ahead` of the best rival, or `times` as good; of several metrics the worst counts."""

    says: str
    table: str
    task: str
    metrics: Sequence[str]
    rivals: Sequence[str]
    ahead: float = 0.0
    times: float = 1.0
    ours: str = BARCODES
    rival_metric: tuple[str, str] | None = None  # task and metric of the rivals, where they have another
    overlap: bool = False  # whether it is enough that our interval reaches the rival's value


AIMS = (
    Aim("1: genus of unseen species, 3 points above alignment", WHOLE, "knn", ("genus_unseen",), ALIGNED, 0.03),
    Aim("1: family of unseen species, 3 points above alignment", WHOLE, "knn", ("family_unseen",), ALIGNED, 0.03),
    Aim("2: seen species, no worse than vsearch", WHOLE, "knn", ("species_seen",), ("vsearch",), overlap=True),
    Aim(
        "2: seen species by a linear probe, above vsearch's top hit",
        *(WHOLE, "linear_probe", ("accuracy",), ("vsearch",)),
        rival_metric=("knn", "species_seen"),
    ),
    Aim(
        "2: seen species fine-tuned, above vsearch's top hit",
        *(TUNED, "fine_tune", ("accuracy",), ("vsearch",)),
        rival_metric=("knn", "species_seen"),
    ),
    Aim("2: few-shot above k-mers at each number of shots", WHOLE, "few_shot", SHOTS, KMERS),
    Aim("3: clusters of unseen species, Ward AMI above k-mers", WHOLE, "species_clustering", ("ward_ami",), KMERS),
    Aim(
        "3: clusters of unseen species, Ward AMI above vsearch's own clusters at 97 %",
        *(WHOLE, "species_clustering", ("ward_ami",), ("vsearch",)),
        rival_metric=("species_clustering", "cluster_ami"),
    ),
    Aim("4: genus from 150 bp, 5 points above k-mers", WHOLE, "length", ("genus_unseen@150",), KMERS, 0.05),
    Aim(
        "4: genus with half of the queries flipped, 5 points above k-mers",
        *(WHOLE, "strand", ("genus_unseen_half_flipped",), KMERS, 0.05),
    ),
    Aim("5: telling absent species, AUROC above vsearch", WHOLE, "open_set", ("auroc",), ("vsearch",)),
    Aim(
        "6: contigs, K-means ARI 1.5 times TNF's",
        *(CONTIGS, "species_clustering", ("kmeans_ari",), ("tnf",)),
        times=1.5,
        ours=GENOMES,
    ),
    Aim(
        "6: contigs, K-means ARI above a contrastive MLP on k-mers",
        *(CONTIGS, "species_clustering", ("kmeans_ari",), ("kmer_mlp",)),
        ours=GENOMES,
    ),
    Aim(
        "6: contigs, more species binned at F1 > 0.5 than by TNF and that MLP",
        *(CONTIGS, "binning", ("recovered_f1@0.5",), ("tnf", "kmer_mlp")),
        ours=GENOMES,
    ),
    Aim(
        "7: curriculum better than phase I alone, genus of unseen species, 3 seeds",
        *(ABLATION, "knn", ("genus_unseen",), ("phase_1_only",)),
        ours="curriculum",
    ),
    Aim(
        "7: the same, K-means ARI",
        *(ABLATION, "species_clustering", ("kmeans_ari",), ("phase_1_only",)),
        ours="curriculum",
    ),
    Aim(
        "7: the same without the projection head in both, genus",
        *(ABLATION, "knn", ("genus_unseen",), ("phase_1_no_head",)),
        ours="curriculum_no_head",
    ),
    Aim(
        "7: the same without the projection head in both, K-means ARI",
        *(ABLATION, "species_clustering", ("kmeans_ari",), ("phase_1_no_head",)),
        ours="curriculum_no_head",
    ),
)


def render_model_aims(tables: Mapping[str, Sequence[Result]]) -> str:
    """Render all aims.

    Args:
        tables: Results by table, of `result_folders.read_tables`.
    """
    rows: list[Iterable[str]] = [("aim", "ours", "best rival", "met or missed"), ("---",) * 4]
    return markdown([*rows, *(row(aim, tables.get(aim.table, ())) for aim in AIMS)]) + "\n"


def row(aim: Aim, results: Sequence[Result]) -> tuple[str, str, str, str]:
    """One aim as cells, by the metric in which it is met least."""
    compared = [judged for metric in aim.metrics if (judged := judge(aim, metric, results))]
    if len(compared) < len(aim.metrics):
        return aim.says, "not measured", "–", "–"
    points, ours, rival = min(compared)
    verdict = "met" if points > 0 or (aim.overlap and points >= 0) else "missed"
    return aim.says, ours, rival, f"{verdict} by {abs(points):.1f} points"


def judge(aim: Aim, metric: str, results: Sequence[Result]) -> tuple[float, str, str] | None:
    """Compare ours with the best rival: points above what was aimed at, both as shown; None without either."""
    task, of_rivals = aim.rival_metric or (aim.task, metric)
    ours = find(results, aim.task, aim.ours, metric)
    rivals = {name: found for name in aim.rivals if (found := find(results, task, name, of_rivals))}
    if not ours or not rivals:
        return None
    best = max(rivals, key=lambda name: rivals[name]["value"])
    reached = ours["interval"][1] if aim.overlap else ours["value"]
    wanted = rivals[best]["value"] * aim.times + aim.ahead
    at = f" ({metric.replace('@', ' at ')})" if len(aim.metrics) > 1 else ""
    return (
        100 * (reached - wanted),
        format_metric(ours, best=False) + at,
        f"{format_metric(rivals[best], best=False)} `{best}`",
    )


def find(results: Sequence[Result], task: str, model: str, metric: str) -> Mapping[str, Any] | None:
    """The metric of a model on a task, or None."""
    found = (result for result in results if (result["task"], result["model"]) == (task, model))
    return next((result["metrics"][metric] for result in found if metric in result["metrics"]), None)
