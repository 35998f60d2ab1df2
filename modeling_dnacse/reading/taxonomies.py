"""A separate table of a library's taxonomy in; the labels of each of its records out.

| file | recognised by |
|---|---|
| `FeatureData[Taxonomy]` of QIIME2, as TSV or `.qza` | the columns `Feature ID` and `Taxon` |
| a classification with a column for each rank | a column of ids and one of species |
| `taxonomy.tsv` of COInr, for a library with `taxID` | the columns `tax_id`, `parent_tax_id`, `rank`, `name_txt` |
| mothur's `.tax`, Greengenes | no column names: an id, a tab, a lineage |
"""

import csv
import io
from collections.abc import Iterator, Mapping
from functools import lru_cache
from os import PathLike, fspath

from ..machine.control_characters import refuse_controls
from .label_policy import RANK_ORDER, clean_labels, column_name
from .lineages import read_lineage
from .tables import DELIMITERS, checked_rows, find_delimiter, first_line, has_columns, table_rows
from .text_files import open_ascii, restore

_TREE = ("tax_id", "parent_tax_id", "rank", "name_txt")


def read_taxonomy(path: str | PathLike[str]) -> dict[str, Mapping[str, str]]:
    """Return the labels of each id, or of each taxon of a tree, as `clean_labels` gives them.

    Raises:
        ValueError: the file is not a taxonomy, or an id is repeated. The message names file, line and remedy.
    """
    path = fspath(path)
    if is_tree(path):
        return _read_tree(path)
    line = first_line(path)
    delimiter = find_delimiter(line, "\t", ("id", "lineage"))
    if has_columns(line, delimiter, ("id", "lineage")):
        rows = ((number, row["id"], row["lineage"]) for number, row in table_rows(path, delimiter, ("id", "lineage")))
        return _unique(path, ((number, key, _of_lineage(lineage)) for number, key, lineage in rows))
    delimiter = next((mark for mark in (*DELIMITERS.values(), ";") if has_columns(line, mark, ("id", "species"))), "")
    if delimiter:
        rows = table_rows(path, delimiter, ("id", "species"))
        return _unique(path, ((number, row["id"], clean_labels(row)) for number, row in rows))
    return _unique(path, _pairs(path))


def is_tree(path: str | PathLike[str]) -> bool:
    """Whether a taxonomy is a tree, whose taxa are known by their numbers, not by ids of records."""
    return set(_TREE) <= {column_name(name) for name in first_line(fspath(path)).split("\t")}


@lru_cache(1 << 16)
def _of_lineage(lineage: str) -> Mapping[str, str]:
    return clean_labels(read_lineage(lineage))


def _pairs(path: str) -> Iterator[tuple[int, str, Mapping[str, str]]]:
    with io.TextIOWrapper(open_ascii(path), "ascii") as lines:
        for number, line in enumerate(lines, 1):
            identifier, tab, lineage = restore(line.rstrip("\n")).partition("\t")
            if not tab and line.strip():
                raise ValueError(
                    f"{path}:{number}: not a taxonomy; give a table with the columns 'Feature ID' and 'Taxon', a "
                    "column of ids and one for each rank, or an id, a tab and a lineage in each line"
                )
            if tab:
                yield number, identifier.strip(), _of_lineage(lineage.partition("\t")[0])


def _unique(path: str, rows: Iterator[tuple[int, str, Mapping[str, str]]]) -> dict[str, Mapping[str, str]]:
    taxonomy: dict[str, Mapping[str, str]] = {}
    shared: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}  # most lineages belong to many ids
    for number, identifier, labels in rows:
        if identifier.startswith("#q2:types"):
            continue
        if not identifier:
            raise ValueError(f"{path}:{number}: a lineage without an id; give it one, or remove the line")
        if (key := tuple(labels.items())) not in shared:
            _check_printable(f"{path}:{number}", labels)
        labels = shared.setdefault(key, labels)
        if taxonomy.setdefault(identifier, labels) != labels:
            raise ValueError(f"{path}:{number}: id {identifier!r} has two lineages; keep one")
    if not any(taxonomy.values()):
        raise ValueError(f"{path}: no lineage names any rank; docs/formats.md says how they are written")
    return taxonomy


def _check_printable(place: str, labels: Mapping[str, str]) -> None:
    for key, name in labels.items():
        refuse_controls(place, name, f"{key} {name!r}")


def _read_tree(path: str) -> dict[str, Mapping[str, str]]:
    """Walk up from each taxon of a tree; taxa without a known rank are skipped."""
    with io.TextIOWrapper(open_ascii(path), "ascii", newline="") as text:
        reader = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
        rows = checked_rows(path, reader)
        columns = [column_name(name) for name in next(rows)]
        places = [columns.index(name) for name in _TREE]
        nodes: dict[str, tuple[str, str, str]] = {}
        for row in rows:
            if len(row) < len(columns):
                raise ValueError(
                    f"{path}:{reader.line_num}: {len(row)} fields where the first line names {len(columns)}"
                )
            taxon, parent, rank, name = (restore(row[place]) for place in places)
            _check_printable(f"{path}:{reader.line_num}", {"name_txt": name})
            nodes[taxon] = (parent, "domain" if rank == "superkingdom" else rank, name)
    taxonomy: dict[str, Mapping[str, str]] = {}
    for taxon in nodes:
        labels, at, passed = {}, taxon, set()
        while at in nodes and at not in passed:
            passed.add(at)
            at, rank, name = nodes[at]
            if rank in RANK_ORDER:
                labels.setdefault(rank, name)
        taxonomy[taxon] = clean_labels(labels)
    return taxonomy
