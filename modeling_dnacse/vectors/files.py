"""Files of vectors: `open_writer` writes one, `read_vectors` reads what this package wrote.

| name | holds |
|---|---|
| NAME.parquet | columns `id` and `embedding` (a list of fixed size), for int8 also `scale`; one row group per block |
| NAME.npy | the (n, width) array; NAME.ids.txt beside it has the ids, one per line; for int8 also NAME.scales.npy |
| NAME.safetensors | tensors `embeddings` (n, width), `ids` (UTF-8, joined by newlines) and for int8 `scales` |
| a folder | shards in parquet (shards.py) |

Numbers are stored as float32, float16 or int8 (precision.py) and read as float32. Memory does not grow with n, but for
the hashes of ids that are read.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import safe_open

from ..machine.atomic import lock_output, partial_path
from ..machine.control_characters import refuse_controls
from ..machine.file_names import given_path
from ..machine.stamps import check_stamp, stamp_of
from ..reading.seen_ids import SeenIds
from .formats import OUTPUT_DTYPES, SUFFIXES, check_parts, files_beside, ids_file, scales_file
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
BYTES = 1 << 20  # of ids read at once
REMEDY = "give vectors that dnacse embed wrote, or embed again"


def open_writer(path: Path, rows: int, hidden: int, ids_bytes: int, dtype: str = "float32") -> VectorWriter:
    """Open the writer for one file; the suffix of `path` selects the format.

    Args:
        path: the file; it appears when the writer finishes.
        rows: number of vectors.
        hidden: their width.
        ids_bytes: bytes of all ids in UTF-8, without separators.
        dtype: float32, float16 or int8.

    Raises:
        ValueError: the suffix is none of the three.
        OSError: the folder is missing or not writable, or the disk is too small.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(f'{path}: the suffix "{path.suffix}" is unknown; write to .parquet, .npy or .safetensors')
    if path.suffix == ".parquet":
        check_room(path.parent, rows * hidden * np.dtype(dtype).itemsize + ids_bytes)
        return ParquetVectors(path, hidden, dtype)
    lock = lock_output(path, *files_beside(path))
    try:
        if path.suffix == ".npy":
            return npy_writer(path, rows, hidden, dtype, lock)
        return safetensors_writer(path, rows, hidden, ids_bytes, dtype, lock)
    except BaseException:
        for unfinished in (path, *files_beside(path)):
            partial_path(unfinished).unlink(missing_ok=True)
        lock.release()
        raise


def read_vectors(path: Path | str) -> Blocks:
    """Read a file or a folder of vectors: blocks of ids and float32 (rows, width), in order.

    Memory grows by 16 to 32 bytes for each id, since repeated ones are looked for.

    Raises:
        ValueError: it is no such file, is damaged, holds NaN, infinity, a vector of zeros, or an id that is empty, was
            used before, or holds a control character; changes while it is read; or is a folder where shards are
            missing.
    """
    path = Path(given_path(path))
    readers = {".parquet": _read_parquet, ".npy": _read_npy, ".safetensors": _read_safetensors}
    if not path.is_dir() and path.suffix not in readers:
        raise ValueError(f"{path}: no vectors; give a folder, .parquet, .npy or .safetensors that dnacse embed wrote")
    check_parts(path)
    files = complete_shards(path) if path.is_dir() else [path]
    beside = [file for file in files_beside(path) if file.exists()]
    stamps = {file: stamp_of(file) for file in [*files, *beside]}
    width, seen = None, SeenIds()
    for file in files:
        for ids, vectors in _checked(file, readers[file.suffix](file), seen):
            if vectors.shape[1] != (width or vectors.shape[1]):
                raise ValueError(f"{file}: vectors of {vectors.shape[1]} numbers, those before of {width}; {REMEDY}")
            width = vectors.shape[1]
            yield ids, vectors
    for file, stamp in stamps.items():
        check_stamp(file, stamp)


def _checked(path: Path, blocks: Blocks, seen: SeenIds) -> Blocks:
    """Pass blocks on whose ids and numbers are such as `dnacse embed` writes; `seen` holds the ids before them.

    Raises:
        ValueError: they are not, or a library cannot read them; the message names the file.
    """
    row = 0
    while True:
        try:
            ids, vectors = next(blocks)
        except StopIteration:
            break
        except MemoryError:
            raise
        except Exception as error:  # the libraries raise many classes for invalid bytes
            said = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
            reason = (said.strip().splitlines() or [type(error).__name__])[0][:200]
            raise ValueError(f"{path}: not readable as vectors ({reason}); {REMEDY}") from error
        for wrong, what in ((~np.isfinite(vectors).all(1), "NaN or infinity"), (~vectors.any(1), "zeros only")):
            if wrong.any():
                place = int(wrong.argmax())
                raise ValueError(
                    f"{path}: vector {row + place + 1:,}, of {ids[place][:100]!r}, holds {what}; {REMEDY}"
                )
        for place, name in enumerate(ids, row + 1):
            refuse_controls(f"{path}, vector {place:,}", name, f"the id {name[:100]!r}")
            if not name or not seen.add(name):
                what = f"the id {name[:100]!r} was used before" if name else "the id is empty"
                raise ValueError(f"{path}: vector {place:,}: {what}; {REMEDY}")
        row += len(ids)
        yield ids, vectors
    if not row:
        raise ValueError(f"{path}: no vectors in it; {REMEDY}")


