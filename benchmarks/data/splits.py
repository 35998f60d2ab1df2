"""A labelled source in, its splits out, with digests of them and a count of leaked sequences."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.data.readers import SEEN, read_source
from benchmarks.methods.method import Split
from benchmarks.provenance.fingerprints import digest, folder_digest, split_digest
from modeling_dnacse.machine.provenance import sha256_of
from modeling_dnacse.reading.labels import RANKS
from modeling_dnacse.reading.sequences import reverse_complement

PARTS = re.compile(r"[^:,=+]+")  # the parts of splits:NAME=FILE,... and cami:CONTIGS+MAPPING


class Data(NamedTuple):
    """A source that was read."""

    name: str  # of its file or folder, never a path
    place: str  # sha256 of where it is: distinguishes two files of one name without stating their paths
    sha256: str  # of the file, of all files of a folder, or of the rows of what is neither
    splits: Mapping[str, Split]
    digests: Mapping[str, str]  # of the rows of each split


def describe(source: str, splits: Mapping[str, Split]) -> Data:
    """Name a source and its content."""
    digests = {name: split_digest(split) for name, split in splits.items()}
    path, place = Path(source), digest(locate(source))
    if path.is_dir():
        return Data(name_in_folder(path), place, folder_digest(path), splits, digests)
    if path.is_file():
        return Data(path.name, place, sha256_of(path), splits, digests)
    # of hub:OWNER/NAME the owner belongs to the name
    name = source if source.startswith("hub:") else PARTS.sub(lambda part: name_of_part(Path(part[0])), source)
    return Data(name, place, digest(digests), splits, digests)


def name_of_part(path: Path) -> str:
    """Name a part of a source: a file with its folder; a Hub data set by what follows the last /."""
    return name_in_folder(path) if path.is_file() else path.name


def name_in_folder(path: Path) -> str:
    """Name one of a collection's folders or files, whose own names repeat, with the folder that it is in.

    >>> name_in_folder(Path("/GUE/mouse/0")), name_in_folder(Path("/DNABERT-S/marine/clustering_0.tsv"))
    ('mouse-0', 'marine-clustering_0.tsv')
    """
    place = path.resolve()
    return f"{place.parent.name.replace('.', '-')}-{place.name}"  # at its first dot a name's endings would begin


def locate(source: str) -> str:
    """Write where a source is, independent of its content: files by their full paths, Hub data without their revision.

    >>> locate("hub:someone/barcodes@v1.0")
    'hub:someone/barcodes'
    """
    if Path(source).exists():
        return str(Path(source).resolve())
    return PARTS.sub(lambda part: place_of_part(Path(part[0])), source)


def place_of_part(path: Path) -> str:
    """Write where a part of a source is: a file's full path; anything else as written, without a revision."""
    return str(path.resolve()) if path.is_file() else re.sub(r"@[\w.-]+", "", str(path))


def read_splits(source: str, max_sequences: int | None = None, seed: int = 0) -> dict[str, Split]:
    """Read all splits of a labelled source.

    Args:
        source: What `readers.read_source` takes.
        max_sequences: Keep only whole genera, drawn at random, as many as fit; None: all.
        seed: Seed of that draw.

    Raises:
        ValueError: As `read_source`; a sequence holds nothing but N; or no genus fits.
    """
    rows: dict[str, list[dict[str, str]]] = {}
    for record in read_source(source):
        if not record["sequence"].strip("N"):
            raise ValueError(f"{source}: record {record['id']!r} has no bases but N; add them or remove it")
        rows.setdefault(record["split"], []).append(record)
    if max_sequences is not None:
        kept = draw_genera([record["genus"] for split in rows.values() for record in split], max_sequences, seed)
        if not kept:
            raise ValueError(
                f"{source}: the first genus drawn has over {max_sequences} sequences: raise --max_sequences."
            )
        rows = {name: [record for record in split if record["genus"] in kept] for name, split in rows.items()}
    return {name: to_split(records) for name, records in rows.items()}


def to_split(records: Sequence[Mapping[str, str]]) -> Split:
    """Make a split of records; of none, an empty one with all ranks."""
    columns = {key: np.array([record[key] for record in records], dtype=str) for key in ("id", *RANKS)}
    return Split(columns.pop("id"), [record["sequence"] for record in records], columns)


def draw_genera(genera: Sequence[str], most: int, seed: int) -> set[str]:
    """Draw genera until the next would exceed this number of sequences.

    >>> sorted(draw_genera(["Apis", "Apis", "Bombus"], 3, seed=0))
    ['Apis', 'Bombus']
    """
    names, counts = np.unique(genera, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    return set(names[order[np.cumsum(counts[order]) <= most]].tolist())


def take(data: Data, names: Sequence[str]) -> tuple[Split, ...]:
    """Take splits by name; one that the data lack is empty."""
    return tuple(data.splits.get(name) or to_split([]) for name in names)


def seen_and_unseen(records: Sequence[Mapping[str, str]]) -> list[str]:
    """Name the species of train, val or test that are in a split of unseen species, too."""
    seen, unseen = ({r["species"] for r in records if (r["split"] in SEEN) is known} for known in (True, False))
    return sorted(seen & unseen - {""})


def count_leaked(splits: Sequence[Split]) -> int:
    """Count the rows whose sequence, on either strand, is also in an earlier split.

    >>> count_leaked([Split(np.array(["a"]), ["AAC"], {}), Split(np.array(["b", "c"]), ["GTT", "CCC"], {})])
    1
    """
    seen: set[str] = set()
    leaked = 0
    for split in splits:
        either = [min(sequence, reverse_complement(sequence)) for sequence in split.sequences]
        leaked += sum(sequence in seen for sequence in either)
        seen.update(either)
    return leaked
