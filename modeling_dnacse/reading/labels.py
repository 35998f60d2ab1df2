"""Labelled sequence files in; records with their ids and labels out.

Labels come from the columns of a table (CSV, TSV, parquet; tables.py) or from the headers of FASTA or FASTQ, in any of
the styles of headers.py. What counts as a label is the same for all of them (label_policy.py).
"""

import warnings
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from ..machine.control_characters import refuse_controls, without_controls
from ..machine.file_names import given_path
from .formats import FASTA, PARQUET, kind_of_file
from .headers import parse_header, without_size
from .label_policy import RANKS, apply_label_policy, clean_labels
from .lineages import read_lineage
from .seen_ids import SeenIds
from .sequences import AlphabetCounts, clean_sequence, place_of_record, read_headers
from .tables import OTHER, amount, parquet_rows, table_rows

__all__ = [
    "RANKS",
    "LabelledRecord",
    "apply_label_policy",
    "labels_from_header",
    "read_labelled",
    "read_records",
]

TABLE = "columns of a table"  # the style of its records

_NO_SEQUENCE = frozenset(("", "none", "no_data", "na", "n/a", "nan", "null"))


class LabelledRecord(NamedTuple):
    """A record: a cleaned sequence with its labels under the label policy, at all known ranks.

    `size` is its abundance, by default 1. `style` is one of headers.py, or that of a table. `given_species` is the
    species as written in the file, which may be a placeholder. `taxid` is a taxon number, if there is such a column.
    `metadata` holds the columns of a table that are not in `label_policy.COLUMNS`, if the caller asks.
    """

    id: str
    sequence: str
    labels: dict[str, str]
    split: str
    size: int
    style: str
    given_species: str
    taxid: str = ""
    metadata: Mapping[str, str] = MappingProxyType({})


def labels_from_header(header: str) -> dict[str, str]:
    """Return the ranks that a FASTA header names; ranks without a label are left out.

    Args:
        header: The whole header; of the key=value style, the part after the id is enough.

    >>> labels_from_header("x1 species=Apis mellifera family=Apidae")
    {'species': 'Apis mellifera', 'genus': 'Apis', 'family': 'Apidae'}
    >>> labels_from_header("GBMIN12345-13|Apis sp. XYZ|COI-5P|KM000001")
    {'genus': 'Apis'}
    """
    return {rank: label for rank, label in apply_label_policy(parse_header(header).fields).items() if label}


def read_labelled(
    path: str | PathLike[str], *, split: str | None = None, counts: AlphabetCounts | None = None
) -> Iterator[dict[str, str]]:
    """Stream the labelled records of a file as dicts of strings, which all have the same keys.

    The keys are `id`, `sequence` (cleaned), the six `RANKS` and `split`, in this order. Formats and errors are those
    of `read_records`.
    """
    for record in read_records(path, split=split, counts=counts):
        labels = {rank: record.labels.get(rank, "") for rank in RANKS}
        yield {"id": record.id, "sequence": record.sequence} | labels | {"split": record.split}


def read_records(
    path: str | PathLike[str],
    *,
    split: str | None = None,
    counts: AlphabetCounts | None = None,
    metadata: bool = False,
) -> Iterator[LabelledRecord]:
    """Stream the labelled records of a FASTA, FASTQ, CSV, TSV, parquet or .qza file.

    If a table has no column of ids, or FASTA headers are lineages, the id is the number of the row or record. An empty
    id becomes `row_` and the row number. Both cases give one warning per table. Rows without a sequence are skipped. A
    second marker of one process id gets the id followed by the marker. Memory does not grow with the file, except for
    at most 64 bytes per record to find repeated ids.

    Args:
        path: The file; all formats but parquet may be compressed.
        split: Yield only the records of this split, given by a column or as `split=` in headers.
        counts: Filled with counts of the alphabet policy: of a whole FASTA file, of the chosen rows of a table.
        metadata: Keep the columns of a table that are not in `COLUMNS`; control characters in them become spaces.

    Raises:
        ValueError: the file has an error that `read_fasta` refuses too; a table has no column of sequences, or rows of
            unequal length; an id or a name holds a control character; or no record has the split. The message names
            file, line (parquet: row) and remedy.
    """
    path = given_path(path)
    kind = kind_of_file(path)
    seen = SeenIds()
    splits: set[str] = set()
    count, warned = 0, False
    for count, row in enumerate(_rows(path, kind, counts, needs_split=split is not None, metadata=metadata), 1):
        if kind != FASTA and row.sequence.strip(" -.").lower() in _NO_SEQUENCE:
            if counts is not None:
                counts.without_sequence += 1
            continue
        given = row.fields
        identifier = _identifier(row, count)
        _check_printable(path, kind, row, identifier)
        if kind != FASTA and not row.id and not warned:
            warned = True
            said = "no column of ids, so rows are numbered; name one id"
            if row.id is not None:
                said = f"empty id, {identifier} stands in for it; give every row an id"
            warnings.warn(f"{_place(path, kind, row.number)}: {said}", stacklevel=2)
        unique = _unique_id(seen, identifier, given.get("marker", ""))
        if not unique:
            _check_repeat(path, kind, identifier, row.number)
        elif unique != identifier and counts is not None:
            counts.markers += 1
        splits.add(given.get("split", ""))
        if split is not None and given.get("split", "") != split:
            continue
        try:
            sequence = clean_sequence(row.sequence)
        except ValueError as error:
            raise ValueError(f"{_place(path, kind, row.number)}: {error}") from None
        if counts is not None and kind != FASTA:
            counts.add(row.sequence, sequence)
        yield LabelledRecord(
            unique or identifier,
            sequence,
            clean_labels(given),
            given.get("split", ""),
            row.size,
            row.style,
            given.get("species") or given.get("epithet") or "",
            given.get("taxid", ""),
            row.metadata,
        )
    if not seen:
        what = f"none of {count:,} rows has a sequence" if count else "a header but no rows"
        raise ValueError(f"{path}: {what}; give a file with at least one sequence")
    if split is not None and split not in splits:
        there = ", ".join(sorted(splits - {""})) or "none"
        raise ValueError(f"{path}: no record has the split {split!r}; its splits are: {there}")


