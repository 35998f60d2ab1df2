"""A folder of vectors that many processes write; if some are lost, the same command makes the missing shards.

| file | holds |
|---|---|
| run.json | what the vectors depend on: input, model, options; written first |
| part-000000.parquet, ... | `shard_records` vectors each, in the input's order; the last may have fewer |
| manifest.json | run.json and the number of records and shards; written last, it marks the folder as complete |

The process of rank k % world makes shard k, so processes neither wait for each other nor communicate. A machine needs
access to the input and the folder only. A shard appears by one rename, so each existing shard is complete. The number
of processes may change between runs; the missing shards are then distributed among the new processes.

Shards that are there are read once before a run goes on: pages have checksums, and what a failing disk damaged is made
anew.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..machine.atomic import lock_output, lock_path, partial_path
from ..machine.json_files import read_object
from ..machine.locks import is_held
from ..machine.processes import Process
from .writers import ParquetVectors, check_numbers, check_room, put_in_place

Item = TypeVar("Item")

RUN, MANIFEST = "run.json", "manifest.json"
BLOCK = 4096  # vectors read at once
AGAIN = "remove it and run the command that made the folder again"


class ShardWriter:
    """Writes the missing shards of this process, from the vectors of the records that `select` gives."""

    def __init__(
        self,
        folder: Path,
        run: dict[str, Any],
        records: int,
        width: int,
        dtype: str,
        size: int,
        process: Process,
        check: Callable[[], None] = lambda: None,
        ends: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Open the folder for a new run, or for one that has begun.

        Args:
            folder: it may exist if it is empty or holds this run.
            run: what the vectors depend on, in JSON's types; values named `name` are written but not compared.
            records: number of records in the input.
            width: width of a vector.
            dtype: float32, float16 or int8.
            size: records in a shard.
            process: this process.
            check: Called before anything is put in place; raises if the input is no longer that of `run`.
            ends: ids of the first and the last record of each shard; a shard with others is made anew. Without them,
                shards are told by their number of records alone.

        Raises:
            ValueError: the folder holds something else, or another run.
            OSError: it is not writable, or the disk is too small.
        """
        self.folder, self.records, self.width, self.dtype, self.size = folder, records, width, dtype, size
        self.run, self.check, self.ends = run, check, ends
        check()
        check_run(folder, run)
        own = range(process.rank, shard_count(records, size), process.world)
        self.shards = [shard for shard in own if not (self.is_there(shard) and is_sound(shard_path(folder, shard)))]
        busy = [shard_path(folder, shard) for shard in self.shards if is_held(lock_path(shard_path(folder, shard)))]
        if busy:
            raise ValueError(f"another process is writing {busy[0]}; wait for it, or give another folder")
        self.rows = sum(shard_rows(shard, records, size) for shard in self.shards)
        check_room(folder if folder.exists() else folder.parent, self.rows * width * np.dtype(dtype).itemsize)
        open_run(folder, run)
        self.unfinished = iter(self.shards)
        self.writer: ParquetVectors | None = None
        self.room = 0  # records that still fit into the open shard

    def is_there(self, shard: int) -> bool:
        """Whether a shard is whole and that of the input's records, not a copy of another one."""
        if not is_whole(self.folder, shard, self.records, self.size):
            return False
        return not self.ends or ends_of(shard_path(self.folder, shard)) == self.ends[shard]

    def select(self, items: Iterable[Item]) -> Iterator[Item]:
        """Keep the records whose shards this process makes; `items` are the records or anything in their order."""
        wanted = set(self.shards)
        return (item for number, item in enumerate(items) if number // self.size in wanted)

    def write(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        """Append a block, which may span shards; a full shard is put in place."""
        while len(ids):
            if self.writer is None:
                shard = next(self.unfinished)
                self.writer = ParquetVectors(shard_path(self.folder, shard), self.width, self.dtype)
                self.room = shard_rows(shard, self.records, self.size)
            now = min(self.room, len(ids))
            self.writer.write(ids[:now], vectors[:now])
            ids, vectors, self.room = ids[now:], vectors[now:], self.room - now
            if not self.room:
                self.check()
                self.writer.finish()
                self.writer = None

    def finish(self) -> None:
        """Write the manifest if all shards are there, whichever process made them."""
        total = shard_count(self.records, self.size)
        if all(self.is_there(shard) for shard in range(total)):
            open_run(self.folder, self.run)  # not replaced by a run that began in the same moment
            facts = {"records": self.records, "shards": total, "width": self.width, "run": self.run}
            put_json_in_place(self.folder / MANIFEST, facts)
            for shard in range(total):  # left behind by lost processes
                if not is_held(lock_path(shard_path(self.folder, shard))):
                    for leftover in self.folder.glob(f".{shard_path(self.folder, shard).name}.*"):
                        leftover.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove the shard that is being written; whole ones stay."""
        if self.writer is not None:
            self.writer.discard()


def complete_shards(folder: Path) -> list[Path]:
    """List the shards of a folder, in the order of the input.

    Raises:
        ValueError: it is no such folder, or not complete.
    """
    if not (folder / RUN).is_file():
        raise ValueError(f"{folder}: no {RUN}, so no folder of vectors; give one that dnacse embed wrote")
    if not (folder / MANIFEST).is_file():
        there = len(list(folder.glob("part-*.parquet")))
        raise ValueError(
            f"{folder}: not complete, {there:,} shards are there; run the command that began it again "
            f"({folder / 'run.json'} names its input, model and options)"
        )
    manifest = read_object(folder / MANIFEST, AGAIN)
    facts = flat(manifest)
    numbers = [facts.get(key) for key in ("records", "shards", "run.options.shard_records")]
    records, shards, size = (number if isinstance(number, int) else 0 for number in numbers)
    if min(records, size) < 1 or shards != shard_count(records, size):
        raise ValueError(
            f"{folder / MANIFEST}: {records} records in {shards} shards of {size}, which do not go together; {AGAIN}"
        )
    for shard in range(shards):
        if not is_whole(folder, shard, records, size):
            raise ValueError(
                f"{shard_path(folder, shard)} is missing or damaged; remove {folder / 'manifest.json'} and run the "
                "command that made it again"
            )
    return [shard_path(folder, shard) for shard in range(shards)]


def open_run(folder: Path, run: dict[str, Any]) -> None:
    """Create the folder and its record if they are missing, and check that they belong to this run.

    Raises:
        ValueError: it holds something else, or another run.
    """
    folder.mkdir(exist_ok=True)
    if not (folder / RUN).exists():
        put_json_in_place(folder / RUN, run, keep=True)
    check_run(folder, run)


def check_run(folder: Path, run: dict[str, Any]) -> None:
    """Check that a folder is new, empty or of this run.

    Raises:
        ValueError: it holds something else, or another run.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file, and the output is a folder; give another name")
    record = folder / RUN
    if not record.exists():
        names = [path.name for path in folder.iterdir()] if folder.exists() else []
        others = sorted(name for name in names if not name.endswith((".partial", ".lock")))
        if others and RUN not in others:  # another process may just have begun
            raise ValueError(f"{folder} holds something else ({others[0]}); give a new or an empty folder")
        return
    there, here = flat(read_object(record, "give a new or an empty folder")), flat(run)
    differing = [key for key in sorted(there.keys() | here.keys()) if there.get(key) != here.get(key)]
    differing = [key for key in differing if not key.endswith(".name")]
    if differing:
        facts = "; ".join(f"{key} {there.get(key)} there, {here.get(key)} here" for key in differing)
        raise ValueError(f"{folder} holds vectors of another run: {facts}; repeat that command or give a new folder")


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots.

    >>> flat({"input": {"records": 3}, "dtype": "int8"})
    {'input.records': 3, 'dtype': 'int8'}
    """
    leaves = {}
    for key, value in tree.items():
        leaves |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return leaves


def shard_count(records: int, size: int) -> int:
    """The number of shards of `size` for `records`.

    >>> shard_count(8, 4), shard_count(9, 4)
    (2, 3)
    """
    return -(-records // size)


def shard_rows(shard: int, records: int, size: int) -> int:
    """The number of records in a shard.

    >>> shard_rows(1, 8, 4), shard_rows(2, 9, 4)
    (4, 1)
    """
    return min(size, records - shard * size)


def shard_path(folder: Path, shard: int) -> Path:
    """The file of a shard; names sort in the order of the shards."""
    return folder / f"part-{shard:06}.parquet"


def is_whole(folder: Path, shard: int, records: int, size: int) -> bool:
    """Whether a shard exists and has all its rows; a failing disk may truncate it, a lost process cannot."""
    path = shard_path(folder, shard)
    try:
        if not path.is_file():  # a FIFO would be waited for
            return False
        with path.open("rb") as file:
            return pq.read_metadata(file).num_rows == shard_rows(shard, records, size)
    except (OSError, ValueError, OverflowError, LookupError, pa.ArrowException):  # pyarrow's, of invalid bytes
        return False


def is_sound(path: Path) -> bool:
    """Whether all pages of a shard have their checksums, and its numbers are such as are written; it is read whole."""
    try:
        with path.open("rb") as file, pq.ParquetFile(file, page_checksum_verification=True) as shard:
            for batch in shard.iter_batches(BLOCK):
                numbers = batch["embedding"].flatten().to_numpy().reshape(len(batch), -1)
                check_numbers(batch["id"].to_pylist(), numbers)
        return True
    except (OSError, ValueError, OverflowError, LookupError, pa.ArrowException):
        return False


def ends_of(path: Path) -> tuple[str, str] | None:
    """The first and the last id of a shard; None: they cannot be read."""
    try:
        with path.open("rb") as file, pq.ParquetFile(file) as shard:
            first, last = (shard.read_row_group(group, ["id"])["id"] for group in (0, shard.num_row_groups - 1))
            return first[0].as_py(), last[-1].as_py()
    except (OSError, ValueError, OverflowError, LookupError, pa.ArrowException):
        return None


def put_json_in_place(path: Path, facts: dict[str, Any], keep: bool = False) -> None:
    """Put a JSON file in place, or `keep` the one that another process wrote first."""
    written = partial_path(path)
    with lock_output(path, wait=True):
        if keep and path.exists():
            return
        try:
            written.write_text(json.dumps(facts, indent=1))
            put_in_place(written, path)
        except BaseException:
            written.unlink(missing_ok=True)
            raise
