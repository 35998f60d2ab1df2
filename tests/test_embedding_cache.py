"""The embedding cache: each sequence is embedded once, kept by content, and survives an interruption."""

import numpy as np
import pytest

from benchmarks import embedding_cache
from benchmarks.costs import Spent
from benchmarks.embedding_cache import encode_once


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


def test_an_interrupted_run_loses_one_block_at_most(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding_cache, "BLOCK", 2)
    network, path = Network(), tmp_path / "x.sqlite"
    with pytest.raises(MemoryError):
        encode_once(network.encode, path, Spent(), ["A", "C", "G", "fail"])
    network.asked.clear()
    encode_once(network.encode, path, Spent(), ["A", "C", "G", "T"])
    assert network.asked == ["G", "T"]


def test_what_embedding_cost_is_known_from_a_later_run(tmp_path):
    first, second = Spent(), Spent()
    for spent in (first, second):
        encode_once(Network().encode, tmp_path / "x.sqlite", spent, ["A", "C"])
    assert first == second
    assert first.sequences == 2
    assert first.wall_seconds > 0
