"""A sequence file in, its records and their unit vectors or bases at sites out: the first step of cluster and bin.

The file is read twice. The first reading checks and lists it, so that a mistake in the last line is reported before
anything is computed; the second one embeds it. Sequences are not kept in memory.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from ..embedding.embed import embed_blocks
from ..embedding.options import EmbedOptions
from ..kmers import OTHER
from ..reading.labels import read_labelled
from ..reading.sequences import AlphabetCounts
from ..vectors.shared_sites import AtSites, read_sites
from .distances import kmer_sets

BLOCK = 4096  # sequences that are held at once
_SIZE = re.compile(r";size=(\d+)(;|$)")


class Entry(NamedTuple):
    """A record without its sequence; species "": unknown."""

    id: str
    species: str
    bp: int
    size: int | None = None  # abundance; None: the file does not tell it

    @property
    def name(self) -> str:
        """The id without an abundance."""
        return _SIZE.sub("", self.id)


def list_entries(path: Path, split: str | None = None) -> list[Entry]:
    """Check a file and list its records, or those of a split; say on stderr what the alphabet policy changed.

    Raises:
        ValueError: a record is wrong, or the file cannot be read twice.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is no regular file, and it is read twice; write it to a file first")
    counts = AlphabetCounts()
    rows = read_labelled(path, split=split, counts=counts)
    entries = [Entry(row["id"], row["species"], len(row["sequence"]), abundance(row["id"])) for row in rows]
    sys.stderr.write(f"{path}: {counts.summary()}\n")
    return entries


def abundance(identifier: str) -> int | None:
    """The abundance that an id ends with, as vsearch writes it.

    >>> abundance("asv1;size=1000"), abundance("asv1")
    (1000, None)
    """
    found = _SIZE.search(identifier)
    return int(found[1]) if found else None


def place_entries(
    path: Path, total: int, model: Any, tokenizer: PreTrainedTokenizerBase
) -> tuple[AtSites, np.ndarray, np.ndarray]:
    """Place all records of a listed file, in its order.

    Args:
        path: The file.
        total: Number of its records, n.
        model: One that knows sites.
        tokenizer: The model's.

    Returns:
        What the model reads, with OTHER throughout where a record is not of its marker; which those are (n,) bool; and
        their `kmer_sets`.
    """
    bases = np.empty((total, model.config.sites), np.uint8, order="F")
    votes, reverse = np.empty(total, np.float32), np.empty(total, bool)
    sequences = (row["sequence"] for row in read_labelled(path))
    strange, kmers = np.empty(total, bool), []
    with tqdm(total=total, unit="seq", desc=path.name) as bar:
        for start in range(0, total, BLOCK):
            some = list(islice(sequences, BLOCK))
            read, rows = read_sites(model, tokenizer, some), slice(start, start + len(some))
            unplaced = read.votes < model.config.least_share
            unplaced |= (read.bases < OTHER).sum(1) < model.config.least_sites
            read.bases[unplaced] = OTHER
            bases[rows], votes[rows], reverse[rows], strange[rows] = *read, unplaced
            kmers.append(kmer_sets([some[row] for row in np.flatnonzero(unplaced)]))
            bar.update(len(some))
    return AtSites(bases, votes, reverse), strange, np.concatenate(kmers)


def embed_entries(
    path: Path,
    keep: Sequence[bool] | np.ndarray,
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    options: EmbedOptions,
    split: str | None = None,
) -> np.ndarray:
    """Embed records of a listed file, in the order of the file: unit vectors (kept, d) float32.

    Args:
        path: The file.
        keep: Which of its records to embed (n,), at least one.
        model: As `embed` takes it.
        tokenizer: The model's.
        options: How to embed; `normalize` is set here.
        split: The split that was listed.

    Raises:
        ValueError: the model gives NaN or infinity.
    """
    rows = read_labelled(path, split=split)
    sequences = (row["sequence"] for row, kept in zip(rows, keep, strict=True) if kept)
    with tqdm(total=int(np.sum(keep)), unit="seq", desc=path.name) as bar:
        blocks = embed_blocks(model, tokenizer, sequences, replace(options, normalize=True), report=bar.update)
        vectors = np.concatenate(list(blocks))
    if not np.isfinite(vectors).all():
        raise ValueError("the model gives NaN or infinity for some sequences; use --dtype float32 or another model")
    return vectors
