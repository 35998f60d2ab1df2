"""Sequences of any marker join by the k-mers that they share."""

import numpy as np

from modeling_dnacse.clustering.kmer_linkage import kmer_linkage, kmer_sets


def test_a_fragment_joins_its_whole_however_rare_short_sequences_are():
    """Lengths were rounded up to 64 of the sample, so of 6 exact fragments among 400 sequences 3 stayed alone."""
    rng = np.random.default_rng(0)
    wholes = ["".join(rng.choice(list("ACGT"), 300 + row)) for row in range(130)]
    fragments = [wholes[5][20:160], wholes[90][100:250]]
    tree = kmer_linkage(kmer_sets([*wholes, *fragments]), 0.9)
    assert tree.into[-2:].tolist() == [5, 90] and (tree.similarity[-2:] > 0.999).all()
    assert np.isinf(tree.similarity[:-2]).all()
