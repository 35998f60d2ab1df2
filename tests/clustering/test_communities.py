"""Communities: planted genomes are found whatever their number and size, and depths part equal vectors."""

import numpy as np
import pytest

from modeling_dnacse.clustering import communities as module
from modeling_dnacse.clustering.communities import communities, shared_neighbours
from modeling_dnacse.clustering.depths import scale_depths


def genomes(sizes: list[int], width: int = 64, noise: float = 0.08, seed: int = 0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    centres = rng.normal(size=(len(sizes), width))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = centres[labels] + noise * rng.normal(size=(len(labels), width))
    order = rng.permutation(len(labels))
    return vectors[order], labels[order]


def are_one_to_one(bins: np.ndarray, labels: np.ndarray) -> bool:
    pairs = {*zip(bins[bins > 0].tolist(), labels[bins > 0].tolist(), strict=True)}
    return len(pairs) == len({pair[0] for pair in pairs}) == len({pair[1] for pair in pairs}) == len(np.unique(labels))


@pytest.mark.parametrize("sizes", [[30, 40], [20] * 12, [400, 300], [15, 30, 60, 120, 240]])
def test_planted_genomes_of_any_number_and_size_are_found(sizes):
    vectors, labels = genomes(sizes)
    bins = communities(vectors)
    assert are_one_to_one(bins, labels)
    assert (bins > 0).mean() > 0.9
    assert (communities(vectors * 7) == bins).all()


def test_few_or_no_contigs():
    vectors, labels = genomes([30, 5])
    bins = communities(vectors)
    assert set(bins[labels == 0].tolist()) <= {-1, 1} and (bins[labels == 1] != 2).all()
    assert communities(vectors[:1], min_bin_size=1).tolist() == [1]
    assert communities(vectors[:9]).tolist() == [-1] * 9
    assert communities(np.empty((0, 4))).size == 0
    with pytest.raises(ValueError, match="give finite"):
        communities(np.array([[np.nan, 1.0]]))


def test_depths_part_genomes_of_equal_vectors_unless_they_are_noise():
    vectors, labels = genomes([60, 60], seed=1)
    vectors = vectors[np.argsort(labels)]
    rng = np.random.default_rng(0)
    alike = np.tile(vectors[:60].mean(axis=0), (120, 1)) + 0.08 * rng.normal(size=(120, 64))
    twin = np.arange(120) % 2
    assert len(set(communities(alike).tolist()) - {-1}) == 1
    told = np.exp(0.1 * rng.normal(size=(120, 3))) * np.array([[3.0, 8, 20], [30, 9, 2]])[twin]
    assert are_one_to_one(communities(alike, scale_depths(alike, told)), twin)
    untold = np.exp(rng.normal(size=(120, 3)))
    assert scale_depths(alike, untold).std() < 0.5  # a scatter of its neighbours' own size
    assert scale_depths(alike, 100 * told) == pytest.approx(scale_depths(alike, told))


def test_blocks_and_limits_change_only_what_they_should(monkeypatch):
    vectors, _ = genomes([80, 90])
    points = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    whole = shared_neighbours(points, None, 0.1)
    own = [{row, *np.argsort(-(points @ points[row]), kind="stable")[:18].tolist()} for row in range(len(points))]
    for first, second, weight in zip(*whole, strict=True):
        ends = own[first], own[second]
        assert weight == pytest.approx(len(ends[0] & ends[1]) / len(ends[0] | ends[1]))
    monkeypatch.setattr(module, "BLOCK", 1)
    for one, other in zip(whole, shared_neighbours(points, None, 0.1), strict=True):
        assert (one == other).all()
    monkeypatch.setattr(module, "EDGES", 0)
    assert len(shared_neighbours(points, None, 0.1)[0]) <= 10 * len(points)
