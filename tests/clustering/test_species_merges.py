"""Clusters are those that most probably hold one species each."""

import numpy as np
import pytest

from modeling_dnacse import DnacseModel
from modeling_dnacse.clustering.average_linkage import Tree
from modeling_dnacse.clustering.site_linkage import FEWEST_SHARED
from modeling_dnacse.clustering.species_merges import (
    BREAK_EVEN,
    COUNT,
    EQUAL,
    USUAL_BETWEEN,
    USUAL_PAIRS,
    USUAL_SPREAD,
    USUAL_WITHIN,
    Weights,
    cluster_species,
    cut_by_species,
    features,
    means,
    probabilities,
    stand_ins,
)
from modeling_dnacse.clustering.tree_cuts import Clusters, Nodes, nodes_of, with_members
from modeling_dnacse.kmers import OTHER

WEIGHTS = Weights(-11.0, np.array([-2.3, 0.3, 0.6, 0.4, -0.1, 1.4]), np.zeros(0))  # about those of any marker


def chain(distances: list[float]) -> Tree:
    """A tree in which each row joins all before it at its distance."""
    return Tree(np.zeros(len(distances) + 1, int), np.array([-np.inf, *(1 - d for d in distances)], np.float32))


@pytest.fixture
def weighted_model(site_folder) -> DnacseModel:
    """A model with `WEIGHTS`, in which the vectors count for nothing."""
    model = DnacseModel.from_pretrained(site_folder).eval()
    model.config.species_merges = " ".join(
        map(str, [WEIGHTS.constant, *WEIGHTS.of_features, *[0] * model.config.hidden_size])
    )
    return model


def labels_of(tree: Tree, weights: Weights = WEIGHTS, vector_terms: float | np.ndarray = 0.0) -> list[int]:
    return cut_by_species(tree, weights, np.zeros(len(tree.into)) + vector_terms).labels.tolist()


@pytest.mark.parametrize(
    ("distances", "clusters"),
    [
        ([0.004, 0.01, 0.15], [0, 0, 0, 1]),  # a clear gap
        ([0.08, 0.15], [0, 1, 2]),  # too far, whatever the gap
        ([0.0, 0.0, 0.0], [0, 0, 0, 0]),  # copies
        ([], [0]),
    ],
)
def test_near_ones_are_of_one_species_and_far_ones_are_not(distances, clusters):
    assert labels_of(chain(distances)) == clusters


