"""A sequence file in; what is known of each record, and its unit vector, out: where cluster, bin and calibrate start.

The file is read twice, first to check and list it, so that a mistake in its last line is told before it is embedded.
Sequences are never held.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from ..embedding.embed import embed_blocks
from ..reading.labels import read_labelled
from ..reading.sequences import AlphabetCounts


class Entry(NamedTuple):
    """A record without its sequence; species "": unknown."""

    id: str
    species: str
    bp: int


def list_entries(path: Path, split: str | None = None) -> list[Entry]:
    """Check a file and list its records, or those of a split; what the alphabet policy changed is told on stderr.

    Raises:
        ValueError: a record is wrong, or the file cannot be read twice.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is no regular file, and it is read twice; write it to a file first")
    counts = AlphabetCounts()
    rows = read_labelled(path, split=split, counts=counts)
    entries = [Entry(row["id"], row["species"], len(row["sequence"])) for row in rows]
    sys.stderr.write(f"{path}: {counts.summary()}\n")
    return entries


def embed_entries(
    path: Path,
    keep: Sequence[bool] | np.ndarray,
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    options: dict[str, Any],
    split: str | None = None,
) -> np.ndarray:
    """Embed records of a listed file, in its order: unit vectors (kept, d) float32.

    Args:
        path: The file.
        keep: Which of its records to embed (n,), one at least.
        model: As `embed` takes it.
        tokenizer: The model's.
        options: What else `embed_blocks` takes, from `embedding_options`.
        split: As it was listed.

    Raises:
        ValueError: the model gives NaN or infinity.
    """
    rows = read_labelled(path, split=split)
    sequences = (row["sequence"] for row, kept in zip(rows, keep, strict=True) if kept)
    with tqdm(total=int(np.sum(keep)), unit="seq", desc=path.name) as bar:
        blocks = embed_blocks(model, tokenizer, sequences, report=bar.update, **{**options, "normalize": True})
        vectors = np.concatenate(list(blocks))
    if not np.isfinite(vectors).all():
        raise ValueError("the model gives NaN or infinity for some sequences; use --dtype float32 or another model")
    return vectors
