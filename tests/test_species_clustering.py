"""Species clustering: planted clusters are found, shuffled ones are not, piled-up species are capped."""

import numpy as np
import pytest

from benchmarks.knn import Labelled, normalise
from benchmarks.species_clustering import choose, rotate, score


@pytest.fixture
def planted() -> dict[str, Labelled]:
    """Eight species of 10 records each, in 24 dimensions, well apart."""
    rng = np.random.default_rng(0)
    vectors = np.repeat(rng.normal(size=(8, 24)), 10, axis=0) + 0.02 * rng.normal(size=(80, 24))
    return {"unseen_test": Labelled(vectors.astype(np.float32), {"species": np.repeat(list("abcdefgh"), 10)})}


def test_planted_clusters_are_found(planted):
    metrics = score(planted, "test")
    assert metrics["ward_ari"]["value"] == metrics["ward_ami"]["value"] == 1
    assert metrics["kmeans_ari"]["value"] > 0.5  # random starts may merge two species
    assert len(metrics["kmeans_ari"]["per_seed"]) == 5
    assert metrics["kmeans_ari"]["value"] == pytest.approx(np.mean(metrics["kmeans_ari"]["per_seed"]))
    assert score(planted, "test") == metrics


def test_shuffled_labels_drop_to_chance(planted):
    vectors, labels = planted["unseen_test"]
    species = np.random.default_rng(1).permutation(labels["species"])
    metrics = score({"unseen_test": Labelled(vectors, {"species": species})}, "test")
    assert abs(metrics["ward_ari"]["value"]) < 0.1
    assert abs(metrics["kmeans_ari"]["value"]) < 0.1


def test_lengths_of_vectors_do_not_show(planted):
    vectors, labels = planted["unseen_test"]
    scaled = vectors * np.random.default_rng(2).uniform(0.1, 10, size=(80, 1))
    assert score({"unseen_test": Labelled(scaled, labels)}, "test")["ward_ari"]["value"] == 1


def test_rotation_keeps_distances():
    vectors = normalise(np.random.default_rng(3).normal(size=(12, 50)))
    rotated = rotate(vectors)
    assert rotated.shape == (12, 12)
    np.testing.assert_allclose(rotated @ rotated.T, vectors @ vectors.T, atol=1e-12)
    assert rotate(rotated) is rotated


def test_small_species_are_left_out_and_large_ones_capped():
    species = np.array(["big"] * 600 + ["pair"] * 2 + ["single"] + [""] * 5)
    kept = species[choose(species)]
    assert (kept == "big").sum() == 20
    assert (kept == "pair").sum() == 2
    assert len(kept) == 22
    assert np.array_equal(choose(species), choose(species))
    assert not np.array_equal(choose(species), choose(species, seed=1))


def test_one_species_is_an_error():
    alone = {"unseen_test": Labelled(np.ones((5, 3)), {"species": np.array(["a"] * 5)})}
    with pytest.raises(ValueError, match="needs two"):
        score(alone, "test")
