"""Vectors on disk, written block by block and put in place only when complete.

| suffix | holds |
|---|---|
| .parquet | columns `id` and `embedding` (a list of float32 of fixed size), one row group a block |
| .npy | the (n, hidden) float32 array; the ids stand beside it in NAME.ids.txt, one a line |
| .safetensors | tensors `embeddings` (n, hidden) float32 and `ids`, the UTF-8 bytes of the ids joined by newlines |

Memory does not grow with n: .npy and .safetensors are filled through a memory map. Until `finish`, the target does not
exist (or is what it was before); what was written stands in a hidden file beside it, which `discard` removes.
"""

import errno
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


class VectorWriter(Protocol):
    """Takes blocks of ids and vectors in order; `finish` puts the file in place, `discard` removes what is written."""

    def write(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        """Append a block of vectors (rows, hidden) float32."""

    def finish(self) -> None:
        """Complete the file and move it to its name."""

    def discard(self) -> None:
        """Remove what was written."""


def open_writer(path: Path, rows: int, hidden: int, ids_bytes: int) -> VectorWriter:
    """The writer that the suffix of `path` asks for.

    Args:
        rows: how many vectors will come.
        hidden: their width.
        ids_bytes: bytes of all ids in UTF-8, without separators.

    Raises:
        ValueError: the suffix is none of the three.
        OSError: the folder is missing or not writable, or the disk too small.
    """
    writers = {".parquet": ParquetVectors, ".npy": NpyVectors, ".safetensors": SafetensorsVectors}
    if path.suffix not in writers:
        raise ValueError(f'{path}: the suffix "{path.suffix}" is unknown; write to .parquet, .npy or .safetensors')
    try:
        return writers[path.suffix](path, rows, hidden, ids_bytes)
    except BaseException:
        for unfinished in (path, ids_file(path)):
            partial(unfinished).unlink(missing_ok=True)
        raise


def ids_file(path: Path) -> Path:
    """Where the ids of an .npy file stand."""
    return path.with_suffix(".ids.txt")


def partial(path: Path) -> Path:
    """The hidden name of a file that is being written."""
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


class ParquetVectors:
    """Columns id and embedding."""

    def __init__(self, path: Path, rows: int, hidden: int, ids_bytes: int) -> None:
        """Open the file beside `path`."""
        self.path, self.partial, self.hidden = path, partial(path), hidden
        self.schema = pa.schema([("id", pa.string()), ("embedding", pa.list_(pa.float32(), hidden))])
        self.writer = pq.ParquetWriter(self.partial, self.schema)

    def write(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        """Append a row group."""
        embedding = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), self.hidden)
        self.writer.write_table(pa.table([pa.array(ids, pa.string()), embedding], schema=self.schema))

    def finish(self) -> None:
        """Write the footer and move the file to its name."""
        self.writer.close()
        self.partial.replace(self.path)

    def discard(self) -> None:
        """Remove the unfinished file."""
        self.partial.unlink(missing_ok=True)


class NpyVectors:
    """The array, and the ids beside it."""

    def __init__(self, path: Path, rows: int, hidden: int, ids_bytes: int) -> None:
        """Allocate the array beside `path`."""
        self.path, self.partial = path, partial(path)
        self.ids_path = ids_file(path)
        self.ids = partial(self.ids_path).open("w", encoding="utf-8")
        self.vectors = np.lib.format.open_memmap(self.partial, "w+", np.float32, (rows, hidden))
        reserve(self.partial)
        self.row = 0

    def write(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        """Fill the next rows."""
        self.ids.writelines(f"{name}\n" for name in ids)
        self.vectors[self.row : self.row + len(vectors)] = vectors
        self.row += len(vectors)

    def finish(self) -> None:
        """Move both files to their names, the array last."""
        self.vectors.flush()
        self.ids.close()
        Path(self.ids.name).replace(self.ids_path)
        self.partial.replace(self.path)

    def discard(self) -> None:
        """Remove the unfinished files."""
        self.ids.close()
        Path(self.ids.name).unlink(missing_ok=True)
        self.partial.unlink(missing_ok=True)


class SafetensorsVectors:
    """Two tensors. The format (8 bytes of header length, JSON header, data) is laid out here to fill it in place."""

    def __init__(self, path: Path, rows: int, hidden: int, ids_bytes: int) -> None:
        """Write the header beside `path` and map the room for both tensors."""
        self.path, self.partial = path, partial(path)
        split = rows * hidden * 4
        ids_bytes += max(rows - 1, 0)  # separators
        header = {
            "embeddings": {"dtype": "F32", "shape": [rows, hidden], "data_offsets": [0, split]},
            "ids": {"dtype": "U8", "shape": [ids_bytes], "data_offsets": [split, split + ids_bytes]},
        }
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)  # the data start at a multiple of 8
        start = 8 + len(text)
        with self.partial.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            file.truncate(start + split + ids_bytes)
        reserve(self.partial)
        self.vectors = np.memmap(self.partial, np.float32, "r+", offset=start, shape=(rows, hidden))
        self.ids = self.partial.open("r+b")
        self.ids.seek(start + split)
        self.row = 0

    def write(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        """Fill the next rows."""
        separator = "\n" if self.row else ""
        self.ids.write((separator + "\n".join(ids)).encode())
        self.vectors[self.row : self.row + len(vectors)] = vectors
        self.row += len(vectors)

    def finish(self) -> None:
        """Move the file to its name."""
        self.vectors.flush()
        self.ids.close()
        self.partial.replace(self.path)

    def discard(self) -> None:
        """Remove the unfinished file."""
        self.ids.close()
        self.partial.unlink(missing_ok=True)


def reserve(path: Path) -> None:
    """Take the file's room on disk now: a full disk is then an error here, not a crash inside a memory map.

    Where the system cannot reserve room (outside of Linux), see at least that it is there.

    Raises:
        OSError: there is no such room.
    """
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        try:
            if sys.platform == "linux":
                os.posix_fallocate(file.fileno(), 0, size)
            elif shutil.disk_usage(path.parent).free < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise OSError(
                f"no room for {size:,} bytes in {path.parent.resolve()} ({error.strerror}); "
                "free some or write elsewhere"
            ) from None
