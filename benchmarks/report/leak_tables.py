"""Near-duplicates between splits as a Markdown table: reports of make_splits.py in, a table out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report.markdown_table import markdown
from benchmarks.report.result_folders import LEAKS
from benchmarks.report.shown_json import read_json
from modeling_dnacse.machine.json_files import naming

REMEDY = "make it anew with benchmarks/data/make_splits.py"
Report = Mapping[str, Any]


def read_leaks(folder: Path) -> list[Report]:
    """Read the reports of a folder of results; there may be none.

    Raises:
        ValueError: A file is not a report.
    """
    reports = []
    for path in sorted((folder / LEAKS).glob("*.json")):
        report = read_json(path, REMEDY)
        if report.get("kind") != LEAKS:
            raise ValueError(f"{path} is not a report of make_splits.py: other results belong elsewhere.")
        with naming(path, REMEDY):
            render_leaks([report])
        reports.append(report)
    return reports


def render_leaks(reports: Sequence[Report]) -> str:
    """Render reports: a row for each split, a column for each earlier split.

    >>> splits = {"train": {"records": 90, "species": 9}, "unseen_test": {"records": 10, "species": 3}}
    >>> leaks = [{"split": "unseen_test", "like": "train", "records": 2}]
    >>> print(render_leaks([{"data": "coi.tsv.gz", "splits": splits, "leaks": leaks, "identity_above": 0.995}]))
    | data | split | records | species | near-duplicates of train |
    |---|---|---|---|---|
    | coi | train | 90 | 9 | – |
    | coi | unseen_test | 10 | 3 | 2 (20.0 %) |
    <BLANKLINE>
    Near-duplicates are above 99.5 % identical over the whole of the shorter sequence.
    <BLANKLINE>
    """
    earlier = list(dict.fromkeys(pair["like"] for report in reports for pair in report["leaks"]))
    heads = ("data", "split", "records", "species", *(f"near-duplicates of {split}" for split in earlier))
    rows = []
    for report in reports:
        found = {(pair["split"], pair["like"]): pair["records"] for pair in report["leaks"]}
        for split, counts in report["splits"].items():
            sizes = (f"{counts['records']:,}", f"{counts['species']:,}")
            cells = (share(found.get((split, before)), counts["records"]) for before in earlier)
            rows.append((report["data"].partition(".")[0], split, *sizes, *cells))
    above = ", ".join(f"{100 * identity:g} %" for identity in {report["identity_above"] for report in reports})
    said = f"Near-duplicates are above {above} identical over the whole of the shorter sequence."
    return f"{markdown(heads, rows)}\n\n{said}\n"


def share(count: int | None, records: int) -> str:
    """A count and its share, "–" for None.

    >>> share(1, 8), share(None, 8)
    ('1 (12.5 %)', '–')
    """
    return "–" if count is None else f"{count:,} ({count / records:.1%})".replace("%", " %")
