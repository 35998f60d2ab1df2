"""Labelled sequence files in, plain dicts out: the keys are always `id`, `sequence`, the six ranks and `split`.

Labels come from the columns of a table (CSV, TSV, parquet) or from the headers of FASTA or FASTQ, in any of the styles
of headers.py. What counts as a label is the same for all of them (label_policy.py).
"""

import csv
import io
import warnings
from collections.abc import Iterator
from os import PathLike, fspath
from pathlib import Path

import pyarrow
from pyarrow import parquet

from .headers import fields_from_header
from .label_policy import COLUMNS, RANKS, apply_label_policy, pick_columns
from .seen_ids import SeenIds
from .sequences import AlphabetCounts, clean_sequence, open_ascii, read_fasta, restore

__all__ = ["COLUMNS", "DELIMITERS", "RANKS", "apply_label_policy", "labels_from_header", "read_labelled"]

FASTA_SUFFIXES = (".fa", ".fasta", ".fna", ".fas", ".fq", ".fastq")
DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}  # BOLD calls its tab-separated exports .txt
COMPRESSIONS = (".gz", ".bz2", ".xz")


def labels_from_header(header: str) -> dict[str, str]:
    """Return the ranks that a FASTA header names; ranks without a label are left out.

    Args:
        header: The whole header; of the key=value style, the part after the id will do.

    >>> labels_from_header("x1 species=Apis mellifera family=Apidae")
    {'species': 'Apis mellifera', 'genus': 'Apis', 'family': 'Apidae'}
    >>> labels_from_header("GBMIN12345-13|Apis sp. XYZ|COI-5P|KM000001")
    {'genus': 'Apis'}
    """
    return {rank: label for rank, label in apply_label_policy(fields_from_header(header)).items() if label}


def read_labelled(
    path: str | PathLike[str], *, split: str | None = None, counts: AlphabetCounts | None = None
) -> Iterator[dict[str, str]]:
    """Stream the labelled records of a FASTA, FASTQ, CSV, TSV or parquet file; the suffix tells the format.

    Every dict has the keys `id`, `sequence` (cleaned), the six `RANKS` and `split`, in this order, all strings. In a
    table without a column of ids, the id is the row number. An empty id becomes `row_` and the row number, with one
    warning. Memory does not grow with the file, except for at most 64 bytes a record to find repeated ids.

    Args:
        path: The file; all formats but parquet may be compressed.
        split: Yield only the records of this split, which a column or `split=` in a header gives.
        counts: Filled with what the alphabet policy met: in all of a FASTA file, in the chosen rows of a table.

    Raises:
        ValueError: the file is wrong in a way that `read_fasta` refuses too; or a table has no column of sequences or
            rows of unequal length; or no record has the split. The message names file, line (parquet: row) and remedy.
    """
    path = fspath(path)
    suffix = _suffix(path)
    unit = ", record " if suffix in FASTA_SUFFIXES else ", row " if suffix == ".parquet" else ":"
    seen = SeenIds()
    splits: set[str] = set()
    warned = False
    for number, row in _rows(path, suffix, counts, needs_split=split is not None):
        place = f"{path}{unit}{number}"
        identifier = row["id"] or f"row_{len(seen) + 1}"
        if not row["id"] and not warned:
            warned = True
            warnings.warn(f"{place}: empty id, {identifier} stands in for it; give every row an id", stacklevel=2)
        if not seen.add(identifier):
            earlier = "earlier"  # a pipe cannot be read twice
            if Path(path).is_file():
                rows = enumerate(_rows(path, suffix, None, needs_split=False), 1)
                first = next(at for count, (at, other) in rows if (other["id"] or f"row_{count}") == identifier)
                earlier = f"at {path}{unit}{first}"
            if earlier != f"at {place}":  # otherwise another id has the same hash
                raise ValueError(f"{place}: id {identifier!r} was used before, {earlier}; rename one")
        splits.add(row["split"])
        if split is not None and row["split"] != split:
            continue
        try:
            sequence = clean_sequence(row["sequence"])
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None
        if not sequence:
            raise ValueError(f"{place}: record {identifier!r} has no bases; add them or remove it")
        if counts is not None and suffix not in FASTA_SUFFIXES:
            counts.add(row["sequence"], sequence)
        yield {"id": identifier, "sequence": sequence} | apply_label_policy(row) | {"split": row["split"]}
    if not seen:
        raise ValueError(f"{path}: a header but no rows; give a file with at least one sequence")
    if split is not None and split not in splits:
        there = ", ".join(sorted(splits - {""})) or "none"
        raise ValueError(f"{path}: no record has the split {split!r}; its splits are: {there}")


