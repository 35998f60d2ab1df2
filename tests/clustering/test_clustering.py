"""Average linkage without a matrix equals SciPy's with one; planted clusters and their threshold are found."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_rand_score

from modeling_dnacse.clustering import average_linkage as clustering
from modeling_dnacse.clustering.average_linkage import (
    Tree,
    average_linkage,
    cluster,
    cut,
    medoids,
    separation,
    species_threshold,
)


def plant(seed: int, species: int = 40, members: int = 8, width: int = 16, noise: float = 0.5):
    """Unit vectors of species of unequal spread, in random order, and the species of each."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(species), members))
    spread = noise * rng.uniform(0.1, 1.5, size=species)[labels, None]
    vectors = rng.normal(size=(species, width))[labels] + spread * rng.normal(size=(len(labels), width))
    return unit(vectors), labels.astype(str)


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


@pytest.fixture(params=["planted", "noise", "chain"])
def vectors(request):
    if request.param == "planted":
        return plant(0)[0]
    rng = np.random.default_rng(1)
    if request.param == "noise":
        return unit(rng.normal(size=(300, 6)))
    angles = np.cumsum(rng.uniform(0.001, 0.03, size=100))  # each nearest to the next: single linkage would join all
    return unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))


def test_the_tree_equals_scipys(vectors):
    expected = linkage(vectors.astype(np.float64), method="average", metric="cosine")
    tree = average_linkage(vectors)
    assert tree.into[0] == 0 and np.isinf(tree.similarity[0])
    heights = np.sort(1 - tree.similarity[1:])
    np.testing.assert_allclose(heights, expected[:, 2], atol=2e-6)
    for lower, upper in zip(expected[:-1:7, 2], expected[1::7, 2], strict=False):
        if upper - lower > 1e-5:  # between two merges that rounding cannot exchange
            height = (lower + upper) / 2
            assert partition(cut(tree, 1 - height)) == partition(fcluster(expected, height, criterion="distance"))


@pytest.mark.parametrize("threshold", [0.95, 0.7, 0.2, -0.5])
def test_stopping_at_the_threshold_equals_cutting_the_full_tree(vectors, threshold):
    np.testing.assert_array_equal(cluster(vectors, threshold), cut(average_linkage(vectors), threshold))


def test_no_square_matrix_is_held(monkeypatch):
    looked = []
    look = clustering.nearest

    def watched(queries, references, exclude):
        looked.append(len(queries) * len(references))
        return look(queries, references, exclude=exclude)

    monkeypatch.setattr(clustering, "nearest", watched)
    vectors, _ = plant(2, species=100)
    cluster(vectors, 0.7)
    assert looked[0] == len(vectors) ** 2
    assert sum(looked) < 3 * len(vectors) ** 2  # only what changed looks again


def test_the_order_of_rows_changes_no_cluster():
    vectors, _ = plant(3)
    order = np.random.default_rng(0).permutation(len(vectors))
    found, again = cluster(vectors, 0.7), cluster(vectors[order], 0.7)
    assert adjusted_rand_score(found[order], again) == 1


@pytest.mark.parametrize("noise", [0, 1e-8])
def test_equal_vectors_are_one_cluster_at_once(monkeypatch, noise):
    """Ties once made a ring of nearest ones, or one merge a round."""
    rounds = []
    look = clustering.nearest
    monkeypatch.setattr(clustering, "nearest", lambda *args, **kw: rounds.append(1) or look(*args, **kw))
    rng = np.random.default_rng(0)
    vectors = unit(np.repeat(rng.normal(size=(3, 64)), 200, axis=0) + noise * rng.normal(size=(600, 64)))
    assert np.bincount(cluster(vectors, 1 - 1e-4)).tolist() == [200, 200, 200]
    assert len(rounds) < 6


def test_few_rows():
    one = np.array([[0.6, 0.8]], np.float32)
    assert cluster(one, 0.9).tolist() == [0]
    assert cluster(one[:0], 0.9).tolist() == []
    assert cluster(np.concatenate([one, -one]), 0.9).tolist() == [0, 1]
    assert cluster(np.concatenate([one, one]), 0.9).tolist() == [0, 0]
    assert medoids(one, np.array([0])).tolist() == [0]


def test_labels_are_ordered_by_size_and_first_row():
    tree = Tree(np.array([0, 1, 2, 1, 4, 4]), np.array([-np.inf, -np.inf, -np.inf, 0.9, -np.inf, 0.9]))
    assert cut(tree, 0.5).tolist() == [2, 0, 3, 0, 1, 1]


def test_a_table_that_is_no_vectors_says_so():
    with pytest.raises(ValueError, match="NaN or infinity"):
        average_linkage(np.array([[np.nan, 1]], np.float32))


def test_the_threshold_is_the_best_of_all():
    vectors, species = plant(4)
    threshold, agreement = species_threshold(vectors, species)
    assert agreement == pytest.approx(adjusted_rand_score(species, cluster(vectors, threshold)), abs=1e-9)
    others = [adjusted_rand_score(species, cluster(vectors, other)) for other in np.linspace(-1, 1, 81)]
    assert agreement >= max(others) > 0.9


def test_the_threshold_serves_other_species():
    vectors, species = plant(5)
    threshold, _ = species_threshold(vectors, species)
    others, names = plant(6)
    assert adjusted_rand_score(names, cluster(others, threshold)) > 0.9
    shuffled = np.random.default_rng(0).permutation(species)
    assert species_threshold(vectors, shuffled)[1] < 0.1


def test_equal_vectors_of_two_species_leave_no_threshold_between():
    vectors = unit(np.array([[1, 0], [1, 0], [1, 0], [0, 1]]))
    threshold, agreement = species_threshold(vectors, np.array(["a", "a", "b", "c"]))
    assert agreement == pytest.approx(adjusted_rand_score([0, 0, 1, 2], cluster(vectors, threshold)))
    assert 0 < threshold < 1


@pytest.mark.parametrize("species", [["a", "a", "a"], ["a", "b", "c"]])
def test_species_that_tell_no_threshold(species):
    with pytest.raises(ValueError, match="at least two species, one of them with two sequences"):
        species_threshold(np.eye(3, dtype=np.float32), np.array(species))


def test_medoids_and_separation_equal_the_definition():
    vectors, _ = plant(7, species=10)
    labels = cluster(vectors, 0.75)
    cosines = vectors @ vectors.T
    within, between = separation(vectors, labels)
    members = [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]
    for row, label in enumerate(labels):
        own = members[label][members[label] != row]
        averages = [cosines[row, other].mean() for number, other in enumerate(members) if number != label]
        assert between[row] == pytest.approx(max(averages), abs=1e-5)
        assert (
            np.isnan(within[row]) if not len(own) else within[row] == pytest.approx(cosines[row, own].mean(), abs=1e-5)
        )
    for label, row in enumerate(medoids(vectors, labels)):
        sums = cosines[np.ix_(members[label], members[label])].sum(axis=1)
        assert row in members[label]
        assert sums[members[label] == row][0] == pytest.approx(sums.max(), abs=1e-4)


def test_a_single_cluster_has_no_other():
    assert np.isnan(separation(plant(8)[0], np.zeros(320, dtype=np.int64))[1]).all()
