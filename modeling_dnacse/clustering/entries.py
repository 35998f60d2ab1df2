"""A sequence file in, its records and their unit vectors or bases at sites out: for cluster, bin and calibrate.

The file is read twice. The first reading checks and lists it, so that a mistake in the last line is reported before
anything is computed; the second one embeds it. Sequences are not kept in memory. The first reading needs no torch.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..reading.rereading import RecordFile
from ..reading.sequences import AlphabetCounts

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedTokenizerBase

    from ..embedding.options import EmbedOptions
    from ..vectors.at_sites import AtSites

BLOCK = 4096  # sequences that are placed at once


class Entry(NamedTuple):
    """A record without its sequence; species "": unknown."""

    id: str
    species: str
    bp: int
    size: int = 1  # abundance


class Listing(NamedTuple):
    """The records of a file, or of one of its splits, and the file to read them from again."""

    file: RecordFile
    entries: list[Entry]


def list_entries(path: Path, split: str | None = None) -> Listing:
    """Check a file and list its records, or those of a split; report on stderr what the alphabet policy changed.

    Raises:
        ValueError: a record is wrong, or the file cannot be read twice.
    """
    counts, file = AlphabetCounts(), RecordFile(path, split)
    entries = []
    for record in file.read(counts):
        if not record.sequence.strip("N"):
            raise ValueError(f"{path}: record {record.id!r} holds nothing but N; remove it")
        entries.append(Entry(record.id, record.labels.get("species", ""), len(record.sequence), record.size))
    sys.stderr.write(f"{path}: {counts.summary()}\n")
    return Listing(file, entries)


def id_cut_in_fasta(entries: Sequence[Entry]) -> str:
    """The first id that FASTA cannot hold, since programs end an id at the first white space there; "": none.

    >>> id_cut_in_fasta([Entry("a", "", 4), Entry("plot 1", "", 4)])
    'plot 1'
    """
    return next((entry.id for entry in entries if entry.id.split() != [entry.id]), "")


def check_fasta_ids(listing: Listing, output: Path) -> None:
    """Check that records can be written as FASTA under the ids that the tables of the same run have.

    Raises:
        ValueError: an id holds white space.
    """
    if identifier := id_cut_in_fasta(listing.entries):
        raise ValueError(
            f"{listing.file.path}: id {identifier[:100]!r} holds white space, where programs that read the FASTA of "
            f"{output} would end it; write ids without, such as {'_'.join(identifier.split())[:100]!r}"
        )


def embed_entries(
    listing: Listing,
    keep: "Sequence[bool] | np.ndarray",
    model: Any,
    tokenizer: "PreTrainedTokenizerBase",
    options: "EmbedOptions",
) -> "np.ndarray":
    """Embed records of a listed file, in the order of the file: unit vectors (kept, d) float32.

    Args:
        listing: The file and its records.
        keep: Which of its records to embed (n,), at least one.
        model: As `embed` takes it.
        tokenizer: The model's.
        options: How to embed; `normalize` is set here.

    Raises:
        ValueError: the model gives NaN or infinity, or the file changed.
    """
    import numpy as np

    from ..embedding.embed import embed_blocks
    from ..machine.progress import progress_bar

    sequences = (record.sequence for record, kept in zip(listing.file.read(), keep, strict=True) if kept)
    with progress_bar(int(np.sum(keep)), listing.file.path.name) as bar:
        blocks = embed_blocks(model, tokenizer, sequences, replace(options, normalize=True), report=bar.update)
        vectors = np.concatenate(list(blocks))
    if not np.isfinite(vectors).all():
        raise ValueError("the model gives NaN or infinity for some sequences; use --dtype float32 or another model")
    return vectors


def place_entries(listing: Listing, model: Any, tokenizer: "PreTrainedTokenizerBase") -> "AtSites":
    """Place all n records of a listed file, in its order.

    Args:
        listing: The file and its records.
        model: A model with sites.
        tokenizer: The model's.

    Returns:
        What the model reads; a record that is not of its marker has OTHER at all sites.

    Raises:
        ValueError: the file changed.
    """
    from ..kmers import OTHER
    from ..machine.progress import progress_bar
    from ..vectors.at_sites import joined, read_sites

    def blocks() -> "Iterator[AtSites]":
        sequences = (record.sequence for record in listing.file.read())
        while some := list(islice(sequences, BLOCK)):
            read = read_sites(model, tokenizer, some)
            read.bases[~read.placed] = OTHER
            yield read
            bar.update(len(some))

    with progress_bar(len(listing.entries), listing.file.path.name) as bar:
        return joined(blocks(), len(listing.entries), model.config.sites)
