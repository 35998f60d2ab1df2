"""A table with column names (CSV, TSV, parquet) in; its rows under our names out, each with its number.

Columns are separated by commas, tabs, semicolons or vertical bars, as the first line shows. The table of CRABS has no
column names and is recognised by its eleven columns. In a table of ASVs as DADA2 exports it, the rows are named by
their sequences; it needs no column of sequences. Excel's first line `sep=;` is skipped.
"""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from .label_policy import COLUMNS, column_name, pick_columns
from .text_files import open_ascii, restore

DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t", ".tab": "\t"}  # BOLD calls its tab-separated exports .txt
CRABS = (
    *("id", "organism_name", "taxid", "superkingdom", "phylum", "class", "order", "family", "genus", "species"),
    "sequence",
)
OTHER = "+"  # comes before the name of an unknown column
MOST = 1e15  # counts and depths
_DNA = re.compile("[ACGTUNacgtun-]{30,}")
_ANY_DNA = re.compile("[ACGTURYSWKMBDHVNX.-]{30,}", re.IGNORECASE)
_SEPARATOR = re.compile(r'\s*"?sep=.?"?\s*')  # Excel's line before the column names


def table_rows(
    path: str,
    delimiter: str,
    needed: tuple[str, ...] = ("sequence",),
    known: Mapping[str, tuple[str, ...]] = COLUMNS,
    others: bool = False,
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row of a text table with its line number: the fields of the known columns, as written.

    Args:
        path: The file.
        delimiter: What separates columns, unless the first line shows another one.
        needed: Keys of `known` that must be present.
        known: The columns to read, each with the names that it may have.
        others: Also return the unknown columns, with `OTHER` before their names.

    Raises:
        ValueError: a needed column is missing, a used one is repeated, the first line names no columns, a row has more
            or fewer fields than it, or quotation marks do not match.
    """
    csv.field_size_limit(2**31 - 1)  # for the whole process; by default a field holds 128 KiB, less than a genome
    first = first_line(path)
    delimiter = find_delimiter(first, delimiter, needed, known)
    with io.TextIOWrapper(open_ascii(path), "ascii", newline="") as text:
        reader = csv.reader(text, delimiter=delimiter, strict=True, **quoting_of(delimiter))
        try:
            names = [] if is_crabs(first) else next((row for row in reader if names_columns("".join(row))), [])
            header = list(CRABS) if is_crabs(first) else [text_of_field(name, delimiter) for name in names]
            first_row = next(reader, [])
            if needed == ("sequence",) and rows_named_by_sequences(header, first_row):
                check_named(path, header)
                columns = {"id": 0, "sequence": 0}
            else:
                columns = find_columns(path, header, needed, known)
            columns |= other_columns(header, columns) if others else {}
            for row in chain([first_row], reader):
                if not row:
                    continue
                if len(row) != len(header):
                    raise ValueError(
                        f"{path}:{reader.line_num}: {len(row)} fields where the first line names {len(header)}; "
                        "complete or remove the row"
                    )
                yield reader.line_num, {key: text_of_field(row[index], delimiter) for key, index in columns.items()}
        except csv.Error as error:
            raise ValueError(f"{path}:{reader.line_num}: {error}; check the quotation marks in the file") from error


def quoting_of(delimiter: str) -> dict[str, Any]:
    """How csv.reader is to read quotation marks.

    Tab-separated exports hold stray ones; read as quotes, they would swallow all rows up to the next one.
    """
    return {"quoting": csv.QUOTE_NONE} if delimiter == "\t" else {"skipinitialspace": True}


def text_of_field(field: str, delimiter: str) -> str:
    """A field that csv.reader has read with `quoting_of`: without blanks and, between tabs, its quotes around it.

    >>> text_of_field('plot 12"', ","), text_of_field('"plot 12"', chr(9))
    ('plot 12"', 'plot 12')
    """
    text = restore(field).strip(" ")
    quoted = delimiter == "\t" and len(text) > 1 and text[0] == text[-1] == '"'
    return text[1:-1].replace('""', '"').strip(" ") if quoted else text


def names_columns(line: str) -> bool:
    """Whether a line may name columns: it is neither blank nor the line by which Excel learns the separator."""
    return bool(line.strip()) and not _SEPARATOR.fullmatch(line)


def checked_rows(path: str | PathLike[str], reader: Any) -> Iterator[list[str]]:
    """Yield the rows of a csv.reader, with fields of any length.

    Raises:
        ValueError: the reader cannot read a line; the message names file and line.
    """
    csv.field_size_limit(2**31 - 1)
    try:
        yield from reader
    except csv.Error as error:
        raise ValueError(f"{path}:{reader.line_num}: {error}; check quotation marks and line ends") from error


def parquet_rows(
    path: str,
    needed: tuple[str, ...] = ("sequence",),
    known: Mapping[str, tuple[str, ...]] = COLUMNS,
    others: bool = False,
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row of a parquet file with its number, as `table_rows`."""
    try:
        with Path(path).open("rb") as opened, parquet.ParquetFile(opened) as file:
            header = file.schema_arrow.names
            columns = find_columns(path, header, needed, known)
            columns |= other_columns(header, columns) if others else {}
            batches = file.iter_batches(1024, columns=[header[index] for index in columns.values()])
            rows = (row for batch in batches for row in batch.to_pylist())
            for number, row in enumerate(rows, 1):
                yield number, {key: text_of_cell(row[header[index]]) for key, index in columns.items()}
    except (OSError, pyarrow.ArrowException, UnicodeDecodeError, OverflowError, LookupError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(f"{path}: not readable as parquet ({reason}); check the path or write it again") from error


def text_of_cell(value: Any) -> str:
    """A cell of a parquet file as text: "" where there is nothing, or a number that is none; bytes are UTF-8.

    >>> text_of_cell(b"x1"), text_of_cell(float("nan")), text_of_cell(7)
    ('x1', '', '7')
    """
    if value is None or value != value:  # NaN, by which pandas marks a missing number
        return ""
    return value.decode() if isinstance(value, bytes) else str(value)


def amount(text: str) -> float:
    """A count or a depth as programs write it: at least 0 and below `MOST`; NaN: the text is none.

    Python alone would also read 1_000 and digits of other scripts, and sums of larger numbers overflow.

    >>> amount("1e3"), amount("1_000"), amount("1,5"), amount("1e308")
    (1000.0, nan, nan, nan)
    """
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return math.nan
    return value if 0 <= value < MOST else math.nan


def find_columns(
    path: str, header: list[str], needed: tuple[str, ...], known: Mapping[str, tuple[str, ...]]
) -> dict[str, int]:
    """Map our names to the positions of a table's columns; missing columns are omitted.

    Raises:
        ValueError: see `table_rows`.
    """
    if not header:
        raise ValueError(f"{path}:1: the file is empty; give one with a line of column names and at least one row")
    names = [column_name(name) for name in header]
    columns = pick_columns({name: index for index, name in reversed(list(enumerate(names)))}, known)
    for key in needed:
        if key not in columns:
            names = ", ".join(map(repr, header))[:200]
            raise ValueError(
                f"{path}:1: no column for the {key}; the columns are {names}: name one of them "
                + " or ".join(map(repr, known[key]))
            )
    counts = Counter(names)
    for index in columns.values():
        if counts[names[index]] > 1 and names[index]:
            raise ValueError(
                f"{path}:1: {counts[names[index]]} columns {header[index]!r}; rename or remove all but one"
            )
    return columns


def other_columns(header: list[str], columns: Mapping[str, int]) -> dict[str, int]:
    """Positions of the named columns that are unknown; the last one of columns with the same name."""
    known = set(columns.values())
    return {OTHER + name.strip(): index for index, name in enumerate(header) if name and index not in known}


def rows_named_by_sequences(header: list[str], row: list[str]) -> bool:
    """Whether a table has no column of sequences, but sequences as names of its rows.

    >>> rows_named_by_sequences(["", "sample1"], ["ACGT" * 10, "12"])
    True
    """
    names = {column_name(name): 0 for name in header}
    return "sequence" not in pick_columns(names) and bool(row) and _DNA.fullmatch(row[0].strip(' "')) is not None


def check_named(path: str, header: list[str]) -> None:
    """Refuse a table whose rows are named by their sequences if its first line is one of them.

    Raises:
        ValueError: its first line names no columns.
    """
    if _ANY_DNA.fullmatch(header[0]):
        raise ValueError(
            f"{path}:1: the first line is a sequence, not the names of columns; put one with names before it, such as "
            "sequence, or write the file as FASTA"
        )


def first_line(path: str) -> str:
    """The first line of a text file that may name columns, of at most 64 KiB; "" of an empty file."""
    with open_ascii(path) as stream:
        lines = stream.read(1 << 16).decode("ascii").splitlines()
    return restore(next(filter(names_columns, lines), ""))


def find_delimiter(
    line: str, usual: str, needed: tuple[str, ...], known: Mapping[str, tuple[str, ...]] = COLUMNS
) -> str:
    """The delimiter of a first line: the usual one, unless the needed columns are found only with another.

    >>> find_delimiter("id;sequence", ",", ("sequence",))
    ';'
    """
    for delimiter in (usual, *",\t;|"):
        if has_columns(line, delimiter, needed, known):
            return delimiter
    return usual


def has_columns(
    line: str, delimiter: str, needed: tuple[str, ...], known: Mapping[str, tuple[str, ...]] = COLUMNS
) -> bool:
    """Whether a first line names the columns."""
    return set(needed) <= set(pick_columns({column_name(name): 0 for name in line.split(delimiter)}, known))


def is_crabs(line: str) -> bool:
    """Whether a line is a row of the table of CRABS, which has no column names."""
    fields = line.split("\t")
    return len(fields) == len(CRABS) and len(fields[-1]) > 20 and not set(fields[-1].upper()) - set("ACGTUNRYSWKMBDHV")
