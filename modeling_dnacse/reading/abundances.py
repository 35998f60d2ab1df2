"""A table of counts in; the abundance of each sequence in each sample out.

The table is the ASV or OTU table of DADA2, QIIME2 (exported from BIOM as TSV), vsearch or UNOISE: a row for each
sequence, named by its id, and a column for each sample. Columns with another known meaning, such as sequence and
taxonomy, are not samples.
"""

import csv
import io
import math
import re
from pathlib import Path
from typing import NamedTuple

from ..machine.control_characters import refuse_controls
from .label_policy import COLUMNS, column_name
from .tables import amount, checked_rows
from .text_files import open_ascii, restore

_NO_SAMPLES = {name for names in COLUMNS.values() for name in names} | {"confidence", "consensus_lineage"}
_SIZE = re.compile(r";size=\d{1,15};?$")


class Abundances(NamedTuple):
    """Counts above 0 of each sequence, by the position of the sample."""

    samples: list[str]
    of: dict[str, dict[int, float]]  # id -> position of the sample -> count


def read_abundances(path: Path) -> Abundances:
    """Read a table of counts, separated by tabs, commas or semicolons; comment lines may precede it.

    Raises:
        ValueError: it has no samples, an id is repeated, or a cell is not a count. The message names file, line and
            remedy.
    """
    lines = io.TextIOWrapper(open_ascii(str(path)), "ascii", newline="")
    with lines:
        line, skipped = lines.readline(), 0
        while line.startswith("# "):
            line, skipped = lines.readline(), skipped + 1
        delimiter = max("\t,;", key=line.count)
        quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
        header = [
            restore(name).strip(' "') for name in next(checked_rows(path, csv.reader([line], delimiter=delimiter)), [])
        ]
        samples = [place for place, name in enumerate(header) if place and column_name(name) not in _NO_SAMPLES]
        ids = next((place for place, name in enumerate(header) if column_name(name) in COLUMNS["id"]), 0)
        samples = [place for place in samples if place != ids]
        names = [header[place] for place in samples]
        if not samples or len(set(names)) < len(names):
            what = "two samples have one name" if samples else "there is no column of a sample"
            raise ValueError(f"{path}:{skipped + 1}: {what}; give a column of ids and one of counts for each sample")
        refuse_controls(f"{path}:{skipped + 1}", "".join(names), "the name of a sample")
        counts: dict[str, dict[int, float]] = {}
        reader = csv.reader(lines, delimiter=delimiter, quoting=quoting)
        for number, row in enumerate(checked_rows(path, reader), skipped + 2):
            if not row:
                continue
            place = f"{path}:{number}"
            if len(row) != len(header):
                raise ValueError(f"{place}: {len(row)} fields where the first line names {len(header)}")
            identifier = _SIZE.sub("", restore(row[ids]).strip(' "'))
            if identifier in counts:
                raise ValueError(f"{place}: id {identifier!r} was used before; keep one row of it")
            values = [_count(place, name, row[column]) for name, column in zip(names, samples, strict=True)]
            counts[identifier] = {sample: value for sample, value in enumerate(values) if value}
    return Abundances(names, counts)


def _count(place: str, sample: str, cell: str) -> float:
    value = amount(cell.strip(' "') or "0")
    if math.isnan(value):
        raise ValueError(f"{place}: {cell[:30]!r} in the column {sample!r} is no count; remove the column or mend it")
    return value
