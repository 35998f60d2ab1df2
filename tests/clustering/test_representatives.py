"""The representative of a cluster, and the pairs that are drawn, do not depend on the order of sequences."""

import numpy as np
import pytest

from modeling_dnacse.clustering.average_linkage import medoids
from modeling_dnacse.clustering.kmer_exponent import near_pairs
from modeling_dnacse.clustering.kmer_linkage import representatives_of
from modeling_dnacse.clustering.representatives import representatives

ONES = np.ones(6, int)


def different_rows():
    """Six rows that are equally near each other: each differs from the others at a place of its own."""
    common = np.random.default_rng(0).integers(0, 4, 40)
    rows = np.tile(common, (6, 1))
    rows[np.arange(6), np.arange(6)] = (common[:6] + 1) % 4
    return rows


@pytest.mark.parametrize(
    ("rows", "choose"),
    [
        (different_rows(), lambda rows: representatives(rows, np.zeros(6, int), ONES)),
        (
            np.packbits(np.eye(6, 16, dtype=bool), axis=1),
            lambda rows: representatives_of(rows, np.zeros(6, int), ONES),
        ),
        (np.eye(6), lambda rows: medoids(rows, np.zeros(6, int))),
    ],
    ids=["sites", "k-mers", "vectors"],
)
def test_of_equally_near_members_the_content_decides(rows, choose):
    rng, chosen = np.random.default_rng(1), set()
    for _ in range(5):
        order = rng.permutation(6)
        (row,) = choose(rows[order])
        chosen.add(int(order[row]))
    assert len(chosen) == 1


def test_the_order_of_sequences_draws_no_other_pairs():
    rng = np.random.default_rng(2)
    sets = np.packbits(rng.random((8, 4096)) < 0.3, axis=1).repeat(5, axis=0)
    sets ^= np.packbits(rng.random((40, 4096)) < 0.05, axis=1)
    order = rng.permutation(40)
    (pairs, near), (again, as_near) = near_pairs(sets), near_pairs(sets[order])
    assert len(near) > 10
    assert (pairs == order[again]).all() and (near == as_near).all()
