"""A table of counts in; the abundance of each sequence in each sample out.

The table is the ASV or OTU table of DADA2, QIIME2 (exported from BIOM as TSV), vsearch or UNOISE: a row for each
sequence, named by its id, and a column for each sample. A column whose name has another meaning, such as sequence or
order, is a sample only if it holds nothing but numbers; a column whose meaning is a number (size, taxid) never is.
"""

import csv
import io
import math
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from ..machine.control_characters import refuse_controls
from .label_policy import COLUMNS, column_name, pick_columns
from .tables import amount, checked_rows, names_columns, quoting_of, text_of_field
from .text_files import open_ascii

_KNOWN = {name for names in COLUMNS.values() for name in names} | {"confidence", "consensus_lineage"}
_NUMBERS = {name for key in ("id", "size", "taxid") for name in COLUMNS[key]} | {"confidence"}
_SIZE = re.compile(r";size=\d{1,15};?$")


class Abundances(NamedTuple):
    """Counts above 0 of each sequence, by the position of the sample."""

    samples: list[str]
    of: dict[str, dict[int, float]]  # id -> position of the sample -> count


def read_abundances(path: Path) -> Abundances:
    """Read a table of counts, separated by tabs, commas or semicolons; comment lines may precede it.

    Columns of numbers that their names keep from being samples are reported on stderr.

    Raises:
        ValueError: it has no samples, one has no name, an id is repeated, or a cell is not a count. The message names
            file, line and remedy.
    """
    lines = io.TextIOWrapper(open_ascii(str(path)), "ascii", newline="")
    with lines:
        line, skipped = lines.readline(), 0
        while line.startswith("# ") or (line.strip() and not names_columns(line)):
            line, skipped = lines.readline(), skipped + 1
        delimiter = max("\t,;", key=line.count)
        quoting: Any = quoting_of(delimiter)
        first = next(checked_rows(path, csv.reader([line], delimiter=delimiter, **quoting)), [])
        header = [text_of_field(name, delimiter) for name in first]
        refuse_controls(f"{path}:{skipped + 1}", "".join(header), "the name of a column")
        ids = pick_columns({column_name(header[place]): place for place in reversed(range(len(header)))}).get("id", 0)
        known = {place for place, name in enumerate(header) if not place or column_name(name) in _KNOWN} - {ids}
        samples = set(range(len(header))) - known - {ids}
        counts: dict[str, dict[int, float]] = {}
        numbers: set[int] = set()  # known columns with a number
        texts: set[int] = set()  # known columns with something else
        reader = csv.reader(lines, delimiter=delimiter, **quoting)
        for number, row in enumerate(checked_rows(path, reader), skipped + 2):
            if not row:
                continue
            place = f"{path}:{number}"
            if len(row) != len(header):
                raise ValueError(f"{place}: {len(row)} fields where the first line names {len(header)}")
            identifier = _SIZE.sub("", text_of_field(row[ids], delimiter))
            if identifier in counts:
                raise ValueError(f"{place}: id {identifier!r} was used before; keep one row of it")
            values = {column: _count(place, header[column], row[column]) for column in samples}
            for column in known - texts:
                values[column] = _amount(row[column])
                if math.isnan(values[column]):
                    texts.add(column)
                elif row[column].strip(' "'):
                    numbers.add(column)
            counts[identifier] = {column: value for column, value in values.items() if value}
    samples |= {column for column in numbers - texts if column_name(header[column]) not in _NUMBERS}
    names = [header[column] for column in sorted(samples)]
    if not samples or len(set(names)) < len(names):
        what = "two samples have one name" if samples else "there is no column of a sample"
        raise ValueError(f"{path}:{skipped + 1}: {what}; give a column of ids and one of counts for each sample")
    if nameless := [column for column in sorted(numbers - samples) if column and not header[column]]:
        raise ValueError(
            f"{path}:{skipped + 1}: column {nameless[0] + 1} holds numbers and has no name; name the sample, or "
            "remove the column"
        )
    if others := ", ".join(repr(header[column]) for column in sorted(numbers - samples) if header[column]):
        sys.stderr.write(f"{path}: by their names, these columns are no samples: {others}; rename those that are\n")
    position = {column: number for number, column in enumerate(sorted(samples))}
    kept = {
        key: {place: row[column] for column, place in position.items() if column in row} for key, row in counts.items()
    }
    return Abundances(names, kept)


def _amount(cell: str) -> float:
    return amount(cell.strip(' "') or "0")


def _count(place: str, sample: str, cell: str) -> float:
    value = _amount(cell)
    if math.isnan(value):
        raise ValueError(f"{place}: {cell[:30]!r} in the column {sample!r} is no count; remove the column or mend it")
    return value