def _read_parquet(path: Path) -> Blocks:
    with path.open("rb") as opened, pq.ParquetFile(opened, page_checksum_verification=True) as file:
        schema = file.schema_arrow
        if not {"id", "embedding"} <= set(schema.names):
            raise ValueError(f"no columns id and embedding, but {', '.join(schema.names)[:100]}")
        kind = schema.field("embedding").type
        width = kind.list_size if pa.types.is_fixed_size_list(kind) else 0
        stored = np.dtype(kind.value_type.to_pandas_dtype()).name if width else ""
        if stored not in OUTPUT_DTYPES or not pa.types.is_string(schema.field("id").type):
            raise ValueError(f"the columns are {schema.field('id').type} and {kind}, not text and lists of numbers")
        columns = ["id", "embedding", *(["scale"] if stored == "int8" else [])]
        for batch in file.iter_batches(BLOCK, columns=columns):
            if any(column.null_count for column in [*batch.columns, batch["embedding"].values]):
                raise ValueError("a cell is empty")
            numbers = batch["embedding"].flatten().to_numpy().reshape(len(batch), width)
            scales = batch["scale"].to_numpy() if stored == "int8" else None
            yield batch["id"].to_pylist(), widen(numbers, scales)


def _read_npy(path: Path) -> Blocks:
    numbers = np.lib.format.open_memmap(path, mode="r")
    _check_shape(numbers.shape, str(numbers.dtype))
    scales = None
    if numbers.dtype == np.int8:
        scales = np.lib.format.open_memmap(scales_file(path), mode="r")
        _check_scales(scales.shape, str(scales.dtype), len(numbers))
    with ids_file(path).open("rb") as lines:
        yield from _blocks(lines, len(numbers), numbers, scales)


def _read_safetensors(path: Path) -> Blocks:
    with safe_open(path, "np") as file:
        missing = {"ids", "embeddings"} - set(file.keys())
        if missing:
            raise ValueError(f"no tensor {' and '.join(sorted(missing))}")
        numbers, ids = file.get_slice("embeddings"), file.get_slice("ids")
        dtypes = {kind: name for name, kind in SAFETENSORS_DTYPES.items()}
        stored = dtypes.get(numbers.get_dtype()) or str(numbers.get_dtype())
        _check_shape(tuple(numbers.get_shape()), stored)
        if (ids.get_dtype(), len(ids.get_shape())) != ("U8", 1):
            raise ValueError(f"ids are {ids.get_dtype()} {ids.get_shape()}, not bytes")
        scales = None
        if stored == "int8":
            scales = file.get_slice("scales")
            _check_scales(tuple(scales.get_shape()), dtypes.get(scales.get_dtype(), ""), numbers.get_shape()[0])
        yield from _blocks(_lines(ids), numbers.get_shape()[0], numbers, scales)


def _check_shape(shape: tuple[int, ...], dtype: str) -> None:
    if len(shape) != 2 or min(shape) < 1 or dtype not in OUTPUT_DTYPES:
        raise ValueError(f"an array of {dtype} with the shape {shape}, not (vectors, width) of numbers")


def _check_scales(shape: tuple[int, ...], dtype: str, rows: int) -> None:
    if shape != (rows,) or dtype != "float32":
        raise ValueError(f"scales of {dtype} with the shape {shape}, not one float32 for each of {rows:,} vectors")


def _lines(ids: Any) -> Iterator[bytes]:
    """The lines of a tensor of bytes, which has no newline at its end."""
    rest, size = b"", ids.get_shape()[0]
    for start in range(0, size, BYTES):
        *whole, rest = (rest + ids[start : min(start + BYTES, size)].tobytes()).split(b"\n")
        yield from whole
    yield rest


def _blocks(lines: Iterator[bytes], rows: int, numbers: Any, scales: Any) -> Blocks:
    """Pair lines of ids with rows of vectors; both must have the same number."""
    for start in range(0, rows, BLOCK):
        block = slice(start, min(start + BLOCK, rows))
        ids = [line.rstrip(b"\n").decode() for line in islice(lines, block.stop - start)]
        if len(ids) != block.stop - start:
            raise ValueError(f"{rows:,} vectors, but not as many ids")
        yield ids, widen(np.array(numbers[block]), None if scales is None else np.array(scales[block]))
    if next(lines, None) is not None:
        raise ValueError(f"{rows:,} vectors, but not as many ids")