def _rows(
    path: str, suffix: str, counts: AlphabetCounts | None, needs_split: bool
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row as it stands, with its number: that of the record (FASTA), line (table) or row (parquet)."""
    if suffix in FASTA_SUFFIXES:
        return _fasta_rows(path, counts)
    if suffix == ".parquet":
        return _parquet_rows(path, needs_split)
    return _table_rows(path, DELIMITERS[suffix], needs_split)


def _suffix(path: str) -> str:
    name = Path(path.lower())
    suffix = Path(name.stem).suffix if name.suffix in COMPRESSIONS else name.suffix
    allowed = (*FASTA_SUFFIXES, *DELIMITERS, ".parquet")
    if suffix not in allowed:
        raise ValueError(
            f"{path}: suffix {suffix!r} tells no format; allowed are {' '.join(allowed)}, and after each but .parquet "
            f"one of {' '.join(COMPRESSIONS)}: rename the file"
        )
    return suffix


def _fasta_rows(path: str, counts: AlphabetCounts | None) -> Iterator[tuple[int, dict[str, str]]]:
    for number, record in enumerate(read_fasta(path, counts=counts), 1):
        given = {"id": record.id, "split": ""} | fields_from_header(f"{record.id} {record.description}".strip())
        yield number, given | {"sequence": record.sequence}


def _table_rows(path: str, delimiter: str, needs_split: bool) -> Iterator[tuple[int, dict[str, str]]]:
    csv.field_size_limit(2**31 - 1)  # for the whole process; by default a field holds 128 KiB, less than a genome
    # tab-separated exports hold stray quotation marks; read as quotes, they would swallow all rows up to the next one
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    with io.TextIOWrapper(open_ascii(path), "ascii", newline="") as text:
        reader = csv.reader(text, delimiter=delimiter, quoting=quoting, strict=True)
        try:
            header = next(reader, [])
            columns = _columns(path, header, needs_split)
            rows = (row for row in reader if row)
            for row_number, row in enumerate(rows, 1):
                if len(row) != len(header):
                    raise ValueError(
                        f"{path}:{reader.line_num}: {len(row)} fields where the first line names {len(header)}; "
                        "complete or remove the row"
                    )
                given = {key: restore(row[index]).strip(' "') for key, index in columns.items()}
                yield reader.line_num, {"id": str(row_number), "split": ""} | given
        except csv.Error as error:
            raise ValueError(f"{path}:{reader.line_num}: {error}; check the quotation marks in the file") from error


def _parquet_rows(path: str, needs_split: bool) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with parquet.ParquetFile(path) as file:
            columns = _columns(path, file.schema_arrow.names, needs_split)
            names = {key: file.schema_arrow.names[index] for key, index in columns.items()}
            batches = file.iter_batches(1024, columns=list(names.values()))
            rows = (row for batch in batches for row in batch.to_pylist())
            for number, row in enumerate(rows, 1):
                given = {key: "" if row[name] is None else str(row[name]) for key, name in names.items()}
                yield number, {"id": str(number), "split": ""} | given
    except (OSError, pyarrow.ArrowException, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(f"{path}: not readable as parquet ({reason}); check the path or write it again") from error


def _columns(path: str, header: list[str], needs_split: bool) -> dict[str, int]:
    """Map our names to the positions of a table's columns; a missing column is left out."""
    if not header:
        raise ValueError(f"{path}:1: the file is empty; give one with a line of column names and at least one row")
    positions = {name.strip(' "').lower(): index for index, name in enumerate(header)}
    columns = pick_columns(positions)
    for key in ("sequence", "split") if needs_split else ("sequence",):
        if key not in columns:
            raise ValueError(
                f"{path}:1: no column for the {key}; the columns are {', '.join(map(repr, header))}: name one of them "
                + " or ".join(map(repr, COLUMNS[key]))
            )
    return columns
