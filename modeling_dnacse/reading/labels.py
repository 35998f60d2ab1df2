"""Labelled sequence files in, plain dicts out: the keys are always `id`, `sequence`, the six ranks and `split`.

Labels come from the columns of a table (CSV, TSV, parquet) or from the headers of FASTA or FASTQ:

- `>id species=Genus epithet genus=Genus family=...`: a value goes up to the next `key=`;
- `>ID|Genus epithet|COI-5P|...` as BOLD writes it: the id is the first field.

What a label may be:

- a species is a name, taken as it stands, underscores read as blanks; one in open nomenclature (`Genus sp. X1`,
  `cf.`, `aff.`, `nr.`) is no species, since such names are neither unique nor stable, but its genus is kept;
- the genus is the first word of the name where it is not given;
- a BOLD name of one word is a family if it ends as families do (-idae, -aceae), else its rank is unknown: no label;
- a missing label is an empty string; NA, NaN, None and null count as missing.
"""

import csv
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import TypeVar

import pyarrow
from pyarrow import parquet

from .seen_ids import SeenIds
from .sequences import AlphabetCounts, clean_sequence, open_ascii, read_fasta, restore

Value = TypeVar("Value")

RANKS = ("species", "genus", "family", "order", "class", "phylum")

# Where a table has several of the names, the first counts. They are those of BOLD, BIOSCAN and GBIF exports.
COLUMNS = {
    "id": ("id", "seq_id", "sequence_id", "record_id", "processid", "process_id", "sampleid", "accession"),
    "sequence": ("sequence", "seq", "nucleotides", "nuc", "nucraw", "dna", "dna_barcode", "barcode"),
    "species": ("species", "species_name", "organism"),
    "split": ("split",),
} | {rank: (rank, f"{rank}_name") for rank in RANKS[1:]}

FASTA_SUFFIXES = (".fa", ".fasta", ".fna", ".fas", ".fq", ".fastq")
DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}  # BOLD calls its tab-separated exports .txt
COMPRESSIONS = (".gz", ".bz2", ".xz")

_OPEN_NOMENCLATURE = re.compile(r"\s(sp|spp|cf|aff|nr|gen|indet)(\.|\s|\d|$)", re.IGNORECASE)
_BOLD_HEADER = re.compile(r"([^|\s]+)\|([A-Z][a-z-]+(?: [^|]*)?)(?:\||$)")
_KEY_VALUE = re.compile(r"(?:^|[\s\[])(\w+)=(.*?)(?=[\s\[]+\w+=|$)")
_GENUS = re.compile(r"(?:Candidatus )?([A-Z][a-z-]+)\s")
_MISSING = {"", "na", "n/a", "nan", "none", "null"}


def labels_from_header(header: str) -> dict[str, str]:
    """Return the ranks that a FASTA header names; ranks without a label are left out.

    Args:
        header: The whole header, or of a `key=value` header also the part after the id.

    >>> labels_from_header("x1 species=Apis mellifera family=Apidae")
    {'species': 'Apis mellifera', 'genus': 'Apis', 'family': 'Apidae'}
    >>> labels_from_header("GBMIN12345-13|Apis sp. XYZ|COI-5P|KM000001")
    {'genus': 'Apis'}
    """
    return {rank: label for rank, label in apply_policy(_header_fields(header)).items() if label}


def _header_fields(header: str) -> dict[str, str]:
    """Return the labels of a header as they stand, with `id` where BOLD's style tells it, and `split`."""
    bold = _BOLD_HEADER.match(header)
    if bold:
        name = bold[2].strip()
        if " " in name:
            return {"id": bold[1], "species": name}
        return {"id": bold[1], "family": name if name.endswith(("idae", "aceae")) else ""}
    pairs = {key.lower(): value.strip(" ;,[]") for key, value in _KEY_VALUE.findall(header)}
    return {key: value for key, value in _pick(pairs).items() if key in ("split", *RANKS)}


def _pick(named: dict[str, Value]) -> dict[str, Value]:
    """Return under our names what has one of the names in `COLUMNS`."""
    found = {key: [named[name] for name in names if name in named] for key, names in COLUMNS.items()}
    return {key: values[0] for key, values in found.items() if values}


