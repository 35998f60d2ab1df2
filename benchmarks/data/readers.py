"""One reader for every labelled source of the benchmarks: its name in, a stream of records out.

A record is a dict of strings: `id`, `sequence` (cleaned), the six ranks of modeling_dnacse/reading/labels.py and
`split`, "" where the source does not say. What a source may be (benchmarks/DATA.md says where to get each):

| source | what |
|---|---|
| a file | as `read_labelled` takes it: our tables, FASTA with headers of any style that the package knows |
| a table with the columns of BOLD, BIOSCAN-5M or BarcodeBERT | rows without sequence left out, N at the ends cut |
| a table with a column `label` and none of species, as DNABERT-S's | the label is the species, as it stands |
| `cami:CONTIGS.fasta.gz+MAPPING` | CAMI's gold standard, see `cami`: the genome is the species, as it stands |
| `hub:ORG/NAME[@REVISION]` | any data set of the Hub with our columns, which is downloaded (see `pin`) |
| `splits:NAME=FILE,NAME=FILE` | several files, each a split: `splits:train=train.csv,unseen_test=unseen.csv` |

The splits of other authors get our names (`SPLIT_NAMES`). Nothing but Hub data is downloaded.

The package's `read_labelled` reads files. Only the two kinds of tables above that need other rules are read here.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from benchmarks.data.cami import read_cami
from modeling_dnacse.loading.hub_datasets import dataset_commit, load_commit
from modeling_dnacse.reading.labels import COLUMNS, DELIMITERS, RANKS, apply_label_policy, read_labelled
from modeling_dnacse.reading.sequences import clean_sequence, open_ascii, read_fasta, restore

SPLIT_NAMES = {
    "validation": "val",
    "dev": "val",
    "test_seen": "test",
    "val_unseen": "unseen_val",
    "test_unseen": "unseen_test",
}
BARCODE_COLUMNS = {"nuc", "nucraw", "nucleotides", "dna_barcode"}
MARKER_COLUMNS = ("marker_code", "markercode")
NO_SEQUENCE = {"", "none", "no_data", "na", "n/a", "nan", "null"}


def read_records(source: str) -> Iterator[dict[str, str]]:
    """Stream the labelled records of a source (see the head of this file).

    Args:
        source: A file's path, or one of the forms with a prefix.

    Raises:
        ValueError: with file and line (or record) and remedy, as `read_labelled`; or the data set is out of reach.
    """
    scheme, colon, rest = source.partition(":")
    if colon and scheme == "splits":
        for part in rest.split(","):
            name, equals, path = part.partition("=")
            if not equals:
                raise ValueError(f"got {part!r} in {source}, but it takes NAME=FILE for each split: complete it.")
            yield from (record | {"split": name} for record in read_records(path))
    elif colon and scheme == "hub":
        yield from _read_hub(rest)
    elif colon and scheme == "cami":
        yield from _read_cami(rest)
    else:
        yield from _with_our_splits(_read_file(source))


def pin(source: str) -> str:
    """Name the newest commit of a Hub data set, `hub:ORG/NAME@COMMIT`; any other source stays as it is.

    Raises:
        ValueError: There is no such data set or revision, or the Hub cannot be reached.
    """
    if not source.startswith("hub:"):
        return source
    name, _, revision = source.removeprefix("hub:").partition("@")
    commit = dataset_commit(name, revision or None)
    return f"hub:{name}@{commit}" if commit else source


def _read_file(path: str) -> Iterator[dict[str, str]]:
    """Choose the reader of a table by its columns; the package reads every other file."""
    suffixes = Path(path.lower()).suffixes[-2:]
    if delimiter := next((DELIMITERS[suffix] for suffix in suffixes if suffix in DELIMITERS), ""):
        header = set(_header(path, delimiter))
        if header & BARCODE_COLUMNS:
            return _unique(path, _read_barcodes(path, delimiter))
        if "label" in header and not header & set(COLUMNS["species"]):
            return _unique(path, _read_labels(path, delimiter))
    return read_labelled(path)


def _with_our_splits(records: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    return (record | {"split": SPLIT_NAMES.get(record["split"], record["split"])} for record in records)


def _unique(path: str, records: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Pass records on, refusing an id that was used before and a file without any."""
    seen: set[str] = set()
    for record in records:
        if record["id"] in seen:
            raise ValueError(
                f"{path}: id {record['id']!r} is used twice; keep one marker of a specimen, or rename one"
            )
        seen.add(record["id"])
        yield record
    if not seen:
        raise ValueError(f"{path}: no row with a sequence; give a file with at least one")


