"""The table that this folder's scripts write and `read_labelled` reads, one sequence a row."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from xopen import xopen

from modeling_dnacse.machine.atomic import written_whole
from modeling_dnacse.machine.earlier_outputs import check_replaced
from modeling_dnacse.reading.labels import RANKS

COLUMNS = ("id", "sequence", *RANKS, "split")


def check_table(path: Path) -> None:
    """Check that a table to write replaces none: those of users have the same columns.

    Raises:
        ValueError: There is a file.
    """
    check_replaced(path, lambda _: False, "empty", None)


def with_own_ids(records: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Number the ids that an earlier record has, as where a source has several files; others stay as they are.

    >>> [record["id"] for record in with_own_ids([{"id": "a"}, {"id": "a"}, {"id": "b"}, {"id": "a"}])]
    ['a', 'a_2', 'b', 'a_3']
    """
    taken: set[str] = set()
    latest: dict[str, int] = {}
    for record in records:
        given = name = record["id"]
        while name in taken:
            latest[given] = latest.get(given, 1) + 1
            name = f"{given}_{latest[given]}"
        taken.add(name)
        yield record | {"id": name}


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
