"""A large sample is clustered in blocks of near sequences."""

import numpy as np
from sklearn.metrics import adjusted_rand_score

from modeling_dnacse import DnacseModel
from modeling_dnacse.clustering import large_samples
from modeling_dnacse.clustering.average_linkage import cut
from modeling_dnacse.clustering.large_samples import blocks_of, divide, grow_tree
from modeling_dnacse.clustering.site_linkage import site_linkage
from modeling_dnacse.clustering.tree_cuts import nodes_of
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.vectors.at_sites import read_sites
from tests.support.marker import simulate_marker


def test_blocks_give_the_clusters_of_the_whole(site_folder, monkeypatch):
    model, tokenizer = load_checkpoint(DnacseModel, str(site_folder))
    records = simulate_marker(seed=1, genera=40)
    bases = read_sites(model.eval(), tokenizer, [record["sequence"] for record in records]).bases
    bases[7] = OTHER  # of another marker
    whole = site_linkage(bases, 0.8)
    for name, value in {"LARGE": 100, "LEADERS": 120, "BLOCK": 40}.items():
        monkeypatch.setattr(large_samples, name, value)
    blocks = list(divide(model, bases))
    assert len(blocks) > 4 and max(map(len, blocks)) <= 40
    assert np.sort(np.concatenate(blocks)).tolist() == list(range(len(bases)))
    assert all((np.diff(rows) > 0).all() for rows in blocks)
    tree = grow_tree(model, bases, 0.8)
    assert adjusted_rand_score(cut(tree, 0.95), cut(whole, 0.95)) > 0.97
    assert tree.into[7] == 7 and np.isinf(tree.similarity[7])


def test_a_small_sample_is_compared_whole(monkeypatch):
    monkeypatch.setattr(large_samples, "divide", None)
    bases = np.zeros((3, 60), np.uint8)
    assert grow_tree(None, bases, 0.9).into.tolist() == [0, 0, 0]


def test_what_is_as_similar_as_one_species_is_not_divided():
    tree = site_linkage(np.array([[0] * 100, [0] * 97 + [1] * 3, [0] * 40 + [2] * 60], np.uint8), 0.3)
    assert np.isfinite(tree.similarity).sum() == 2
    assert nodes_of(tree).height[-1] > 1 - large_samples.WHOLE
    first, second, third = blocks_of(tree, np.array([3000, 3000, 10])).tolist()
    assert first == second != third
