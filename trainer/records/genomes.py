"""Genomes for same_record_fragments: FASTA files or folders in, a table of their records out, without the bases.

A row of the table is a record of a file (a contig or chromosome): `path`, `index` and `record` say where its bases
are, `length` is its length in bp, and `id`, `species`, `genus`, `domain` and `split` label it. Labels come from the
header

    >contig7 species=Escherichia coli domain=Bacteria split=train

or, for a folder, from its `index.tsv`. That table has one line for each genome, with the columns genome_id and species
and, if known, genus, domain (or kingdom) and split. The records of the genome are in the file <genome_id>.fa (or
.fasta, .fna, .fas; all also .gz). A genome without a species counts as a species of its own, named by its genome_id.
In a folder without index.tsv, all FASTA files are used.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from datasets import Dataset as Records

from modeling_dnacse.reading.labels import apply_label_policy, labels_from_header
from trainer.command_line import refuse_given_twice
from trainer.records.fasta_index import index_fasta, indexed_headers
from trainer.records.records import table_on_disk

INDEX = "index.tsv"
SUFFIXES = tuple(
    f"{suffix}{compression}" for suffix in (".fa", ".fasta", ".fna", ".fas") for compression in ("", ".gz")
)
KINGDOM = ("domain", "kingdom", "superkingdom")  # the first one given counts
KEY_VALUE = re.compile(r"(?:^|\s)(\w+)=(.*?)(?=\s+\w+=|$)")


def load_genomes(files: list[str], split: str | None = None) -> Records:
    """The records of genomes in FASTA files and folders; files are indexed when they are first used.

    Args:
        files: FASTA files, plain or .gz, and folders of FASTA files.
        split: Keep only records, or genomes of an index.tsv, with this split.

    Raises:
        ValueError: a file is not what it should be (the message names file and line) or is given twice, or no record
            has the split.
    """

    def rows() -> Iterator[dict[str, str | int]]:
        count = 0
        for path, labels in (found for file in files for found in labelled_files(Path(file))):
            if labels is not None and split not in (None, labels["split"]):
                continue
            index = index_fasta(path)
            for number, (header, length) in enumerate(indexed_headers(index)):
                given = labels_of_header(header) if labels is None else labels
                if split in (None, given["split"]):
                    count += 1
                    place = {"path": str(path), "index": str(index), "record": number, "length": length}
                    yield {"id": header.split(maxsplit=1)[0]} | place | given
        if not count:
            raise ValueError(f"{', '.join(files)}: no record has the split {split!r}; check its name and the labels")

    refuse_given_twice(files, "each of its genomes would count twice")
    return table_on_disk(rows())


def labelled_files(path: Path) -> Iterator[tuple[Path, dict[str, str] | None]]:
    """FASTA files, each with the labels of all its records, or with None if its headers hold the labels.

    Raises:
        ValueError: there is no FASTA file, or index.tsv is wrong.
    """
    if not path.is_dir():
        if not path.name.endswith(SUFFIXES):
            raise ValueError(
                f"{path}: --pairing same_record_fragments takes FASTA files ({' '.join(SUFFIXES)}) and folders "
                "of FASTA files"
            )
        yield path, None
    elif (path / INDEX).exists():
        yield from indexed_files(path)
    else:
        files = sorted(file for file in path.iterdir() if file.name.endswith(SUFFIXES))
        if not files:
            raise ValueError(f"{path}: neither {INDEX} nor FASTA files ({' '.join(SUFFIXES)}) in this folder")
        yield from ((file, None) for file in files)


def indexed_files(folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """The file and the labels of each line of a folder's index.tsv.

    Raises:
        ValueError: a column or the file of a genome is missing.
    """
    there = {file.name: file for file in folder.iterdir()}
    with (folder / INDEX).open(encoding="utf-8", newline="") as text:
        lines = csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
        if not {"genome_id", "species"} <= set(lines.fieldnames or ()):
            raise ValueError(f"{folder / INDEX}:1: the columns genome_id and species are needed; name them so")
        for line in lines:
            name = line["genome_id"]
            files = [there[name + suffix] for suffix in SUFFIXES if name + suffix in there]
            if len(files) != 1:
                raise ValueError(
                    f"{folder / INDEX}:{lines.line_num}: {len(files)} files for genome {name!r}; "
                    f"one is needed, such as {name}.fa.gz: add or remove some"
                )
            labels = labels_of(line)
            yield files[0], labels | {"species": labels["species"] or name}


def labels_of_header(header: str) -> dict[str, str]:
    """The labels in a FASTA header.

    >>> labels_of_header("c7 species=Escherichia coli kingdom=Bacteria")
    {'species': 'Escherichia coli', 'genus': 'Escherichia', 'domain': 'Bacteria', 'split': ''}
    """
    return labels_of({key.lower(): value for key, value in KEY_VALUE.findall(header)} | labels_from_header(header))


def labels_of(given: Mapping[str, str]) -> dict[str, str]:
    """Species, genus, domain and split under the label policy; "" if unknown."""
    ranks = apply_label_policy(given)
    kingdom = next((given[name] for name in KINGDOM if given.get(name)), "")
    return {"species": ranks["species"], "genus": ranks["genus"], "domain": kingdom, "split": given.get("split") or ""}
