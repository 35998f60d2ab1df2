"""A cache of a network's vectors: a sequence that was embedded once is never embedded again.

Each network has one SQLite file, named by its fingerprint (weights, tokenizer, settings and code). Each sequence has
one row, whose key is its SHA-256. Writes are transactions of `BLOCK` sequences. So an interrupted run loses one block
at most, and several processes may share a folder. SQLite refuses a damaged file, and each row holds a checksum of its
vector. It also holds its share of the time that its block took, and the block's peaks of memory, so that a later run
can report what embedding cost.

The batch of a sequence changes only the last bits of its vector (about 1e-6).
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from zlib import crc32

import numpy as np
from tqdm import tqdm

from benchmarks.provenance.costs import Spent, count_memory, watch_memory

BLOCK = 4096
# earlier versions' tables `vectors` and `kept` lack the memory or the checksum, so they are not read
TABLE = (
    "CREATE TABLE IF NOT EXISTS checked "
    "(sequence BLOB PRIMARY KEY, vector BLOB, crc INTEGER, wall REAL, cpu REAL, peaks TEXT)"
)


def encode_once(
    encode: Callable[[Sequence[str]], np.ndarray], path: Path, spent: Spent, sequences: Sequence[str]
) -> np.ndarray:
    """Look vectors up, and embed the missing ones a block at a time.

    Args:
        encode: (n,) str -> (n, d) float32, of the network that the file belongs to.
        path: The network's file; it is created if it does not exist.
        spent: Receives the time that embedding the sequences took, now or earlier; `costs.count_memory` receives
            their memory.
        sequences: The sequences to embed (n,).

    Returns:
        Vectors (n, d), float32; (0, 0) for no sequences.

    Raises:
        ValueError: The file is damaged, or cannot be written; or the network gives NaN or infinity.
    """
    try:
        return _encode_once(encode, path, spent, sequences)
    except (sqlite3.Error, json.JSONDecodeError, TypeError) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise ValueError(f"{path} cannot be written ({error}); make room, or give another --cache") from None
        raise ValueError(
            f"{path} is no readable cache of vectors ({error}); remove it, or give another --cache"
        ) from None


def _encode_once(
    encode: Callable[[Sequence[str]], np.ndarray], path: Path, spent: Spent, sequences: Sequence[str]
) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = [hashlib.sha256(sequence.encode()).digest() for sequence in sequences]
    with closing(sqlite3.connect(path, timeout=600)) as database:
        database.execute(TABLE)
        missing = {
            key: sequence
            for key, sequence in zip(keys, sequences, strict=True)
            if not database.execute("SELECT 1 FROM checked WHERE sequence = ?", (key,)).fetchone()
        }
        with tqdm(total=len(missing), unit=" sequences", desc="embedding", disable=not missing) as bar:
            for block in blocks(list(missing)):
                with watch_memory() as peaks:
                    wall, cpu = time.perf_counter(), time.process_time()
                    vectors = encode([missing[key] for key in block]).astype("<f4", copy=False)
                    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                if not np.isfinite(vectors).all():
                    raise ValueError("the model gives NaN or infinity for some sequences; its weights may be damaged")
                costs = (wall / len(block), cpu / len(block), json.dumps(peaks))
                packed = [vector.tobytes() for vector in vectors]
                rows = [(key, vector, crc32(vector), *costs) for key, vector in zip(block, packed, strict=True)]
                with database:  # a transaction
                    database.executemany("INSERT OR REPLACE INTO checked VALUES (?, ?, ?, ?, ?, ?)", rows)
                bar.update(len(block))
        return read_vectors(database, keys, spent)


def read_vectors(database: sqlite3.Connection, keys: Sequence[bytes], spent: Spent) -> np.ndarray:
    """Read vectors that are all in the cache, (n,) keys -> (n, d) float32, and count what they cost."""
    found = np.empty((0, 0), dtype=np.float32)
    said: set[str] = set()  # the peaks; all rows of a block hold the same
    for row, key in enumerate(keys):
        query = "SELECT vector, crc, wall, cpu, peaks FROM checked WHERE sequence = ?"
        vector, crc, wall, cpu, peaks = database.execute(query, (key,)).fetchone()
        if not row:
            found = np.empty((len(keys), len(vector) // 4), dtype=np.float32)
        if crc32(vector) != crc or len(vector) != found.shape[1] * 4:
            raise sqlite3.DatabaseError("a vector is not what was kept")
        found[row] = np.frombuffer(vector, dtype="<f4")
        spent.add(1, wall, cpu)
        said.add(peaks)
    for peaks in said:
        count_memory(json.loads(peaks))
    return found


def blocks(keys: list[bytes]) -> Iterator[list[bytes]]:
    """Cut a list into blocks of `BLOCK`."""
    return (keys[first : first + BLOCK] for first in range(0, len(keys), BLOCK))
