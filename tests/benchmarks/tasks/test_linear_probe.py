"""The linear probe: learns what is linear, only from training rows, whatever the scale of the columns."""

import numpy as np
import pytest

from benchmarks.methods.method import Method, Split, Unsuited
from benchmarks.tasks.classification.linear_probe import probe, score


@pytest.fixture
def planted() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres of 20 species in 24 dimensions, 12 training and 6 other rows of each, columns on unlike scales."""
    rng = np.random.default_rng(0)
    scales = 10.0 ** rng.integers(-3, 3, size=24)
    centres = rng.normal(size=(20, 24))
    rows = np.repeat(centres, 18, axis=0) + 0.5 * rng.normal(size=(360, 24))
    train = np.tile(np.arange(18) < 12, 20)
    return (rows * scales).astype(np.float32), np.repeat(np.arange(20), 18), train


def splits_of(species: np.ndarray, train: np.ndarray) -> tuple[Split, Split]:
    """Sequences named by their row."""
    names = np.arange(len(species)).astype(str)
    return tuple(Split(names[rows], names[rows].tolist(), {"species": species[rows]}) for rows in (train, ~train))


def method_of(vectors: np.ndarray) -> Method:
    return Method("rows", "", 0, encode=lambda sequences: vectors[np.array(sequences, dtype=int)])


def test_planted_species_are_learnt_again_and_again_the_same(planted):
    vectors, species, train = planted
    found = [probe(vectors[train], species[train], vectors[~train], seed=0) for _ in range(2)]
    assert (found[0] == species[~train]).mean() > 0.95
    assert np.array_equal(*found)


def test_scales_and_shifts_of_columns_do_not_show(planted):
    vectors, species, train = planted
    moved = 3 + 100 * vectors
    plain, shifted = (probe(x[train], species[train], x[~train], seed=0) for x in (vectors, moved))
    assert (plain == shifted).mean() > 0.98


def test_queries_do_not_change_what_is_learnt(planted):
    vectors, species, train = planted
    alone = probe(vectors[train], species[train], vectors[~train][:1], seed=0)
    assert alone == probe(vectors[train], species[train], vectors[~train], seed=0)[:1]


def test_scores_count_what_is_left_out_and_averages_over_species(planted):
    vectors, species, train = planted
    names = np.array([f"species {number}" for number in species])
    names[train & (species == 19)] = ""  # nothing to learn species 19 from
    names[np.flatnonzero(~train)[0]] = ""
    metrics = score(method_of(vectors), *splits_of(names, train), seed=0)
    assert metrics["accuracy"]["classes"] == 19
    assert metrics["accuracy"]["scored"] == 120 - 6 - 1
    assert metrics["accuracy"]["left_out"] == 7
    assert metrics["accuracy"]["value"] > 0.95
    low, high = metrics["accuracy_macro"]["interval"]
    assert low <= metrics["accuracy_macro"]["value"] <= high


def test_shuffled_labels_drop_to_chance(planted):
    vectors, species, train = planted
    names = np.random.default_rng(1).permutation(species).astype(str)
    metrics = score(method_of(vectors), *splits_of(names, train), seed=0)
    assert metrics["accuracy"]["value"] < 0.2


def test_what_cannot_be_probed_is_said(planted):
    vectors, species, train = planted
    learnt, seen = splits_of(species.astype(str), train)
    with pytest.raises(Unsuited, match="tool gives no vectors"):
        score(Method("tool", "", 0), learnt, seen, seed=0)
    with pytest.raises(ValueError, match="20 species to learn and 0 of 120"):
        score(method_of(vectors), learnt, seen._replace(labels={"species": np.full(120, "other")}), seed=0)
