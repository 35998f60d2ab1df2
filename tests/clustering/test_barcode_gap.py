"""The spanning tree equals SciPy's single linkage; clusters follow the barcode gap."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.metrics import adjusted_rand_score

from modeling_dnacse.clustering import spanning_tree as trees
from modeling_dnacse.clustering.barcode_gap import cluster_by_gap, cut_at_gaps
from modeling_dnacse.clustering.distances import kmer_sets, site_distances
from modeling_dnacse.clustering.spanning_tree import Edges, spanning_tree
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.reading.sequences import reverse_complement


def mutate(bases: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    mutated = bases.copy()
    sites = rng.choice(len(bases), count, replace=False)
    mutated[sites] = (mutated[sites] + 1) % 4
    return mutated


@pytest.fixture(scope="module")
def barcodes():
    """240 barcodes of 12 groups at mixed distances; a third are pieces, ten are copies."""
    rng = np.random.default_rng(0)
    gene = rng.integers(0, 4, 300).astype(np.uint8)
    ancestors = [mutate(gene, int(rng.integers(5, 60)), rng) for _ in range(12)]
    bases = np.array([mutate(ancestors[row % 12], int(rng.integers(0, 12)), rng) for row in range(240)])
    for row in range(0, 240, 3):
        start = int(rng.integers(0, 180))
        bases[row, :start] = bases[row, start + 120 :] = OTHER
    bases[100:110] = bases[:10]
    return np.asfortranarray(bases)


def test_the_tree_equals_scipys(barcodes, monkeypatch):
    monkeypatch.setattr(trees, "NEAREST", 3)  # so that lists are spent
    monkeypatch.setattr(trees, "ROWS", 50)
    monkeypatch.setattr(trees, "OTHERS", 70)
    tree = spanning_tree(barcodes, 0.15)
    table = site_distances(*[trees.torch.from_numpy(barcodes)] * 2).numpy().astype(float)
    same = (barcodes[:, None] == barcodes[None]).all(2) & np.isfinite(table)
    table = np.where(same, 0, np.minimum(table, 1))
    np.fill_diagonal(table, 0)
    expected = linkage(squareform(table), "single")
    short = expected[expected[:, 2] <= 0.15, 2]
    np.testing.assert_allclose(tree.distance, short, atol=1e-6)
    for height in (0.01, 0.05, 0.1):
        kept = Edges(*(part[tree.distance <= height] for part in tree))
        labels = cut_at_gaps(len(barcodes), kept, certain=height).labels
        assert adjusted_rand_score(labels, fcluster(expected, height, "distance")) == 1


def test_the_order_of_rows_changes_no_cluster(barcodes):
    order = np.random.default_rng(1).permutation(len(barcodes))
    labels, again = cluster_by_gap(barcodes).labels, cluster_by_gap(barcodes[order]).labels
    assert 1 < labels.max() < 200 and adjusted_rand_score(labels[order], again) == 1


@pytest.mark.parametrize(
    ("distances", "clusters"),
    [
        ([0.02, 0.02], [0, 0, 0]),  # certain
        ([0.05, 0.2], [0, 0, 1]),  # a gap beyond 5 %
        ([0.05, 0.07, 0.1], [0, 1, 2, 3]),  # none
        ([0.05, 0.07, 0.2], [0, 0, 0, 1]),  # beyond the second: what lies between joins
        ([0.09, 0.5], [0, 1, 2]),  # too far, whatever the gap
    ],
)
def test_groups_join_across_a_gap_only(distances, clusters):
    steps = np.array(distances, np.float32)
    rows = np.arange(len(steps))
    found = cut_at_gaps(len(steps) + 1, Edges(rows, rows + 1, steps))
    assert found.labels.tolist() == clusters
    assert (found.widest < found.outside).all()


def test_few_sequences():
    one = np.zeros((1, 80), np.uint8)
    assert cluster_by_gap(one).labels.tolist() == [0]
    assert cluster_by_gap(one[:0]).labels.tolist() == []
    unplaced = np.full((2, 80), OTHER, np.uint8)
    assert cluster_by_gap(np.concatenate([unplaced, one])).labels.tolist() == [0, 1, 2]


def test_sequences_of_no_marker_are_compared_by_kmers():
    rng = np.random.default_rng(2)
    wholes = [rng.integers(0, 4, 650).astype(np.uint8) for _ in range(5)]
    pieces = [mutate(whole, 8, rng)[100:413] for whole in wholes]
    texts = ["".join("ACGT"[base] for base in bases) for bases in [*wholes, *pieces]]
    texts[5:] = map(reverse_complement, texts[5:])
    bases = np.full((11, 80), OTHER, np.uint8)
    bases[3] = 0  # of the marker
    texts.insert(3, "")
    kmers = kmer_sets([text for text in texts if text])
    labels = cluster_by_gap(bases, kmers).labels
    assert labels[3] == 5 and np.delete(labels, 3).tolist() == [0, 1, 2, 3, 4] * 2
