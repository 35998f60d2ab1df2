"""Compare the aims of the shipped models with the measured results, as a table.

An aim compares one of our models with the best of its rivals on the same data, split and part of it. Values are
compared without their intervals, which the table shows. The distance to an aim is in points (hundredths of the score).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.report.markdown_table import markdown
from benchmarks.report.result_folders import Result
from benchmarks.report.task_tables import format_metric

BARCODES, GENOMES = "dnacse-barcode-mini", "dnacse-genome-mini"
ALIGNED = ("vsearch", "blast")
KMERS = ("tnf", "tnf_k", "kmer5", "kmer6", "canonical6", "canonical7")
WHOLE, TUNED = "coi.test", "fine_tuning/coi.test"
CONTIGS, ABLATION = "genomes.test", "ablation/coi.val"
SHOTS = tuple(f"macro_f1@{shots}" for shots in (1, 2, 5, 10, 20))


class Aim(NamedTuple):
    """Our model should be `ahead` of the best rival, or `times` as good; of several metrics the worst one counts."""

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
    Aim("genus of unseen species: 3 points above alignment", WHOLE, "knn", ("genus_unseen",), ALIGNED, 0.03),
    Aim("family of unseen species: 3 points above alignment", WHOLE, "knn", ("family_unseen",), ALIGNED, 0.03),
    Aim("seen species: no worse than vsearch", WHOLE, "knn", ("species_seen",), ("vsearch",), overlap=True),
    Aim(
        "seen species by a linear probe: above vsearch's top hit",
        *(WHOLE, "linear_probe", ("accuracy",), ("vsearch",)),
        rival_metric=("knn", "species_seen"),
    ),
    Aim(
        "seen species after fine-tuning: above vsearch's top hit",
        *(TUNED, "fine_tune", ("accuracy",), ("vsearch",)),
        rival_metric=("knn", "species_seen"),
    ),
    Aim("few-shot classification: above k-mers at every number of shots", WHOLE, "few_shot", SHOTS, KMERS),
    Aim("clustering of unseen species, Ward AMI: above k-mers", WHOLE, "species_clustering", ("ward_ami",), KMERS),
    Aim(
        "clustering of unseen species, Ward AMI: above vsearch's clusters at 97 % identity",
        *(WHOLE, "species_clustering", ("ward_ami",), ("vsearch",)),
        rival_metric=("species_clustering", "cluster_ami"),
    ),
    Aim(
        "genus of unseen species from 150 bp: 5 points above k-mers",
        WHOLE,
        "length",
        ("genus_unseen@150",),
        KMERS,
        0.05,
    ),
    Aim(
        "genus of unseen species, half of the queries reverse-complemented: 5 points above k-mers",
        *(WHOLE, "strand", ("genus_unseen_half_flipped",), KMERS, 0.05),
    ),
    Aim("open-set recognition, AUROC: above vsearch", WHOLE, "open_set", ("auroc",), ("vsearch",)),
    Aim(
        "contigs, K-means ARI: 1.5 times that of tetranucleotides",
        *(CONTIGS, "species_clustering", ("kmeans_ari",), ("tnf",)),
        times=1.5,
        ours=GENOMES,
    ),
    Aim(
        "contigs, K-means ARI: above a contrastive MLP on k-mers",
        *(CONTIGS, "species_clustering", ("kmeans_ari",), ("kmer_mlp",)),
        ours=GENOMES,
    ),
    Aim(
        "contigs, species binned at F1 > 0.5: more than by tetranucleotides and that MLP",
        *(CONTIGS, "binning", ("recovered_f1@0.5",), ("tnf", "kmer_mlp")),
        ours=GENOMES,
    ),
    Aim(
        "ablation, genus of unseen species: the curriculum above its phase I alone",
        *(ABLATION, "knn", ("genus_unseen",), ("phase_1_only",)),
        ours="curriculum",
    ),
    Aim(
        "ablation, K-means ARI: the curriculum above its phase I alone",
        *(ABLATION, "species_clustering", ("kmeans_ari",), ("phase_1_only",)),
        ours="curriculum",
    ),
    Aim(
        "ablation without the projection head, genus of unseen species: the curriculum above its phase I alone",
        *(ABLATION, "knn", ("genus_unseen",), ("phase_1_no_head",)),
        ours="curriculum_no_head",
    ),
    Aim(
        "ablation without the projection head, K-means ARI: the curriculum above its phase I alone",
        *(ABLATION, "species_clustering", ("kmeans_ari",), ("phase_1_no_head",)),
        ours="curriculum_no_head",
    ),
)


def render_model_aims(tables: Mapping[str, Sequence[Result]]) -> str:
    """Render all aims.

    Args:
        tables: Results by table, of `result_folders.read_tables`.
    """
    rows = (row(aim, tables.get(aim.table, ())) for aim in AIMS)
    return markdown(("aim", "ours", "best rival", "met or missed"), rows) + "\n"


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
