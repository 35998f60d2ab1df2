"""Compare the shipped models with their best rival on all data: result tables in, one table with a count out.

A row is a data set and split, a column a task. A cell compares our model with the best of all other methods that were
scored on the same sequences: k-mers, networks and alignment tools, but no network with random weights.
differences.py tests the difference.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from benchmarks.report.differences import TEST, difference, format_difference, score_of, verdict
from benchmarks.report.markdown_table import markdown
from benchmarks.report.model_aims import BARCODES, GENOMES
from benchmarks.report.result_files import CONTROLS
from benchmarks.report.result_folders import Result

ROWS = {  # table -> what it is of
    "coi.test": "COI of animals",
    "cytb.test": "cytochrome b",
    "12s_fish.test": "12S of fishes",
    "12s.test": "12S of vertebrates",
    "its.test": "ITS of plants and fungi",
    "its2.test": "ITS2 of fungi",
    "16s_bact.test": "16S of bacteria",
    "genomes.test": "contigs of bacteria and archaea",
    "organelles.test": "pieces of organelle genomes",
}
TRAINED_FOR = {  # the model of these tables; that of the others is the COI model, which compares them by k-mers
    "12s_fish.test": "dnacse-barcode-12s",
    "12s.test": "dnacse-barcode-12s",
    "cytb.test": "dnacse-barcode-cytb",
    "genomes.test": GENOMES,
    "organelles.test": GENOMES,
}
OURS = "dnacse-"  # what the names of the shipped models begin with
QUESTIONS = {  # heading -> task and metrics; a tool that clusters by itself has cluster_ami in place of ward_ami
    "species, seen": ("knn", ("species_seen",)),
    "genus of unseen species": ("knn", ("genus_unseen",)),
    "clusters of unseen species, AMI": ("species_clustering", ("ward_ami", "cluster_ami")),
    "one shot, macro F1": ("few_shot", ("macro_f1@1",)),
    "open-set recognition, AUROC": ("open_set", ("auroc",)),
}
NONE = "–"


def render_overview(tables: Mapping[str, Sequence[Result]]) -> str:
    """Render the table, say how to read it, and count the verdicts.

    Args:
        tables: Results by table, of `result_folders.read_tables`.
    """
    rows, verdicts = [], Counter({"ahead": 0, "behind": 0, "no significant difference": 0})
    for name, says in ROWS.items():
        if name in tables:
            ours = TRAINED_FOR.get(name, BARCODES)
            compared = [compare(tables[name], ours, *question) for question in QUESTIONS.values()]
            verdicts.update(said for _, said in compared if said)
            rows.append((says, *(cell for cell, _ in compared)))
    counts = ", ".join(f"{said} in {count}" for said, count in verdicts.items())
    return (
        f"{markdown(('data', *QUESTIONS), rows)}\n\n"
        "Each cell holds our score, that of the best other method, and the difference with its 95 % interval. It says "
        f"*ahead* or *behind* where the interval excludes 0. {TEST} Of {verdicts.total()} comparisons: {counts}.\n"
    )


def compare(results: Sequence[Result], model: str, task: str, metrics: Sequence[str]) -> tuple[str, str]:
    """Compare our model with the best method that is not ours, in per cent.

    Returns:
        The cell and the verdict; "–" and no verdict if one of them has no result.

    >>> of = lambda model, value: {"task": "knn", "model": model, "metrics": {"f1": value}}
    >>> ours, rival = {"value": 0.5, "interval": [0.47, 0.53]}, {"value": 0.6, "interval": [0.56, 0.64]}
    >>> compare([of(BARCODES, ours), of("tnf", rival)], BARCODES, "knn", ("f1",))
    ('50.0 vs 60.0 `tnf`: −10.0 [−15.0, −5.0] *behind*', 'behind')
    """
    found = {
        result["model"]: score_of(result, metric)
        for result in results
        for metric in metrics
        if result["task"] == task and metric in result["metrics"] and not result["model"].startswith(CONTROLS)
    }
    rivals = [score for name, score in found.items() if not name.startswith(OURS)]
    if model not in found or not rivals:
        return NONE, ""
    ours, rival = found[model], max(rivals, key=lambda score: score.metric["value"])
    value, low, high = difference(ours, rival)
    said = verdict(low, high)
    cell = f"{100 * ours.metric['value']:.1f} vs {100 * rival.metric['value']:.1f} `{rival.model}`"
    mark = f" *{said}*" if said in ("ahead", "behind") else ""
    return f"{cell}: {format_difference(value, low, high)}{mark}", said