def _record(place: str, identifier: str, raw: str, labels: Mapping[str, str], split: str = "") -> dict[str, str]:
    """Clean a sequence and make its record; an error names the place."""
    try:
        sequence = clean_sequence(raw)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
    if not sequence:
        raise ValueError(f"{place}: record {identifier!r} has no bases; add them or remove it")
    return {"id": identifier, "sequence": sequence} | {rank: labels.get(rank, "") for rank in RANKS} | {"split": split}


def _header(path: str, delimiter: str) -> list[str]:
    with open_ascii(path) as file:
        line = restore(file.readline().decode("ascii"))
    return [name.strip(' "').lower() for name in line.rstrip("\r\n").split(delimiter)]


def _read_table(path: str, delimiter: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each row with its place, by lower-case column names; a short row is an error."""
    csv.field_size_limit(2**31 - 1)  # for the whole process; the default of 128 KiB a field is less than a contig
    names = _header(path, delimiter)
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    with io.TextIOWrapper(open_ascii(path), "ascii", newline="") as text:
        reader = csv.reader(text, delimiter=delimiter, quoting=quoting)
        next(reader)
        for row in reader:
            place = f"{path}:{reader.line_num}"
            if row and len(row) != len(names):
                raise ValueError(
                    f"{place}: {len(row)} fields where the first line names {len(names)}; complete or remove the row"
                )
            if row:
                yield place, {name: restore(value).strip(' "') for name, value in zip(names, row, strict=True)}


def _read_barcodes(path: str, delimiter: str) -> Iterator[dict[str, str]]:
    """BOLD's and BIOSCAN's tables: many rows have no sequence, and a specimen may have several markers."""
    for number, (place, row) in enumerate(_read_table(path, delimiter), 1):
        given = {key: next((row[name] for name in names if name in row), "") for key, names in COLUMNS.items()}
        if given["sequence"].lower() in NO_SEQUENCE:
            continue
        marker = next((row[name] for name in MARKER_COLUMNS if name in row), "")
        identifier = given["id"] or f"row_{number}"
        if marker and not row.get("record_id"):
            identifier = f"{identifier}.{marker}"  # as BOLD makes its record_id
        yield _record(place, identifier, given["sequence"].strip("Nn-"), apply_label_policy(given), given["split"])


def _read_labels(path: str, delimiter: str) -> Iterator[dict[str, str]]:
    """DNABERT-S's tables: `sequence`, `label` and other columns; labels are no names, so no label policy applies."""
    for number, (place, row) in enumerate(_read_table(path, delimiter), 1):
        if "sequence" not in row:
            raise ValueError(f"{path}:1: no column 'sequence' beside 'label'; name one so")
        yield _record(place, str(number), row["sequence"], {"species": row["label"]}, row.get("split", ""))


def _read_cami(source: str) -> Iterator[dict[str, str]]:
    contigs, plus, mapping = source.partition("+")
    if not plus:
        raise ValueError(f"got cami:{source}, but it takes cami:CONTIGS.fasta.gz+MAPPING: name both files.")
    genomes = read_cami(mapping)
    for number, contig in enumerate(read_fasta(contigs), 1):
        labels = {"species": genomes.get(contig.id, "")}
        yield _record(f"{contigs}, record {number}", contig.id, contig.sequence, labels)


def _read_hub(source: str) -> Iterator[dict[str, str]]:
    from datasets import Value  # here, since the import takes seconds and only this form needs it

    name, _, revision = source.partition("@")
    for split, rows in load_commit(name, dataset_commit(name, revision or None)).items():
        columns = {column.lower(): column for column in rows.column_names}
        named = {key: next((columns[n] for n in names if n in columns), "") for key, names in COLUMNS.items()}
        if not named["sequence"]:
            there = ", ".join(map(repr, rows.column_names))
            raise ValueError(
                f"hub:{source}: no column for the sequence; the columns are {there}, "
                f"but one of {', '.join(map(repr, COLUMNS['sequence']))} is needed"
            )
        rows = rows.select_columns([column for column in named.values() if column])
        rows = rows.cast_column(named["sequence"], Value("string"))
        for number, row in enumerate(rows, 1):
            given = {key: str(row[column] or "") for key, column in named.items() if column}
            identifier = given.get("id") or f"{split}_{number}"
            place = f"hub:{source}, {split} row {number}"
            record = _record(
                place, identifier, given["sequence"], apply_label_policy(given), given.get("split") or split
            )
            yield from _with_our_splits([record])
