"""The embedding cache: each sequence is embedded once, kept by content, and survives an interruption."""

import sqlite3
import sys
from contextlib import closing

import numpy as np
import pytest

from benchmarks.methods import embedding_cache
from benchmarks.methods.embedding_cache import encode_once
from benchmarks.provenance.costs import Spent, measure


class Network:
    """Counts bases, and what it was asked."""

    def __init__(self):
        self.asked: list[str] = []

    def encode(self, sequences) -> np.ndarray:
        self.asked += sequences
        if "fail" in sequences:
            raise MemoryError
        return np.array([[sequence.count(base) for base in "ACGT"] for sequence in sequences], dtype=np.float32)


def test_vectors_are_those_of_the_network_in_input_order(tmp_path):
    network, path = Network(), tmp_path / "new" / "x.sqlite"
    rng = np.random.default_rng(0)
    sequences = ["".join(rng.choice(list("ACGT"), size=rng.integers(5, 30))) for _ in range(50)]
    sequences += sequences[:10]
    found = encode_once(network.encode, path, Spent(), sequences)
    assert found.dtype == np.float32
    assert np.array_equal(found, Network().encode(sequences))
    assert len(network.asked) == 50  # copies once


def test_only_new_sequences_are_embedded(tmp_path):
    network, path = Network(), tmp_path / "x.sqlite"
    encode_once(network.encode, path, Spent(), ["AC", "GG"])
    found = encode_once(network.encode, path, Spent(), ["T", "GG", "AC"])
    assert network.asked == ["AC", "GG", "T"]
    assert found.tolist() == [[0, 0, 0, 1], [0, 0, 2, 0], [1, 1, 0, 0]]
    assert encode_once(network.encode, path, Spent(), []).shape == (0, 0)


def test_vectors_of_nan_are_told_where_they_arise(tmp_path):
    """They were kept, and the file of the cache was blamed."""
    path = tmp_path / "x.sqlite"
    with pytest.raises(ValueError, match="the model gives NaN or infinity"):
        encode_once(lambda some: np.full((len(some), 4), np.nan, np.float32), path, Spent(), ["AC"])
    assert encode_once(Network().encode, path, Spent(), ["AC"]).tolist() == [[1, 1, 0, 0]]


def test_an_interrupted_run_loses_one_block_at_most(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding_cache, "BLOCK", 2)
    network, path = Network(), tmp_path / "x.sqlite"
    with pytest.raises(MemoryError):
        encode_once(network.encode, path, Spent(), ["A", "C", "G", "fail"])
    network.asked.clear()
    encode_once(network.encode, path, Spent(), ["A", "C", "G", "T"])
    assert network.asked == ["G", "T"]


@pytest.mark.parametrize(
    "change",
    ["vector = NULL", "vector = x'0000'", "vector = zeroblob(length(vector))", "crc = 1", "peaks = '{'", "garbage"],
)
def test_a_damaged_cache_is_named(tmp_path, change):
    path = tmp_path / "x.sqlite"
    encode_once(Network().encode, path, Spent(), ["A", "C"])
    if change == "garbage":
        path.write_bytes(b"garbage" * 600)
    else:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(f"UPDATE checked SET {change} WHERE rowid = 2")
    with pytest.raises(ValueError, match=r"x\.sqlite is no readable cache .* remove it"):
        encode_once(Network().encode, path, Spent(), ["A", "C"])


def test_what_embedding_cost_is_known_from_a_later_run(tmp_path):
    first, second = Spent(), Spent()
    for spent in (first, second):
        encode_once(Network().encode, tmp_path / "x.sqlite", spent, ["A", "C"])
    assert first == second
    assert first.sequences == 2
    assert first.wall_seconds > 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_of_embedding_is_known_from_a_later_run(tmp_path, monkeypatch):
    """A model whose vectors were kept was shown with the memory of the task alone."""
    monkeypatch.setattr(embedding_cache, "BLOCK", 2)
    path = tmp_path / "x.sqlite"

    def encode(sequences) -> np.ndarray:
        np.ones(40_000_000 if "A" in sequences else 1).sum()  # 320 MB
        return Network().encode(sequences)

    _, before = measure(lambda: None)
    encode_once(encode, path, Spent(), ["A", "C", "G", "T"])
    rose = []
    for asked in (["C", "G"], ["G", "T"]):  # of both blocks; of the second alone
        _, costs = measure(lambda asked=asked: encode_once(encode, path, Spent(), asked))
        rose.append(costs["peak_memory_mb"] - before["peak_memory_mb"])
    assert rose[0] > 250 > 100 > rose[1]


def test_what_was_kept_without_its_memory_is_embedded_anew(tmp_path):
    path = tmp_path / "x.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE vectors (sequence BLOB PRIMARY KEY, vector BLOB, wall REAL, cpu REAL)")
    network = Network()
    assert encode_once(network.encode, path, Spent(), ["A"]).tolist() == [[1, 0, 0, 0]]
    assert network.asked == ["A"]