class _Row(NamedTuple):
    """A record as written, with the number of its record (FASTA), line (table) or row (parquet); id None: no id."""

    number: int
    id: str | None
    sequence: str
    fields: dict[str, str]
    size: int
    style: str
    metadata: Mapping[str, str] = MappingProxyType({})


def _rows(
    path: str, kind: str, counts: AlphabetCounts | None, needs_split: bool, metadata: bool = False
) -> Iterator[_Row]:
    if kind == FASTA:
        for number, (header, sequence) in enumerate(read_headers(path, counts), 1):
            try:
                found = parse_header(header)
            except ValueError as error:
                raise ValueError(f"{_place(path, kind, number)}: {error}") from None
            yield _Row(number, found.id or None, sequence, found.fields, found.size, found.style)
        return
    needed = ("sequence", "split") if needs_split else ("sequence",)
    if kind == PARQUET:
        rows = parquet_rows(path, needed, others=metadata)
    else:
        rows = table_rows(path, kind, needed, others=metadata)
    for number, row in rows:
        others = {key[len(OTHER) :]: without_controls(row.pop(key)) for key in list(row) if key.startswith(OTHER)}
        sequence, identifier, given = row.pop("sequence"), row.pop("id", None), row.pop("size", "").strip()
        identifier = identifier and identifier.strip()  # of no-break spaces too
        if lineage := row.pop("lineage", ""):
            row = read_lineage(lineage) | {key: value for key, value in row.items() if value}
        if identifier and ";size=" in identifier:
            try:
                identifier, abundance = without_size(identifier)
            except ValueError as error:
                raise ValueError(f"{_place(path, kind, number)}: {error}") from None
            given = str(abundance)
        size = amount(given)
        if not (size >= 1 and size.is_integer()):
            if counts is not None and given.lower() not in _NO_SEQUENCE:
                counts.without_size += 1
            size = 1
        yield _Row(number, identifier, sequence, row, int(size), TABLE, others)


def _identifier(row: _Row, count: int) -> str:
    """The id of a row, or its number if it has no id."""
    return str(count) if row.id is None else row.id or f"row_{count}"


def _unique_id(seen: SeenIds, identifier: str, marker: str) -> str:
    """The id; or the id and the marker, if another marker of the specimen has the id; "" if both are taken."""
    own = f"{identifier}\0{marker}"
    if seen.add(identifier):
        if marker:
            seen.add(own)
        return identifier
    with_marker = f"{identifier}.{marker}"
    return with_marker if marker and seen.add(own) and seen.add(with_marker) else ""


def _own_ids(row: _Row, count: int, until: int) -> tuple[str, ...]:
    """The id of a row and, before the row `until`, the one that it may have got from `_unique_id`."""
    own = _identifier(row, count)
    return (own, f"{own}.{row.fields.get('marker')}") if row.number < until else (own,)


def _place(path: str, kind: str, number: int) -> str:
    if kind == FASTA:
        return place_of_record(path, number - 1)
    return f"{path}, row {number}" if kind == PARQUET else f"{path}:{number}"


def _check_printable(path: str, kind: str, row: _Row, identifier: str) -> None:
    """Refuse characters that would break a line or a column of an output, or control a terminal."""
    for key, value in ({"id": identifier} | row.fields).items():
        if not value.isprintable():
            refuse_controls(_place(path, kind, row.number), value, f"{key} {value!r}")


def _check_repeat(path: str, kind: str, identifier: str, number: int) -> None:
    """Raise the error of an id that was used before, unless the file shows that another id has the same hash."""
    earlier = "earlier"  # a pipe cannot be read twice
    if Path(path).is_file():
        rows = enumerate(_rows(path, kind, None, needs_split=False), 1)
        first = next(row.number for count, row in rows if identifier in _own_ids(row, count, number))
        if first == number:
            return
        earlier = f"at {_place(path, kind, first)}"
    place = _place(path, kind, number)
    raise ValueError(f"{place}: id {identifier!r} was used before, {earlier}; rename one")
