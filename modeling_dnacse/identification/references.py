"""The file of a labelled library in; ids, names and vectors of its records out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..reading.label_policy import RANKS
from ..reading.rereading import RecordFile
from ..reading.sequences import AlphabetCounts

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedTokenizerBase

    from ..embedding.options import EmbedOptions

CHECKED = 16  # vectors of a file that are computed again
REMEDY = "embed the library again, with the model and the options of this call"
SAME_COSINE = 0.999  # or more between two vectors that differ only by rounding, or by storing one as int8


class References(NamedTuple):
    """Ids of the references (r,) and their names at each rank (r,), species first; "": no name."""

    file: RecordFile
    ids: list[str]
    labels: dict[str, list[str]]


def read_references(path: Path) -> References:
    """Read ids and names, and check every record.

    Raises:
        ValueError: as `read_labelled`.
    """
    counts = AlphabetCounts()
    references = References(RecordFile(path), [], {rank: [] for rank in RANKS})
    for record in references.file.read(counts):
        references.ids.append(record["id"])
        for rank in RANKS:
            references.labels[rank].append(sys.intern(record[rank]))
    sys.stderr.write(f"{path}: {counts.summary()}\n")
    return references


def embed_references(
    references: References, model: Any, tokenizer: "PreTrainedTokenizerBase", options: "EmbedOptions"
) -> "np.ndarray":
    """Embed a library of r records with a progress bar: (r, d) float32."""
    import numpy as np
    from tqdm.auto import tqdm

    from ..embedding.embed import embed_blocks

    count = len(references.ids)
    vectors = np.empty((count, options.vector_width(model)), np.float32)
    first = 0
    sequences = (record["sequence"] for record in references.file.read())
    with tqdm(total=count, unit="seq", desc="library") as bar:
        for block in embed_blocks(model, tokenizer, sequences, options, report=bar.update):
            vectors[first : first + len(block)] = block
            first += len(block)
    return vectors


def load_vectors(
    path: Path, references: References, model: Any, tokenizer: "PreTrainedTokenizerBase", options: "EmbedOptions"
) -> "np.ndarray":
    """Read the vectors of a library from a file that `dnacse embed` made: (r, d) float32.

    Some of them are computed again. This detects another model or other options, whatever the file claims to be.

    Raises:
        ValueError: the file holds no vectors, or those of other records or of another model.
    """
    import numpy as np

    from ..embedding.embed import embed_blocks
    from ..vectors.files import read_vectors

    library, ids = references.file.path, references.ids
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
    sequences = [record["sequence"] for row, record in enumerate(references.file.read()) if row in wanted]
    expected = np.concatenate(list(embed_blocks(model, tokenizer, sequences, options)))
    stored = vectors[rows]
    if expected.shape != stored.shape:
        raise ValueError(
            f"{path} has vectors of {stored.shape[1]} numbers, the model gives {expected.shape[1]}; {REMEDY}"
        )
    lengths = np.linalg.norm(expected, axis=1) * np.linalg.norm(stored, axis=1)
    if not np.all(np.einsum("nd,nd->n", expected, stored) >= SAME_COSINE * lengths):
        raise ValueError(f"{path} has other vectors than the model gives with these options; {REMEDY}")
    return vectors
