"""One reader for every labelled source of the benchmarks: its name in, a stream of records out.

A record is a dict of strings: `id`, `sequence` (cleaned), the six ranks of modeling_dnacse/reading/labels.py and
`split`, "" where the source does not say. What a source may be (benchmarks/DATA.md says where to get each):

| source | what |
|---|---|
| a file | as `read_labelled` takes it: our tables, FASTA with headers of any style that the package knows |
| a table with the columns of BOLD, BIOSCAN-5M or BarcodeBERT | likewise, and N at the ends are cut |
| a table with a column `label` and none of species, as DNABERT-S's | the label is the species, as written |
| `cami:CONTIGS.fasta.gz+MAPPING` | CAMI's gold standard, see `cami`: the genome is the species, as written |
| `hub:ORG/NAME[@REVISION]` | any data set of the Hub with our columns, which is downloaded (see `pin`) |
| `splits:NAME=FILE,NAME=FILE` | several files, each a split: `splits:train=train.csv,unseen_test=unseen.csv` |

The splits of other authors get our names (`SPLIT_NAMES`), also as the NAME of a file. Nothing but Hub data is
downloaded. `files_of_source` says which files a source names, so that scripts can refuse to replace them.

The package reads every file and table; this file has only the rules that differ.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from benchmarks.data.cami import read_cami
from benchmarks.data.classification_folders import cleaned, label_rows
from modeling_dnacse.loading.hub_datasets import dataset_commit, load_commit
from modeling_dnacse.machine.outputs import check_plain
from modeling_dnacse.reading.formats import FASTA, PARQUET, kind_of_file
from modeling_dnacse.reading.label_policy import COLUMNS, RANKS, apply_label_policy, column_name, pick_columns
from modeling_dnacse.reading.labels import read_labelled
from modeling_dnacse.reading.sequences import read_fasta
from modeling_dnacse.reading.tables import find_delimiter, first_line

SPLITS = ("train", "val", "test", "unseen_val", "unseen_test", "novel_test")
SEEN = SPLITS[:3]  # of the same species
SPLIT_NAMES = {
    "validation": "val",
    "dev": "val",
    "test_seen": "test",
    "val_unseen": "unseen_val",
    "test_unseen": "unseen_test",
}
BARCODE_COLUMNS = {"nuc", "nucraw", "nucleotides", "dna_barcode"}


def read_source(source: str) -> Iterator[dict[str, str]]:
    """Stream the labelled records of a source (see the head of this file).

    Args:
        source: A file's path, or one of the forms with a prefix.

    Raises:
        ValueError: with file and line (or record) and remedy, as `read_labelled`; or the data set is out of reach.
    """
    scheme, colon, rest = source.partition(":")
    if colon and scheme == "splits":
        for name, path in _named_files(source):
            yield from _with_our_splits(record | {"split": name} for record in read_source(path))
    elif colon and scheme == "hub":
        yield from _read_hub(rest)
    elif colon and scheme == "cami":
        yield from _read_cami(rest)
    else:
        yield from _with_our_splits(_read_file(source))


def files_of_source(source: str) -> list[str]:
    """Name the files that `read_source` reads.

    Raises:
        ValueError: A part of the source is no NAME=FILE.

    >>> files_of_source("splits:val=cami:a.fasta+b.tsv,test=c.tsv"), files_of_source("hub:someone/barcodes")
    (['a.fasta', 'b.tsv', 'c.tsv'], [])
    """
    scheme, colon, rest = source.partition(":")
    if colon and scheme == "splits":
        return [file for _, path in _named_files(source) for file in files_of_source(path)]
    if colon and scheme == "cami":
        return [file for file in rest.partition("+")[::2] if file]
    return [] if colon and scheme == "hub" else [source]


def our_split(name: str) -> str:
    """Translate another author's name of a split.

    >>> our_split("validation"), our_split("train")
    ('val', 'train')
    """
    return SPLIT_NAMES.get(name, name)


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
    """Read a file as the package does, except for two kinds of tables."""
    if Path(path).is_dir():
        raise ValueError(f"{path} is a folder; give a file of labelled sequences")
    check_plain([path])
    columns = _columns(path)
    if columns & BARCODE_COLUMNS:
        return _without_ends(path, read_labelled(path))
    if "label" in columns and not columns & set(COLUMNS["species"]):
        return _read_labels(path)
    return read_labelled(path)


def _columns(path: str) -> set[str]:
    """Names of a text table's columns; none of any other file, nor of a pipe, which is read once only."""
    kind = kind_of_file(path)
    if kind in (FASTA, PARQUET) or not Path(path).is_file():
        return set()
    line = first_line(path)
    return {column_name(name) for name in line.split(find_delimiter(line, kind, ("sequence",)))}


def _with_our_splits(records: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    return (record | {"split": our_split(record["split"])} for record in records)


def _named_files(source: str) -> Iterator[tuple[str, str]]:
    for part in source.removeprefix("splits:").split(","):
        name, equals, path = part.partition("=")
        if not equals:
            raise ValueError(f"got {part!r} in {source}, but it takes NAME=FILE for each split: complete it.")
        yield name, path


def _record(identifier: str, sequence: str, labels: Mapping[str, str], split: str = "") -> dict[str, str]:
    return {"id": identifier, "sequence": sequence} | {rank: labels.get(rank, "") for rank in RANKS} | {"split": split}


def _without_ends(path: str, records: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Cut the N at both ends, by which these tables bring barcodes to one length."""
    for record in records:
        sequence = record["sequence"].strip("N")
        if not sequence:
            raise ValueError(f"{path}: record {record['id']!r} has no bases but N; add them or remove it")
        yield record | {"sequence": sequence}


def _read_labels(path: str) -> Iterator[dict[str, str]]:
    """DNABERT-S's tables: `sequence`, `label` and other columns; labels are not names, so no label policy applies."""
    for number, row in enumerate(label_rows(path), 1):
        yield _record(str(number), row["sequence"], {"species": row["label"]}, row.get("split", ""))


def _read_cami(source: str) -> Iterator[dict[str, str]]:
    contigs, plus, mapping = source.partition("+")
    if not plus:
        raise ValueError(f"got cami:{source}, but it takes cami:CONTIGS.fasta.gz+MAPPING: name both files.")
    genomes = read_cami(mapping)
    for contig in read_fasta(contigs):
        yield _record(contig.id, contig.sequence, {"species": genomes.get(contig.id, "")})


def _read_hub(source: str) -> Iterator[dict[str, str]]:
    from datasets import Value  # here, since the import takes seconds and only this form needs it

    name, _, revision = source.partition("@")
    for split, rows in load_commit(name, dataset_commit(name, revision or None)).items():
        named = pick_columns({column_name(column): column for column in rows.column_names})
        if "sequence" not in named:
            there = ", ".join(map(repr, rows.column_names))
            raise ValueError(
                f"hub:{source}: no column for the sequence; the columns are {there}, "
                f"but one of {', '.join(map(repr, COLUMNS['sequence']))} is needed"
            )
        rows = rows.select_columns(list(named.values()))
        rows = rows.cast_column(named["sequence"], Value("string"))
        for number, row in enumerate(rows, 1):
            given = {key: str(row[column] or "") for key, column in named.items()}
            identifier = given.get("id") or f"{split}_{number}"
            place = f"hub:{source}, {split} row {number}"
            sequence = cleaned(given["sequence"], place)
            record = _record(identifier, sequence, apply_label_policy(given), given.get("split") or split)
            yield from _with_our_splits([record])
