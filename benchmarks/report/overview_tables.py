"""The shipped models beside their best rival on all data: result tables in, one table with a count out.

A row is a data set and split, a column a question. A cell sets ours beside the best of all others that answered the
question on the same sequences, k-mers, networks and tools alike, but no network with random weights:

- `>` ours has more, and the rival's value is below our 95 % interval; `<` the same the other way round;
- `≈` the rival's value is within our interval. As both had the same queries, this says less than a paired test would.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.report.model_aims import BARCODES, GENOMES
from benchmarks.report.result_folders import Result
from benchmarks.report.speed_aims import markdown

ROWS = {  # table -> what it is of
    "coi.test": "COI of animals, which the barcode model was trained on",
    "cytb.test": "cytochrome b",
    "12s.test": "12S of vertebrates",
    "its.test": "ITS of plants and fungi",
    "its2.test": "ITS2 of fungi",
    "16s_bact.test": "16S of bacteria",
    "genomes.test": "contigs of bacteria and archaea, which the genome model was trained on",
    "organelles.test": "pieces of organelle genomes",
}
QUESTIONS = {  # heading -> task and metrics; a tool that clusters by itself has cluster_ami in place of ward_ami
    "species, seen": ("knn", ("species_seen",)),
    "genus of unseen species": ("knn", ("genus_unseen",)),
    "clusters of unseen species, AMI": ("species_clustering", ("ward_ami", "cluster_ami")),
    "one shot, macro F1": ("few_shot", ("macro_f1@1",)),
    "absent species, AUROC": ("open_set", ("auroc",)),
}
RANDOM = "untrained:"  # networks.UNTRAINED, whose file imports torch
VERDICTS = {">": "ahead", "≈": "level", "<": "behind"}


def render_overview(tables: Mapping[str, Sequence[Result]]) -> str:
    """Render the table and count its verdicts.

    Args:
        tables: Results by table, of `result_folders.read_tables`.
    """
    heads = ("data", *QUESTIONS)
    rows: list[Iterable[str]] = [heads, ("---",) * len(heads)]
    verdicts: Counter[str] = Counter()
    for name, says in ROWS.items():
        if name in tables:
            cells = [compare(tables[name], *question) for question in QUESTIONS.values()]
            verdicts.update(cell.split()[1] for cell in cells if cell != "–")
            rows.append((says, *cells))
    counts = ", ".join(f"{said} in {verdicts[sign]}" for sign, said in VERDICTS.items())
    return f"{markdown(rows)}\n\nOurs, then the best other. Of {verdicts.total()} comparisons: {counts}.\n"


def compare(results: Sequence[Result], task: str, metrics: Sequence[str]) -> str:
    """Set our model beside the best other one, in per cent; – where one of them has no result.

    >>> known = {"value": 0.5, "interval": [0.4, 0.6]}
    >>> rows = [{"task": "knn", "model": BARCODES, "metrics": {"order": known}}]
    >>> compare([*rows, {"task": "knn", "model": "tnf", "metrics": {"order": {"value": 0.55}}}], "knn", ("order",))
    '50.0 ≈ 55.0 `tnf`'
    """
    found = {
        result["model"]: result["metrics"][metric]
        for result in results
        for metric in metrics
        if result["task"] == task and metric in result["metrics"] and not result["model"].startswith(RANDOM)
    }
    ours = next((found.pop(name) for name in (BARCODES, GENOMES) if name in found), None)
    if ours is None or not found:
        return "–"
    best = max(found, key=lambda name: found[name]["value"])
    rival, (low, high) = found[best]["value"], ours["interval"]
    sign = ">" if rival < low else "<" if rival > high else "≈"
    return f"{100 * ours['value']:.1f} {sign} {100 * rival:.1f} `{best}`"
