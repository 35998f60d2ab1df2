"""The table that this folder's scripts write and `read_labelled` reads, one sequence a row."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from xopen import xopen

from modeling_dnacse.machine.atomic import written_whole
from modeling_dnacse.reading.labels import RANKS

COLUMNS = ("id", "sequence", *RANKS, "split")


def write_labelled(records: Iterable[Mapping[str, str]], path: Path) -> None:
    """Write records with the keys of `COLUMNS`, tab-separated.

    Args:
        records: The rows.
        path: The file, which appears complete; a suffix .gz compresses it. Its bytes depend on the records alone.
    """
    format_ = "gz" if path.suffix == ".gz" else None
    with written_whole(path) as hidden, xopen(hidden, "wt", threads=0, newline="", format=format_) as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
        writer.writerow(COLUMNS)
        writer.writerows([record[column] for column in COLUMNS] for record in records)
