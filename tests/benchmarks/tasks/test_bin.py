"""Bin: planted genomes are binned, contigs that are too short stay out, planted errors cost what they should."""

import numpy as np
import pytest

from benchmarks.methods.method import Method, Split, Unsuited
from benchmarks.tasks.bin import score, score_bins


def make(species: str, contigs: int = 12, shift: int = 0) -> Split:
    """Contigs of 3,000 bp whose species is the base that they mostly are made of, and short ones of no use."""
    rows = [("ACGT"[(number + shift) % 4] * 2900 + "ACGT" * 25, name) for number, name in enumerate(species)]
    rows = [row for row in rows for _ in range(contigs)] + [("ACGT" * 100, species[0])] * 5
    sequences, names = zip(*rows, strict=True)
    return Split(np.arange(len(rows)).astype(str), list(sequences), {"species": np.array(names)})


def bases(sequences: list[str]) -> np.ndarray:
    return np.array([[s.count(base) for base in "ACGT"] for s in sequences], dtype=np.float32)


METHOD = Method("bases", "", 0, encode=bases, thresholds={"bins": 0.9})


def test_planted_genomes_are_binned():
    metrics = score(METHOD, make("abc"), make("xyz", shift=1), seed=0)
    assert metrics["default_assigned_bp"]["value"] == 1
    assert "threshold" not in metrics["default_assigned_bp"]
    for name in ("own", "chosen"):
        assert metrics[f"{name}_recovered_f1_all@0.9"]["value"] == 1
        assert metrics[f"{name}_recovered_f1_all@0.9"]["of"] == 3
        assert metrics[f"{name}_assigned_bp"]["value"] == metrics[f"{name}_purity_bp"]["value"] == 1
        assert metrics[f"{name}_purity_bp"]["bins"] == 3
        assert metrics[f"{name}_purity_bp"]["left_out"] == 5
    assert metrics["own_ari_bp"]["threshold"] == 0.9


def test_windows_are_used_where_a_model_has_them():
    asked = []

    def encode(sequences):
        asked.append(len(sequences))
        return bases(sequences)

    score(METHOD._replace(encode_windows=encode), make("abc"), seed=0)
    assert asked == [36]


def test_mixed_bins_cost_purity_and_species():
    species = np.repeat(["a", "b"], 10)
    everything = np.ones(20, dtype=bool)
    mixed = score_bins(species, everything, np.full(20, 3000), np.ones(20, dtype=int))
    assert mixed["purity_bp"]["value"] == 0.5
    assert mixed["recovered_f1_all@0.9"]["value"] == 0
    none = score_bins(species, everything, np.full(20, 3000), np.full(20, -1))
    assert none["assigned_bp"]["value"] == 0


def test_a_binner_is_asked_for_bins_and_no_vectors():
    def by_first_base(sequences):
        return np.array(["ACGT".index(sequence[0]) for sequence in sequences])

    metrics = score(Method("binner", "", 0, bin=by_first_base), make("abc"), make("xyz", shift=1), seed=0)
    assert metrics["default_recovered_f1_all@0.9"]["value"] == metrics["default_purity_bp"]["value"] == 1
    assert metrics["default_purity_bp"]["left_out"] == 5
    assert all(name.startswith("default_") for name in metrics)


def test_what_cannot_be_done_is_said():
    assert not any(name.startswith("own") for name in score(METHOD._replace(thresholds=None), make("abc"), seed=0))
    with pytest.raises(Unsuited, match="gives no vectors"):
        score(Method("tool", "", 0), make("abc"), seed=0)
    with pytest.raises(ValueError, match="no species with 10"):
        score(METHOD, make("abc", contigs=9), seed=0)
