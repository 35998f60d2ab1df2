"""Vectors on disk: `open_writer` writes a file of them, `read_vectors` reads what this package wrote.

| name | holds |
|---|---|
| NAME.parquet | columns `id` and `embedding` (a list of fixed size), for int8 also `scale`; one row group a block |
| NAME.npy | the (n, width) array; beside it the ids, NAME.ids.txt, one a line, and for int8 NAME.scales.npy |
| NAME.safetensors | tensors `embeddings` (n, width), `ids` (UTF-8, joined by newlines) and for int8 `scales` |
| a folder | shards in parquet (shards.py) |

Numbers are stored as float32, float16 or int8 (precision.py) and read as float32. Memory does not grow with n.
"""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..machine.atomic import partial_path
from .formats import ids_file, scales_file
from .precision import widen
from .shards import complete_shards
from .writers import (
    SAFETENSORS_DTYPES,
    ParquetVectors,
    VectorWriter,
    check_room,
    npy_writer,
    safetensors_writer,
)

Blocks = Iterator[tuple[list[str], np.ndarray]]

BLOCK = 4096  # vectors read at once


def open_writer(path: Path, rows: int, hidden: int, ids_bytes: int, dtype: str = "float32") -> VectorWriter:
    """Open the writer for one file; the suffix of `path` tells the format.

    Args:
        path: the file; it appears when the writer finishes.
        rows: how many vectors will come.
        hidden: their width.
        ids_bytes: bytes of all ids in UTF-8, without separators.
        dtype: float32, float16 or int8.

    Raises:
        ValueError: the suffix is none of the three.
        OSError: the folder is missing or not writable, or the disk too small.
    """
    try:
        if path.suffix == ".parquet":
            check_room(path.parent, rows * hidden * np.dtype(dtype).itemsize + ids_bytes)
            return ParquetVectors(path, hidden, dtype)
        if path.suffix == ".npy":
            return npy_writer(path, rows, hidden, ids_bytes, dtype)
        if path.suffix == ".safetensors":
            return safetensors_writer(path, rows, hidden, ids_bytes, dtype)
    except BaseException:
        for unfinished in (path, ids_file(path), scales_file(path)):
            partial_path(unfinished).unlink(missing_ok=True)
        raise
    raise ValueError(f'{path}: the suffix "{path.suffix}" is unknown; write to .parquet, .npy or .safetensors')


def read_vectors(path: Path) -> Blocks:
    """Read a file or a folder of vectors: blocks of ids and float32 (rows, width), in order, in constant memory.

    Raises:
        ValueError: it is no such file, is damaged, or is a folder where shards are missing.
    """
    readers = {".parquet": _read_parquet, ".npy": _read_npy, ".safetensors": _read_safetensors}
    if path.is_dir():
        for shard in complete_shards(path):
            yield from _read_parquet(shard)
    elif path.suffix in readers:
        try:
            yield from readers[path.suffix](path)
        except OSError as error:
            raise ValueError(
                f"{error.filename or path}: {error.strerror or error}; give vectors of dnacse embed"
            ) from None
    else:
        raise ValueError(f"{path}: no vectors; give a folder, .parquet, .npy or .safetensors that dnacse embed wrote")


def _read_parquet(path: Path) -> Blocks:
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if not {"id", "embedding"} <= set(names):
                raise ValueError(f"{path}: no columns id and embedding, but {', '.join(names)}; give vectors")
            columns = [name for name in ("id", "embedding", "scale") if name in names]
            for batch in file.iter_batches(BLOCK, columns=columns):
                numbers = batch["embedding"].flatten().to_numpy().reshape(len(batch), -1)
                scales = batch["scale"].to_numpy() if "scale" in columns else None
                yield [str(name) for name in batch["id"].to_pylist()], widen(numbers, scales)
    except pa.ArrowException as error:
        raise ValueError(f"{path}: not readable as parquet ({str(error).splitlines()[0]}); embed again") from error


def _read_npy(path: Path) -> Blocks:
    try:
        numbers = np.load(path, mmap_mode="r")
        scales = np.load(scales_file(path), mmap_mode="r") if numbers.dtype == np.int8 else None
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: not readable as an array ({error}); embed again") from error
    with ids_file(path).open("rb") as lines:
        yield from _blocks(path, lines, numbers, scales)


def _read_safetensors(path: Path) -> Blocks:
    with path.open("rb") as file:
        try:
            length = int.from_bytes(file.read(8), "little")
            tensors = json.loads(file.read(min(length, 1 << 20)))
            dtypes = {kind: np.dtype(dtype) for dtype, kind in SAFETENSORS_DTYPES.items()}
            arrays = {}
            for name in {"embeddings", "scales"} & set(tensors):
                tensor = tensors[name]
                start, shape = 8 + length + tensor["data_offsets"][0], tuple(tensor["shape"])
                arrays[name] = np.memmap(path, dtypes[tensor["dtype"]], "r", offset=start, shape=shape)
            numbers = arrays["embeddings"]
            file.seek(8 + length + tensors["ids"]["data_offsets"][0])
        except (ValueError, KeyError) as error:
            raise ValueError(f"{path}: no safetensors file of ids and embeddings ({error!r}); embed again") from error
        yield from _blocks(path, file, numbers, arrays.get("scales"))


def _blocks(path: Path, lines: Iterator[bytes], numbers: np.ndarray, scales: np.ndarray | None) -> Blocks:
    """Pair lines of ids with rows of vectors; both must have the same number."""
    for start in range(0, len(numbers), BLOCK):
        rows = slice(start, start + BLOCK)
        ids = [line.rstrip(b"\n").decode() for line in islice(lines, len(numbers[rows]))]
        vectors = widen(np.array(numbers[rows]), None if scales is None else np.array(scales[rows]))
        if len(ids) != len(vectors):
            break
        yield ids, vectors
    else:
        if next(lines, None) is None:
            return
    raise ValueError(f"{path}: {len(numbers):,} vectors, but not as many ids; embed again")
