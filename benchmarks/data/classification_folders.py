"""Published classification data sets in, splits out: GUE's folders of CSV files, Genomic Benchmarks' of text files.

A source is a folder, or `hub:ORG/NAME[@REVISION][/FOLDER]`, that folder of a Hub data set, which is fetched (or found
in the Hub's cache). In it a split NAME is the first of these that there is:

- `NAME.csv` (GUE), `NAME.parquet`, `NAME-*.parquet` or `data/NAME-*.parquet` (the Hub): columns `sequence` or `seq`,
  and `label`;
- `NAME/CLASS/*.txt`, one sequence a file (Genomic Benchmarks).

Sequences are cleaned by the alphabet policy of modeling_dnacse/reading/sequences.py; the class is the label `label`,
a text.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from huggingface_hub import snapshot_download

from benchmarks.methods.method import Split
from modeling_dnacse.reading.formats import PARQUET, kind_of_file
from modeling_dnacse.reading.label_policy import COLUMNS
from modeling_dnacse.reading.sequences import clean_sequence
from modeling_dnacse.reading.tables import parquet_rows, table_rows

HUB = re.compile(r"hub:(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w.-]+))?(?:/(?P<folder>.+))?")
LABELLED = {"sequence": COLUMNS["sequence"], "label": ("label",), "split": COLUMNS["split"]}
NEEDED = ("sequence", "label")


def read_folder(source: str, names: tuple[str, ...]) -> tuple[Split, ...]:
    """Read the splits of one data set.

    Args:
        source: Folder, or a Hub data set after `hub:`.
        names: Names of the splits, all of which must be there.

    Raises:
        ValueError: The folder, a split, a column or a label is missing, or a sequence is no DNA.
        OSError: The Hub is out of reach.
    """
    folder = fetch(source)
    if not folder.is_dir():
        raise ValueError(f"got {source}, which is no folder: give that of one data set, or hub:ORG/NAME.")
    return tuple(read_split(folder, name) for name in names)


def fetch(source: str) -> Path:
    """Return the folder of a source, fetching it from the Hub where it says so."""
    if not source.startswith("hub:"):
        return Path(source)
    place = HUB.fullmatch(source)
    if place is None:
        raise ValueError(f"got {source}, but a Hub data set is written hub:ORG/NAME[@REVISION][/FOLDER].")
    patterns = f"{place['folder']}/*" if place["folder"] else None
    root = snapshot_download(place["name"], repo_type="dataset", revision=place["revision"], allow_patterns=patterns)
    return Path(root) / (place["folder"] or "")


def read_split(folder: Path, name: str) -> Split:
    """Read one split of a folder; ids are the places of its rows."""
    patterns = (f"{name}.csv", f"{name}.parquet", f"{name}-*.parquet", f"data/{name}-*.parquet")
    files = next((found for pattern in patterns if (found := sorted(folder.glob(pattern)))), [])
    texts = sorted(folder.glob(f"{name}/*/*.txt"))
    if not files and not texts:
        inside = sorted(str(path.parent.relative_to(folder)) for path in folder.glob(f"*/**/{name}.*"))
        raise ValueError(
            f"{folder} has neither {name}.csv, nor {name}*.parquet, nor {name}/CLASS/*.txt: give the folder of one "
            f"data set{f', such as {inside[0]} in it' if inside else ''}."
        )
    rows = [
        (f"{path.name}:{number}", row["sequence"], row["label"])
        for path in files
        for number, row in enumerate(label_rows(str(path)), 1)
    ] or [
        ("/".join(path.parts[-3:]), cleaned(path.read_text("utf-8", "replace"), str(path)), path.parent.name)
        for path in texts
    ]
    ids, sequences, labels = zip(*rows, strict=True) if rows else ((), (), ())
    return Split(np.array(ids, dtype=str), list(sequences), {"label": np.array(labels, dtype=str)})


def label_rows(path: str) -> Iterator[dict[str, str]]:
    """Yield `sequence` (cleaned), `label` as written and `split`, if there is one, of a table's rows.

    Raises:
        ValueError: With file and line: a column is missing, a row has no label, or a sequence is no DNA.
    """
    kind = kind_of_file(path)
    is_parquet = kind == PARQUET
    rows = parquet_rows(path, NEEDED, LABELLED) if is_parquet else table_rows(path, kind, NEEDED, LABELLED)
    for number, row in rows:
        place = f"{path}, row {number}" if is_parquet else f"{path}:{number}"
        if not row["label"]:
            raise ValueError(f"{place}: no label; give one or remove the row")
        yield row | {"sequence": cleaned(row["sequence"], place)}


def cleaned(sequence: str, place: str) -> str:
    """Apply the alphabet policy.

    Raises:
        ValueError: With the place: the sequence is empty or holds a character that is not a nucleotide.
    """
    try:
        bases = clean_sequence(sequence)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
    if not bases:
        raise ValueError(f"{place}: no bases; add them or remove it")
    return bases
