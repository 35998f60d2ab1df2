"""Clusters of old and new sequences and an earlier table in, stable names out.

A cluster gets the name of the earlier cluster with which it shares most sequences. Each name goes to one cluster, the
one that shares most. So if clusters merge, the name of the largest one stays. If a cluster is divided, its largest
part keeps the name. Any other cluster is named after its representative: c and twelve digits of the SHA-256 of its id,
or of its id and a number if an earlier cluster has that name."""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Container
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..machine.control_characters import refuse_controls
from ..reading.tables import checked_rows
from ..reading.text_files import open_ascii, restore

HEADER = ("id", "cluster")  # the first columns of a table of clusters
DIGITS = 12


class Names(NamedTuple):
    """Names of k clusters, and what happened to the earlier names."""

    names: list[str]
    kept: int  # earlier names that are used again
    merged: int  # earlier names whose sequences are all in clusters with other names
    missing: int  # sequences of the earlier table that are not in the input


def read_clusters(path: Path) -> dict[str, str]:
    """Read the cluster of each sequence from a table that `dnacse cluster` wrote.

    Raises:
        ValueError: the file is not such a table, or a line is wrong.
    """
    clusters: dict[str, str] = {}
    columns = 0
    with io.TextIOWrapper(open_ascii(str(path)), "ascii", newline="") as file:
        for number, fields in enumerate(checked_rows(path, csv.reader(file, delimiter="\t")), 1):
            row = [restore(field) for field in fields]
            if number == 1 and tuple(row[:2]) != HEADER:
                raise ValueError(
                    f"{path}:1: its columns must be id, cluster, …; give a table of dnacse cluster, not --format uc"
                )
            columns = columns or len(row)
            if len(row) != columns or not row[0] or not row[1] or row[0] in clusters:
                raise ValueError(
                    f"{path}:{number}: each line needs an id, used once, a cluster, and {columns} columns in all; "
                    "mend the table"
                )
            refuse_controls(f"{path}:{number}", row[0] + row[1], "an id or a cluster")
            if number > 1:
                clusters[row[0]] = row[1]
    if not clusters:
        raise ValueError(f"{path}: there are no sequences; give a table of dnacse cluster")
    return clusters


def name_clusters(ids: list[str], labels: np.ndarray, centres: np.ndarray, earlier: dict[str, str]) -> Names:
    """Name clusters after earlier ones.

    Args:
        ids: Of the sequences (n,).
        labels: Cluster of each (n,), 0 to k - 1.
        centres: Row of the representative of each cluster (k,).
        earlier: Cluster of each earlier sequence.

    >>> name_clusters(["a", "b", "c"], np.array([0, 0, 1]), np.array([0, 2]), {"a": "c1", "b": "c1", "c": "c2"}).names
    ['c1', 'c2']
    """
    shared = Counter((earlier[id], label) for id, label in zip(ids, labels.tolist(), strict=True) if id in earlier)
    names: dict[int, str] = {}
    given: set[str] = set()
    for (name, label), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0][1], item[0][0])):
        if label not in names and name not in given:
            names[label] = name
            given.add(name)
    known = {name for name, _ in shared}
    taken = set(earlier.values())
    missing = len(earlier) - sum(shared.values())
    all_names = [names.get(label) or own_name(ids[row], taken) for label, row in enumerate(centres.tolist())]
    return Names(all_names, len(given), len(known - given), missing)


def own_name(identifier: str, taken: Container[str]) -> str:
    """The name of a cluster after the id of its representative, which no earlier cluster has.

    >>> first = own_name("a", ())
    >>> first, own_name("a", {first})
    ('cca978112ca1b', 'cab111f21ecf8')
    """
    texts = chain([identifier], (f"{identifier}\0{number}" for number in count(2)))
    names = (f"c{hashlib.sha256(text.encode()).hexdigest()[:DIGITS]}" for text in texts)
    return next(name for name in names if name not in taken)