def test_clusters_are_the_cut_that_gains_most():
    """Against all cuts of small trees."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        tree = Tree(np.array([0, *(rng.integers(row) for row in range(1, 8))]), np.full(8, -np.inf, np.float32))
        tree.similarity[1:] = 1 - rng.random(7) * 0.2
        nodes = nodes_of(tree)
        chances = probabilities(nodes, WEIGHTS, np.zeros(8))
        gains = nodes.size[nodes.parts].prod(1) * (chances - BREAK_EVEN)

        def below(node, nodes=nodes):
            return [] if node < 8 else [node - 8, *(m for part in nodes.parts[node - 8] for m in below(part))]

        def best(node, nodes=nodes, gains=gains):
            if node < 8:
                return 0.0
            return max(gains[below(node)].sum(), sum(best(part) for part in nodes.parts[node - 8]))

        labels = np.array(labels_of(tree))
        kept = [m for m in range(7) if len({*labels[rows_below(nodes, m + 8)]}) == 1]
        assert sum(gains[kept]) == pytest.approx(sum(best(root) for root in np.flatnonzero(nodes.parent < 0)))


def rows_below(nodes: Nodes, node: int) -> list[int]:
    return [node] if node < 8 else [row for part in nodes.parts[node - 8] for row in rows_below(nodes, part)]


def test_what_a_model_knows_of_a_group_moves_its_threshold():
    tree = Tree(np.array([0, 0, 2, 2]), np.array([-np.inf, 0.975, -np.inf, 0.975], np.float32))
    vector_terms = np.array([9.0, 9.0, -9.0, -9.0])
    assert labels_of(tree, vector_terms=vector_terms) == [0, 0, 1, 2]


def test_features_say_what_they_are_named():
    nodes = nodes_of(chain([0.01, 0.03, 0.1]))
    found = features(nodes)
    assert found.shape == (3, COUNT)
    np.testing.assert_allclose(np.exp(found[:, 0]), [0.014, 0.034, 0.104], rtol=1e-5)
    np.testing.assert_allclose(np.exp(found[:2, 1]), [0.034 / 0.014, 0.104 / 0.034], rtol=1e-5)
    assert found[2, 1] == 0  # nothing is known beyond the whole sample
    spread = (0.01 + 2 * 0.03 + USUAL_PAIRS * USUAL_SPREAD) / (3 + USUAL_PAIRS)  # three pairs within the larger part
    np.testing.assert_allclose(np.exp(found[2, 2]), 0.104 / (spread + EQUAL), rtol=1e-5)
    np.testing.assert_allclose(np.exp(found[:, 3:5]), [[1, 1], [2, 1], [3, 1]])
    np.testing.assert_allclose(np.exp(found[:, 5]), (1 + USUAL_WITHIN) / (1 + USUAL_BETWEEN))
    np.testing.assert_allclose(means(nodes, np.array([1.0, 2, 3, 6])), [1.5, 2, 3])


def test_a_model_without_weights_cuts_at_gaps_and_wrong_weights_are_refused(site_folder):
    model = DnacseModel.from_pretrained(site_folder)
    assert model.config.species_merges is None
    bases = np.zeros((3, model.config.sites), np.uint8)
    assert cluster_species(model, bases).labels.tolist() == [0, 0, 0]
    model.config.species_merges = "1 2 3"
    with pytest.raises(ValueError, match="has 3 numbers; give"):
        cluster_species(model, bases)


def test_copies_of_some_sequences_change_the_cluster_of_none(weighted_model):
    """200 copies of one barcode merged other species, since merges of copies counted as near ones of the sample."""
    rng = np.random.default_rng(0)
    width = weighted_model.config.sites
    species = rng.integers(0, 4, (4, width))
    bases = np.where(rng.random((12, width)) < 0.01, 3, np.repeat(species, 3, axis=0)).astype(np.uint8)
    bases[-1] = OTHER  # no site: copies of this one stay apart
    alone = cluster_species(weighted_model, bases).labels
    rows = np.concatenate([rng.permutation(12), np.repeat([0, 5, 11], [200, 30, 2])])
    labels = cluster_species(weighted_model, bases[rows]).labels
    for row in range(11):
        for other in range(11):
            same = labels[rows == row][:, None] == labels[rows == other]
            assert (same == (alone[row] == alone[other])).all()
    assert len(set(labels[rows == 11].tolist())) == 3 and np.bincount(labels).argmax() == 0


def test_cuts_of_some_sequences_change_the_cluster_of_none(weighted_model):
    """A barcode and its cut merged at distance 0, as near sequences of the sample do: 60 species were 50 clusters."""
    rng = np.random.default_rng(0)
    width = weighted_model.config.sites
    species = np.where(rng.random((15, width)) < 0.06, 3, rng.integers(0, 4, (5, width)).repeat(3, axis=0))
    bases = np.where(rng.random((30, width)) < 0.01, 2, np.repeat(species, 2, axis=0)).astype(np.uint8)
    cuts = np.tile(bases, (8, 1))
    for row, first in enumerate(rng.integers(1, width // 2, len(cuts))):
        cuts[row, :first], cuts[row, first + width // 3 :] = OTHER, OTHER
    labels = cluster_species(weighted_model, np.concatenate([bases, cuts])).labels.reshape(9, -1)
    alone = cluster_species(weighted_model, bases).labels
    assert ((labels[0][:, None] == labels[0]) == (alone[:, None] == alone)).all()
    assert (labels == labels[0]).all()


def test_the_longest_sequence_stands_for_its_copies_and_parts(monkeypatch):
    """Against a loop; and another order of the sequences changes none of them."""
    monkeypatch.setattr("modeling_dnacse.clustering.copies.ROWS", 16)
    rng = np.random.default_rng(0)
    bases = np.repeat(rng.integers(0, 4, (8, 90), dtype=np.uint8), 20, axis=0)
    for row, length in enumerate(rng.integers(30, 91, len(bases))):
        first = rng.integers(90 - length + 1)
        bases[row, :first], bases[row, first + length :] = OTHER, OTHER
        bases[row, rng.integers(90)] = OTHER  # N
    bases[::9, 80] = 3  # variants
    found = stand_ins(bases)
    covered = (bases < OTHER).sum(1)
    parts = np.array([[(row == other)[row < OTHER].all() for other in bases] for row in bases])
    parts &= covered[:, None] < covered
    parts[covered < FEWEST_SHARED] = False
    assert parts.any(1).sum() > 30 and (covered < FEWEST_SHARED).sum() > 30
    longest = np.where(parts, covered, 0).max(1)
    assert (covered[found] == np.maximum(longest, covered)).all()
    assert (parts[np.arange(len(bases)), found] == parts.any(1)).all()
    order = rng.permutation(len(bases))
    assert (bases[order][stand_ins(bases[order])] == bases[found][order]).all()


def test_large_samples_are_not_searched_for_parts(monkeypatch):
    bases = np.zeros((3, 90), np.uint8)
    bases[1, 60:] = OTHER
    assert stand_ins(bases).tolist() == [0, 0, 0]
    monkeypatch.setattr("modeling_dnacse.clustering.species_merges.LARGE", 2)
    assert stand_ins(bases).tolist() == [0, 1, 0]


def test_clusters_of_copies_are_numbered_by_their_members():
    clusters = Clusters(np.array([0, 0, 1, 2]), np.float32([0.1, 0.2, 0.3]), np.float32([1, 2, 3]))
    found = with_members(clusters, np.array([3, 2, 1, 3, 0, 2, 3]))
    assert found.labels.tolist() == [0, 1, 2, 0, 2, 1, 0]
    assert found.widest.tolist() == np.float32([0.3, 0.2, 0.1]).tolist() and found.outside.tolist() == [3, 2, 1]


def test_the_feature_of_the_sample_counts_each_near_group_once():
    """Groups {0, 1, 2} and {3, 4}, and one merge at a distance usual between close species; copies add nothing."""
    distances = [0.001, 0.002, 0.2, 0.004, 0.05]
    expected = np.log((2 + USUAL_WITHIN) / (1 + USUAL_BETWEEN))
    for copies in (0, 7):
        into, similarity = [0, 0, 0, 0, 3, 0, *[0] * copies], [-np.inf, *(1 - np.array(distances)), *[1] * copies]
        nodes = nodes_of(Tree(np.array(into), np.array(similarity)))
        np.testing.assert_allclose(features(nodes)[:, -1], expected)
