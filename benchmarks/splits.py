"""A labelled source in, its splits out, with what tells whether they may be trusted: digests and leaks."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.fingerprints import digest, folder_digest, split_digest
from benchmarks.methods import Split
from benchmarks.readers import read_records
from modeling_dnacse.labels import RANKS
from modeling_dnacse.provenance import sha256_of
from modeling_dnacse.sequences import reverse_complement


class Data(NamedTuple):
    """A source that was read."""

    name: str  # of its file or folder, never a path
    sha256: str  # of the file, of all files of a folder, or of the rows of what is neither
    splits: Mapping[str, Split]
    digests: Mapping[str, str]  # of the rows of each split


def describe(source: str, splits: Mapping[str, Split]) -> Data:
    """Name a source and its content."""
    digests = {name: split_digest(split) for name, split in splits.items()}
    path = Path(source)
    if path.is_dir():
        return Data(path.resolve().name, folder_digest(path), splits, digests)
    if path.is_file():
        return Data(path.name, sha256_of(path), splits, digests)
    # splits:train=FILE,test=FILE and the like name files; of hub:OWNER/NAME the owner belongs to the name
    name = source if source.startswith("hub:") else re.sub(r"[^:,=]*/", "", source)
    return Data(name, digest(digests), splits, digests)


def read_splits(source: str, max_sequences: int | None = None, seed: int = 0) -> dict[str, Split]:
    """Read all splits of a labelled source.

    Args:
        source: What `readers.read_records` takes.
        max_sequences: Keep only whole genera, drawn at random, as many as fit; None: all.
        seed: Seed of that draw.

    Raises:
        ValueError: As `read_records`, or no genus fits.
    """
    rows: dict[str, list[dict[str, str]]] = {}
    for record in read_records(source):
        rows.setdefault(record["split"], []).append(record)
    if max_sequences is not None:
        kept = draw_genera([record["genus"] for split in rows.values() for record in split], max_sequences, seed)
        if not kept:
            raise ValueError(f"{source} has no genus of at most {max_sequences} sequences: raise --max_sequences.")
        rows = {name: [record for record in split if record["genus"] in kept] for name, split in rows.items()}
    return {name: to_split(records) for name, records in rows.items()}


def to_split(records: Sequence[Mapping[str, str]]) -> Split:
    """Make a split of records; of none, an empty one with all ranks."""
    columns = {key: np.array([record[key] for record in records], dtype=str) for key in ("id", *RANKS)}
    return Split(columns.pop("id"), [record["sequence"] for record in records], columns)


def draw_genera(genera: Sequence[str], most: int, seed: int) -> set[str]:
    """Draw genera until the next would exceed so many sequences.

    >>> sorted(draw_genera(["Apis", "Apis", "Bombus"], 3, seed=0))
    ['Apis', 'Bombus']
    """
    names, counts = np.unique(genera, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    return set(names[order[np.cumsum(counts[order]) <= most]].tolist())


def take(data: Data, names: Sequence[str]) -> tuple[Split, ...]:
    """Take splits by name; one that the data lack is empty."""
    return tuple(data.splits.get(name) or to_split([]) for name in names)


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
