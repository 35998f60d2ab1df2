"""Species clustering: planted clusters are found, shuffled ones are not, piled-up species are capped."""

import numpy as np
import pytest

from benchmarks.methods.method import Method, Unsuited, normalise
from benchmarks.scoring.agreements import AGREEMENTS
from benchmarks.scoring.clusterings import best_height, choose, cluster_average, cluster_hdbscan, rotate
from benchmarks.tasks.species_clustering import score
from tests.support.planted_vectors import decode, plant

METHOD = Method("planted", "", 0, encode=decode)  # a sequence is its vector, written out


@pytest.mark.slow
def test_planted_clusters_are_found():
    metrics = score(METHOD, plant(0), plant(1))
    for name in ("ward", "average", "hdbscan"):
        assert metrics[f"{name}_ari"]["value"] == pytest.approx(1)
        assert metrics[f"{name}_ami"]["value"] == pytest.approx(1)
    assert metrics["average_ari"]["clusters"] == metrics["hdbscan_ari"]["clusters"] == 8
    assert metrics["kmeans_ari"]["value"] > 0.5  # random starts may merge two species
    assert len(metrics["kmeans_ari"]["per_seed"]) == 5
    assert metrics["kmeans_ari"]["value"] == pytest.approx(np.mean(metrics["kmeans_ari"]["per_seed"]))
    assert score(METHOD, plant(0), plant(1)) == metrics


@pytest.mark.slow
def test_shuffled_labels_drop_to_chance():
    planted = plant(0)
    shuffled = np.random.default_rng(1).permutation(planted.labels["species"])
    metrics = score(METHOD, planted._replace(labels={"species": shuffled}), plant(1))
    for name in ("ward", "kmeans", "average", "hdbscan"):
        assert abs(metrics[f"{name}_ari"]["value"]) < 0.1


@pytest.mark.slow
def test_the_cut_is_chosen_on_other_sequences_alone():
    """The same vectors are cut alike whatever the names of the split that is scored."""
    planted, others = plant(0, noise=0.4), plant(1, noise=0.4)
    merged = np.where(planted.labels["species"] < "e", "x", "y")
    height = score(METHOD, planted, others)["average_ari"]["height"]
    assert score(METHOD, planted._replace(labels={"species": merged}), others)["average_ari"]["height"] == height
    merged = np.where(others.labels["species"] < "e", "x", "y")
    assert score(METHOD, planted, others._replace(labels={"species": merged}))["average_ari"]["height"] != height
    assert "average_ari" not in score(METHOD, planted)


def test_the_best_height_is_the_best_of_all_heights():
    planted = plant(2, noise=0.8)
    vectors, species = normalise(decode(planted.sequences)), planted.labels["species"]
    best = best_height(vectors, species)

    def pairs_right(height: float) -> float:
        found = cluster_average(vectors, height)
        return ((found[:, None] == found) == (species[:, None] == species)).mean()

    assert pairs_right(best) >= max(pairs_right(height) for height in np.linspace(0, 1, 30)) - 0.02
    assert len(np.unique(cluster_average(vectors, 0))) == 80
    assert len(np.unique(cluster_average(vectors, 2))) == 1


def test_noise_is_a_cluster_each():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.eye(6)[:2], 8, axis=0) + 0.01 * rng.normal(size=(16, 6))
    far = np.eye(6)[3:]
    found = cluster_hdbscan(normalise(np.concatenate([groups, far])))
    assert len(np.unique(found[:8])) == len(np.unique(found[8:16])) == 1
    assert len(np.unique(found[16:])) == 3


def test_a_method_with_clusters_of_its_own():
    planted = plant(0)
    names = dict(zip(planted.sequences, planted.labels["species"], strict=True))
    own = Method("own", "", 0, cluster=lambda s: np.unique([names[x] for x in s], return_inverse=True)[1])
    metrics = score(own, planted, plant(1))
    assert set(metrics) == {f"cluster_{agreement}" for agreement in AGREEMENTS}
    assert metrics["cluster_ari"]["value"] == pytest.approx(1)
    assert metrics["cluster_ari"]["clusters"] == metrics["cluster_ari"]["species"] == 8
    with pytest.raises(Unsuited):
        score(Method("nothing", "", 0), planted)


def test_lengths_of_vectors_do_not_show():
    planted = plant(0)
    scale = np.random.default_rng(2).uniform(0.1, 10, size=(80, 1))
    scaled = Method("scaled", "", 0, encode=lambda sequences: decode(sequences) * scale)
    assert score(scaled, planted)["ward_ari"]["value"] == pytest.approx(1)


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
    with pytest.raises(ValueError, match="needs two"):
        score(METHOD, plant(0, species="a"))
