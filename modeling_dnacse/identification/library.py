"""The file of a labelled library in; ids, names and vectors of its records out."""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from ..embedding.embed import embed, embed_blocks
from ..reading.labels import RANKS, read_labelled
from ..reading.sequences import AlphabetCounts
from ..vectors.files import read_vectors

CHECKED = 16  # vectors of a file that are computed again
REMEDY = "embed the library again, with the model and the options of this call"
SAME = 0.999  # cosine of vectors that differ by rounding or by storing them as int8


class References(NamedTuple):
    """Ids (r,) and, for each rank, species first, the names (r,); "": none."""

    ids: list[str]
    labels: dict[str, list[str]]


def read_references(path: Path) -> References:
    """Read ids and names, checking every record.

    Raises:
        ValueError: as `read_labelled`.
    """
    counts = AlphabetCounts()
    references = References([], {rank: [] for rank in RANKS})
    for record in read_labelled(path, counts=counts):
        references.ids.append(record["id"])
        for rank in RANKS:
            references.labels[rank].append(sys.intern(record[rank]))
    sys.stderr.write(f"{path}: {counts.summary()}\n")
    return references


def embed_references(
    path: Path, count: int, model: Any, tokenizer: PreTrainedTokenizerBase, options: dict[str, Any]
) -> np.ndarray:
    """Embed a library of `count` records with a progress bar -> (count, d) float32."""
    vectors = np.empty((count, 0), np.float32)
    first = 0
    sequences = (record["sequence"] for record in read_labelled(path))
    with tqdm(total=count, unit="seq", desc="library") as bar:
        for block in embed_blocks(model, tokenizer, sequences, report=bar.update, **options):
            if not first:
                vectors = np.empty((count, block.shape[1]), np.float32)
            vectors[first : first + len(block)] = block
            first += len(block)
    return vectors


def load_vectors(
    path: Path, library: Path, ids: list[str], model: Any, tokenizer: PreTrainedTokenizerBase, options: dict[str, Any]
) -> np.ndarray:
    """Read the vectors of a library from the file that `dnacse embed` made of it -> (r, d) float32.

    Some are computed again: that tells another model or other options, without trusting what a file says of itself.

    Raises:
        ValueError: the file is none of vectors, is of other records, or of another model.
    """
    blocks, first = [], 0
    for names, block in read_vectors(path):
        if names != ids[first : first + len(names)]:
            raise ValueError(
                f"{path} has other ids than {library}, from record {first + 1} on or soon after; {REMEDY}"
            )
        blocks.append(block)
        first += len(names)
    if first != len(ids):
        raise ValueError(f"{path} has {first:,} vectors, {library} {len(ids):,} records; {REMEDY}")
    vectors = np.concatenate(blocks)
    rows = np.unique(np.linspace(0, len(ids) - 1, CHECKED).astype(int))
    wanted = set(rows.tolist())
    sequences = [record["sequence"] for row, record in enumerate(read_labelled(library)) if row in wanted]
    again = embed(model, tokenizer, sequences, **options)
    there = vectors[rows]
    if again.shape != there.shape:
        raise ValueError(f"{path} has vectors of {there.shape[1]} numbers, the model {again.shape[1]}; {REMEDY}")
    lengths = np.linalg.norm(again, axis=1) * np.linalg.norm(there, axis=1)
    if not np.all(np.einsum("nd,nd->n", again, there) >= SAME * lengths):
        raise ValueError(f"{path} has other vectors than the model gives with these options; {REMEDY}")
    return vectors