def apply_policy(given: Mapping[str, str | None]) -> dict[str, str]:
    """Apply the label policy of this module to labels as they stand: all six `RANKS`, "" for what is unknown.

    >>> apply_policy({"species": "Apis sp. X1", "family": "NA"})["genus"]
    'Apis'
    """
    labels = {rank: given.get(rank) or "" for rank in RANKS}
    labels = {rank: "" if label.lower() in _MISSING else label for rank, label in labels.items()}
    name = labels["species"] = labels["species"].replace("_", " ")
    first_word = _GENUS.match(name)
    if first_word and not labels["genus"]:
        labels["genus"] = first_word[1]
    if _OPEN_NOMENCLATURE.search(name):
        labels["species"] = ""
    return labels


def read_labelled(
    path: str | PathLike[str], *, split: str | None = None, counts: AlphabetCounts | None = None
) -> Iterator[dict[str, str]]:
    """Stream labelled records of a FASTA, FASTQ, CSV, TSV or parquet file; the suffix tells which.

    Every dict has the keys `id`, `sequence` (cleaned), the six `RANKS` and `split`, in this order, all strings. In a
    table without a column of ids the id is the row number; an empty id becomes `row_` and that number, with one
    warning. Memory is constant but for the check for repeated ids, at most 64 bytes a record.

    Args:
        path: The file; all but parquet may be compressed.
        split: Yield only the records whose `split` (a column, or `split=` in a header) is this.
        counts: Filled with what the alphabet policy met: in all of a FASTA file, in the chosen rows of a table.

    Raises:
        ValueError: with file, line (parquet: row) and remedy, as `read_fasta`, and for a table without a column of
            sequences, with rows of unequal length, or without the split asked for.
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
            if earlier != f"at {place}":  # else another id has its hash
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
        yield {"id": identifier, "sequence": sequence} | apply_policy(row) | {"split": row["split"]}
    if not seen:
        raise ValueError(f"{path}: a header but no rows; give a file with at least one sequence")
    if split is not None and split not in splits:
        there = ", ".join(sorted(splits - {""})) or "none"
        raise ValueError(f"{path}: no record has the split {split!r}; splits there: {there}")


def _rows(
    path: str, suffix: str, counts: AlphabetCounts | None, needs_split: bool
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows as they stand, each with its number: of the record, the line (tables) or the row (parquet)."""
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
            f"{path}: suffix {suffix!r} tells no format; allowed are {' '.join(allowed)}, all but .parquet also with "
            f"{' '.join(COMPRESSIONS)}: rename the file"
        )
    return suffix


def _fasta_rows(path: str, counts: AlphabetCounts | None) -> Iterator[tuple[int, dict[str, str]]]:
    for number, record in enumerate(read_fasta(path, counts=counts), 1):
        given = {"id": record.id, "split": ""} | _header_fields(f"{record.id} {record.description}")
        yield number, given | {"sequence": record.sequence}


def _table_rows(path: str, delimiter: str, needs_split: bool) -> Iterator[tuple[int, dict[str, str]]]:
    csv.field_size_limit(2**31 - 1)  # for the whole process; the default of 128 KiB a field is less than a genome
    # tab-separated exports hold stray quotation marks, which must not swallow the rows up to the next one
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
    except (OSError, pyarrow.ArrowException) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(f"{path}: not readable as parquet ({reason}); check the path or write it again") from error


def _columns(path: str, header: list[str], needs_split: bool) -> dict[str, int]:
    """Map our names to the positions of a table's columns; those that are not there are left out."""
    if not header:
        raise ValueError(f"{path}:1: the file is empty; give one with a line of column names and at least one row")
    positions = {name.strip(' "').lower(): index for index, name in enumerate(header)}
    columns = _pick(positions)
    for key in ("sequence", "split") if needs_split else ("sequence",):
        if key not in columns:
            raise ValueError(
                f"{path}:1: no column for the {key}; the columns are {', '.join(map(repr, header))}: name one of them "
                + " or ".join(map(repr, COLUMNS[key]))
            )
    return columns
