"""The tree over shared sites equals its definition and SciPy's; clusters follow the barcode gap."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist
from sklearn.metrics import adjusted_rand_score

from modeling_dnacse.clustering import site_linkage as linkages
from modeling_dnacse.clustering.average_linkage import Tree
from modeling_dnacse.clustering.barcode_gap import OVER_SITES, cut_at_gaps
from modeling_dnacse.clustering.site_linkage import site_linkage
from modeling_dnacse.clustering.tree_cuts import Clusters, cut_at
from modeling_dnacse.commands.drawing import cluster_pictures
from modeling_dnacse.kmers import OTHER


def mutate(bases: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    mutated = bases.copy()
    sites = rng.choice(len(bases), count, replace=False)
    mutated[sites] = (mutated[sites] + 1) % 4
    return mutated


def plant() -> np.ndarray:
    """240 barcodes of 12 species at mixed distances; ten are copies, and a third are pieces."""
    rng = np.random.default_rng(0)
    gene = rng.integers(0, 4, 300).astype(np.uint8)
    ancestors = [mutate(gene, int(rng.integers(30, 60)), rng) for _ in range(12)]
    bases = np.array([mutate(ancestors[row % 12], int(rng.integers(0, 4)), rng) for row in range(240)])
    for row in range(0, 240, 3):
        start = int(rng.integers(0, 150))
        bases[row, :start] = bases[row, start + 150 :] = OTHER
    bases[120:130] = bases[:10]
    return bases


SPECIES = np.arange(240) % 12
SPECIES[120:130] = np.arange(10)


def test_the_picture_counts_clusters_without_another_one_near(tmp_path, monkeypatch):
    """It showed 89 of 111 clusters without a word."""
    drawn = []
    monkeypatch.setattr(cluster_pictures, "save", lambda figure, path: drawn.append(figure))
    widest, outside = np.array([0.01, 0, 0], np.float32), np.array([0.2, np.inf, np.inf], np.float32)
    clusters = Clusters(np.array([0, 0, 1, 2]), widest, outside)
    cluster_pictures.draw_gaps(tmp_path / "gaps.png", clusters)
    labels = drawn[0].axes[1].get_legend_handles_labels()[1]
    assert "to the nearest other cluster (1 clusters; 2 have none near)" in labels


def test_of_whole_barcodes_the_tree_equals_scipys(monkeypatch):
    monkeypatch.setattr(linkages, "ROWS", 50)
    monkeypatch.setattr(linkages, "OTHERS", 70)
    rng = np.random.default_rng(2)
    rows = [rng.integers(0, 4, 3000).astype(np.uint8)]
    for _ in range(120):  # of uneven descent, so that hardly any distances are equal
        rows.append(mutate(rows[int(rng.integers(len(rows)))], int(rng.integers(20, 300)), rng))
    bases = np.array(rows)
    tree = site_linkage(bases, 0.2)
    expected = linkage(pdist(bases, "hamming"), "average")
    np.testing.assert_allclose(np.sort(1 - tree.similarity[1:]), expected[:, 2], atol=4e-4)
    wide = np.flatnonzero(np.diff(expected[:, 2]) > 1e-3)
    assert len(wide) > 10
    for height in (expected[wide, 2] + expected[wide + 1, 2]) / 2:
        assert adjusted_rand_score(cut_at(tree, 1 - height).labels, fcluster(expected, height, "distance")) == 1


def test_pieces_join_their_species_and_rows_may_come_in_any_order():
    bases, order = plant(), np.random.default_rng(1).permutation(240)
    trees = [site_linkage(rows, OVER_SITES.least_identity) for rows in (bases, bases[order])]
    labels, again = (cut_at_gaps(tree).labels for tree in trees)
    assert adjusted_rand_score(labels, SPECIES) == 1
    assert adjusted_rand_score(labels[order], again) == 1


def test_two_pieces_come_together_by_the_whole_between_them():
    bases = np.zeros((3, 120), np.uint8)
    bases[0, 60:] = bases[2, :60] = OTHER
    assert cut_at_gaps(site_linkage(bases, OVER_SITES.least_identity)).labels.tolist() == [0, 0, 0]
    assert cut_at_gaps(site_linkage(bases[::2], OVER_SITES.least_identity)).labels.tolist() == [0, 1]


def chain(distances: list[float]) -> Tree:
    """A tree in which each row joins all before it at its distance."""
    return Tree(np.zeros(len(distances) + 1, int), np.array([-np.inf, *(1 - d for d in distances)], np.float32))


@pytest.mark.parametrize(
    ("distances", "clusters"),
    [
        ([0.02, 0.035], [0, 0, 0]),  # below the gap of the sample
        ([0.05, 0.11], [0, 0, 1]),  # a gap beyond 5 %
        ([0.045, 0.05, 0.08], [0, 1, 2, 3]),  # none
        ([0.045, 0.05, 0.11], [0, 0, 0, 1]),  # beyond the second: what lies between joins
        ([0.07, 0.5], [0, 1, 2]),  # too far, whatever the gap
    ],
)
def test_groups_join_across_a_gap_only(distances, clusters):
    found = cut_at_gaps(chain(distances))
    assert found.labels.tolist() == clusters
    assert (found.widest < found.outside).all()


def test_a_sample_of_close_species_has_its_own_gap():
    between = np.linspace(0.02, 0.08, 60).tolist()
    assert cut_at_gaps(chain([0.005] * 60 + between)).labels.max() == 60
    assert cut_at_gaps(chain([0.005] * 60 + [0.02] * 60)).labels.max() == 0  # one species of two lineages as well
    assert cut_at_gaps(chain([0.005] + between[:2])).labels.max() == 0  # too few to tell


def test_pieces_need_fifty_shared_sites():
    for shared, into in ((49, [0, 1]), (50, [0, 0])):
        bases = np.full((2, 149), OTHER, np.uint8)
        bases[0, :100], bases[1, 100 - shared :] = 0, 0
        assert site_linkage(bases, 0.9).into.tolist() == into


def test_the_whole_sample_has_no_gap_about_it():
    assert cut_at_gaps(chain([0.01, 0.05])).labels.tolist() == [0, 0, 1]


def test_few_sequences_and_those_of_no_marker():
    one = np.zeros((1, 80), np.uint8)
    unplaced = np.full((2, 80), OTHER, np.uint8)
    for bases, labels in ((one, [0]), (one[:0], []), (np.concatenate([unplaced, one]), [0, 1, 2])):
        assert cut_at_gaps(site_linkage(bases, OVER_SITES.least_identity)).labels.tolist() == labels
