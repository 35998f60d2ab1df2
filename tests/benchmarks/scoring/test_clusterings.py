"""Which sequences are clustered, and that the clusterings are those of SciPy and scikit-learn."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score

from benchmarks.methods.method import Method, Split, Unsuited, normalise
from benchmarks.scoring.clusterings import (
    best_height,
    choose,
    cluster_average,
    cluster_hdbscan,
    cluster_kmeans,
    cluster_ward,
    link,
    own_clusters,
    replicates,
    rotate,
)


def planted(seed: int = 0, species: int = 12, records: int = 5, width: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around a centre for each species (n, width), and the species (n,) str."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.normal(size=(species, width)), records, axis=0)
    names = np.repeat([f"s{number}" for number in range(species)], records)
    return normalise((centres + 0.4 * rng.normal(size=centres.shape)).astype(np.float32)), names


def test_species_within_the_limits_are_chosen():
    species = np.array(["a"] * 3 + ["b"] * 30 + ["c"] + [""] * 9 + ["d"] * 20 + ["e"] * 2)
    chosen = choose(species)
    names, counts = np.unique(species[chosen], return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {"a": 3, "b": 20, "d": 20, "e": 2}
    assert np.all(np.diff(chosen) > 0)
    assert np.unique(species[choose(species, fewest=1)]).tolist() == ["a", "b", "c", "d", "e"]
    assert np.array_equal(chosen, choose(species, seed=0)) and not np.array_equal(chosen, choose(species, seed=1))
    assert choose(np.array(["", "a"])).tolist() == []


def test_replicates_are_counted_and_one_species_is_refused():
    species = np.array(["a", "b", "a", "", "b", "c"])
    split = Split(np.arange(6).astype(str), ["ACGT"] * 6, {"species": species})
    rows, names, counts = replicates(split)
    assert rows.tolist() == [0, 1, 2, 4] and names.tolist() == ["a", "b", "a", "b"]
    assert counts == {"scored": 4, "left_out": 2, "species": 2}
    alone = Split(np.arange(3).astype(str), ["ACGT"] * 3, {"species": np.array(["a", "a", "b"])})
    with pytest.raises(ValueError, match="got 1 unseen species with at least 2 sequences, but clustering needs two"):
        replicates(alone)
    rows, names, _ = replicates(Split(np.arange(50).astype(str), ["A"] * 50, {"species": np.repeat(["a", "b"], 25)}))
    assert np.unique(names, return_counts=True)[1].tolist() == [20, 20]
    assert not np.array_equal(
        rows, replicates(Split([], ["A"] * 50, {"species": np.repeat(["a", "b"], 25)}), seed=1)[0]
    )


def test_a_method_without_clusters_is_unsuited():
    with pytest.raises(Unsuited, match="neither vectors nor clusters"):
        own_clusters(Method("none", "", 0), ["A"])
    assert own_clusters(Method("one", "", 0, cluster=lambda _: np.zeros(1)), ["A"]).tolist() == [0]


@pytest.mark.parametrize("width", [5, 8, 9, 20])
def test_rotation_keeps_distances_and_takes_few_columns(width):
    vectors = np.random.default_rng(0).normal(size=(8, width))
    rotated = rotate(vectors)
    assert rotated.shape == (8, min(8, width)) and rotated.flags.c_contiguous
    np.testing.assert_allclose(rotated @ rotated.T, vectors @ vectors.T, atol=1e-9)
    assert (rotated is vectors) == (width <= 8)


def test_clusterings_are_those_of_the_libraries():
    vectors, _ = planted()
    for seed in range(8):  # each start counts where there is little to find
        kmeans = KMeans(12, init="random", n_init=3, max_iter=1000, random_state=seed).fit_predict(vectors)
        assert np.array_equal(cluster_kmeans(vectors, 12, seed), kmeans)
    assert np.array_equal(cluster_ward(vectors, 12), AgglomerativeClustering(12, linkage="ward").fit_predict(vectors))
    tree = linkage(vectors, method="average", metric="cosine")
    np.testing.assert_array_equal(link(vectors), np.maximum(tree, 0))
    assert np.array_equal(cluster_average(vectors, 0.3), fcluster(tree, 0.3, criterion="distance"))
    assert link(np.ones((3, 7), np.float32)).min() >= 0


def test_the_best_height_is_the_lowest_of_the_best_among_two_hundred():
    vectors, species = planted(1, species=16, records=8)
    tree = link(vectors)
    heights = sorted(set(np.quantile(tree[:, 2], np.arange(200) / 199)))
    scores = [adjusted_rand_score(species, fcluster(tree, height, criterion="distance")) for height in heights]
    best = best_height(vectors, species)
    assert best == heights[int(np.argmax(scores))]
    assert 0 < heights.index(best) < len(heights) - 1


def test_noise_gets_clusters_of_its_own():
    vectors, _ = planted(2)
    vectors = np.concatenate([vectors, normalise(np.random.default_rng(3).normal(size=(9, 8)))]).astype(np.float32)
    theirs = HDBSCAN(min_cluster_size=2, copy=True).fit_predict(vectors)
    ours = cluster_hdbscan(vectors)
    noise = theirs < 0
    assert noise.sum() > 2 and np.array_equal(ours[~noise], theirs[~noise])
    assert ours[noise].tolist() == list(range(theirs.max() + 1, theirs.max() + 1 + noise.sum()))
