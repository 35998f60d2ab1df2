"""Writers of vectors, block by block; until `finish`, the target stays as it was.

A writer fills a hidden file beside its target, which `discard` removes. Memory does not grow with the number of
vectors: parquet is written one row group at a time, the other formats are streams.
"""

import errno
import json
import math
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..machine.atomic import lock_output, partial_path, synchronise
from ..machine.earlier_outputs import check_again
from ..machine.locks import Lock
from .formats import ids_file, scales_file
from .precision import narrow

SAFETENSORS_DTYPES = {"float32": "F32", "float16": "F16", "int8": "I8"}


class VectorWriter(Protocol):
    """Takes blocks of ids and vectors in order; `finish` puts the file in place, `discard` removes it."""

    def write(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        """Append a block of vectors (rows, width) float32."""

    def finish(self) -> None:
        """Complete the file and move it to its name."""

    def discard(self) -> None:
        """Remove what was written."""


class ParquetVectors:
    """Parquet with the columns id, embedding and, for int8, scale; one row group for each block."""

    def __init__(self, path: Path, width: int, dtype: str) -> None:
        """Open the file beside `path`."""
        self.path, self.partial, self.width, self.dtype = path, partial_path(path), width, dtype
        self.lock = lock_output(path)
        columns = [pa.field("id", pa.string()), pa.field("embedding", pa.list_(getattr(pa, dtype)(), width))]
        columns += [pa.field("scale", pa.float32())] if dtype == "int8" else []
        # parquet has no 1-byte integer; with a dictionary of all 255 values, int8 takes one byte per number
        self.schema = pa.schema(columns)
        try:
            self.file = self.partial.open("wb")  # Arrow takes no names of files that are no UTF-8
            dictionary = dtype == "int8"
            options: Any = {"use_dictionary": dictionary, "write_statistics": False, "write_page_checksum": True}
            self.writer = pq.ParquetWriter(self.file, self.schema, **options)
        except BaseException:
            self.partial.unlink(missing_ok=True)
            self.lock.release()
            raise

    def write(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        """Append a row group."""
        check_numbers(ids, vectors)
        numbers, scales = narrow(vectors, self.dtype)
        embedding = pa.FixedSizeListArray.from_arrays(pa.array(numbers.reshape(-1)), self.width)
        columns = [pa.array(ids, pa.string()), embedding, *([] if scales is None else [pa.array(scales)])]
        self.writer.write_table(pa.table(columns, schema=self.schema))

    def finish(self) -> None:
        """Write the footer and move the file to its name."""
        self.writer.close()
        self.file.close()
        put_in_place(self.partial, self.path)
        self.lock.release()

    def discard(self) -> None:
        """Remove the unfinished file."""
        with suppress(OSError):  # of a full disk
            self.writer.close()
        self.writer.is_open = False  # otherwise it closes, and prints a traceback, when it is collected
        with suppress(OSError):
            self.file.close()
        self.partial.unlink(missing_ok=True)
        self.lock.release()


class StreamedVectors:
    """Numbers, scales and ids as streams, for .npy and .safetensors."""

    def __init__(
        self, targets: Sequence[Path], dtype: str, streams: dict[str, BinaryIO], last: bytes, lock: Lock
    ) -> None:
        """Take the streams `embeddings`, `ids` and possibly `scales`, open in the hidden files of `targets`.

        The ids are joined by newlines and end in `last`. The lock is that of the last target, the file of vectors.
        """
        self.targets, self.dtype, self.streams, self.last, self.lock = targets, dtype, streams, last, lock
        self.started = False

    def write(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        """Append to each stream."""
        check_numbers(ids, vectors)
        broken = next((name for name in ids if "\n" in name), None)
        if broken is not None:
            raise ValueError(f"id {broken!r} holds a line break, which only .parquet can hold; write to .parquet")
        numbers, scales = narrow(vectors, self.dtype)
        self.streams["embeddings"].write(np.ascontiguousarray(numbers).data)
        if scales is not None:
            self.streams["scales"].write(scales.data)
        self.streams["ids"].write((b"\n" if self.started else b"") + "\n".join(ids).encode())
        self.started = True

    def finish(self) -> None:
        """Move the files to their names; the file that the user asked for comes last.

        It is removed before the others are replaced, so that vectors never lie beside the ids of other vectors.
        """
        self.streams["ids"].write(self.last)
        for stream in self.streams.values():
            stream.close()
        for target in self.targets:
            check_again(target)
            synchronise(partial_path(target))
        if len(self.targets) > 1:
            self.targets[-1].unlink(missing_ok=True)
        for target in self.targets:
            partial_path(target).replace(target)
        self.lock.release()

    def discard(self) -> None:
        """Remove the unfinished files."""
        for stream in self.streams.values():
            with suppress(OSError):  # closing tries again to write what did not fit on a full disk
                stream.close()
        for target in self.targets:
            partial_path(target).unlink(missing_ok=True)
        self.lock.release()


def npy_writer(path: Path, rows: int, width: int, dtype: str, lock: Lock) -> StreamedVectors:
    """Open the files of an array, of its ids and, for int8, of its scales; the lock is that of the array."""
    targets = {"ids": ids_file(path), "scales": scales_file(path), "embeddings": path}
    arrays = {"scales": ("<f4", (rows,)), "embeddings": (np.dtype(dtype).str, (rows, width))}
    if dtype != "int8":
        del targets["scales"], arrays["scales"]
    streams: dict[str, BinaryIO] = {name: partial_path(target).open("wb") for name, target in targets.items()}
    for name, (kind, shape) in arrays.items():
        header = {"descr": kind, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_2_0(streams[name], header)
        size = streams[name].tell() + math.prod(shape) * np.dtype(kind).itemsize
        reserve(partial_path(targets[name]), size)
    return StreamedVectors(list(targets.values()), dtype, streams, b"\n", lock)


def safetensors_writer(path: Path, rows: int, width: int, ids_bytes: int, dtype: str, lock: Lock) -> StreamedVectors:
    """Open one file, laid out so that it is filled in place: 8 bytes of header length, a JSON header, the tensors."""
    ids_bytes += max(rows - 1, 0)  # newlines
    tensors = {
        "scales": ("F32", [rows], 4 * rows),  # first, so that 4-byte numbers stay at multiples of 4
        "embeddings": (SAFETENSORS_DTYPES[dtype], [rows, width], rows * width * np.dtype(dtype).itemsize),
        "ids": ("U8", [ids_bytes], ids_bytes),
    }
    if dtype != "int8":
        del tensors["scales"]
    header, end = {}, 0
    for name, (kind, shape, size) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    partial_path(path).write_bytes(len(text).to_bytes(8, "little") + text)
    reserve(partial_path(path), 8 + len(text) + end)
    streams: dict[str, BinaryIO] = {}
    for name in tensors:
        streams[name] = partial_path(path).open("r+b")
        streams[name].seek(8 + len(text) + header[name]["data_offsets"][0])
    return StreamedVectors([path], dtype, streams, b"", lock)


def check_numbers(ids: Sequence[str], vectors: np.ndarray) -> None:
    """Check the vectors (rows, width) of a block before they are written.

    Raises:
        ValueError: one holds NaN or infinity, or nothing but zeros; the message names its id.
    """
    for wrong, what in ((~np.isfinite(vectors).all(1), "NaN or infinity"), (~vectors.any(1), "nothing but zeros")):
        if wrong.any():
            raise ValueError(
                f"the vector of {ids[int(wrong.argmax())]!r} holds {what}; leave the sequence out, or use --dtype "
                "float32 or another model"
            )


def put_in_place(written: Path, path: Path) -> None:
    """Move a complete file to its name, once its content is on disk."""
    synchronise(written)
    check_again(path)
    written.replace(path)


def reserve(path: Path, size: int) -> None:
    """Reserve the disk space of a file before hours of computing; on systems other than Linux, only check for it.

    Raises:
        OSError: the disk has too little space.
    """
    if sys.platform != "linux":
        check_room(path.parent, size)
        return
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, max(size, 1))
        except OSError as error:
            raise too_small(path.parent, size, error.strerror) from None


def check_room(folder: Path, size: int) -> None:
    """Check that the disk of a folder has space for `size` bytes.

    Raises:
        OSError: it has less.
    """
    if shutil.disk_usage(folder).free < size:
        raise too_small(folder, size, os.strerror(errno.ENOSPC))


def too_small(folder: Path, size: int, reason: str | None) -> OSError:
    """The error of a disk that is too small."""
    return OSError(f"no room for {size:,} bytes in {folder.resolve()} ({reason}); free some or write elsewhere")
