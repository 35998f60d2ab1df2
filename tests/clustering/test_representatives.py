"""The representative of a cluster does not depend on the order of its members."""

import numpy as np

from modeling_dnacse.clustering.representatives import representatives


def test_of_equally_near_members_the_content_decides():
    rng = np.random.default_rng(0)
    common = rng.integers(0, 4, 40)
    bases = np.tile(common, (6, 1))
    bases[np.arange(6), np.arange(6)] = (common[:6] + 1) % 4  # each differs from the others at a site of its own
    chosen = set()
    for _ in range(5):
        order = rng.permutation(6)
        (row,) = representatives(bases[order], np.zeros(6, int), np.ones(6, int))
        chosen.add(int(order[row]))
    assert len(chosen) == 1
