"""Sketches are the same for both strands, estimate the share of k-mers, and minimizers miss no long match."""

import numpy as np
import pytest

from benchmarks.data.sketches import NONE, K, hashed_kmers, minimizers, sketch
from modeling_dnacse.reading.sequences import reverse_complement


def random_bases(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


@pytest.mark.parametrize("k", [1, 5, 21, 31])
def test_hashes_are_those_of_canonical_kmers(k):
    sequence = random_bases(200, k)
    hashes = hashed_kmers(sequence, k)
    kmers = [sequence[i : i + k] for i in range(len(sequence) - k + 1)]
    canonical = [min(kmer, reverse_complement(kmer)) for kmer in kmers]
    of_kmer = dict(zip(canonical, hashes.tolist(), strict=True))
    assert [of_kmer[kmer] for kmer in canonical] == hashes.tolist()
    assert len(set(of_kmer.values())) == len(of_kmer)


def test_windows_with_an_unknown_base_have_no_hash():
    sequence = random_bases(100, 0)
    hashes = hashed_kmers(sequence[:50] + "N" + sequence[51:])
    assert (hashes == NONE).sum() == K
    assert not hashed_kmers("N" * 30).size
    assert (hashed_kmers("N" * 40) == NONE).all()
    assert not sketch("N" * 40, scale=1).size


def test_a_sketch_keeps_about_one_in_scale():
    assert 850 < sketch(random_bases(100_000, 1), scale=100).size < 1150


def test_the_shared_part_follows_the_identity():
    rng = np.random.default_rng(0)
    a = random_bases(200_000, 2)
    hit = rng.random(len(a)) < 0.02
    b = "".join("ACGT"["ACGT".index(base) - 1] if h else base for base, h in zip(a, hit, strict=True))
    kept = sketch(a, scale=20)
    share = np.isin(kept, sketch(reverse_complement(b), scale=20)).mean()
    assert share == pytest.approx(0.98**K, abs=0.03)


def test_a_match_of_window_and_k_has_a_minimizer_in_common():
    window = 70
    for seed in range(50):
        match = random_bases(window + K - 1, seed)
        a = random_bases(300, 1000 + seed) + match + random_bases(200, 2000 + seed)
        b = random_bases(100, 3000 + seed) + reverse_complement(match) + random_bases(400, 4000 + seed)
        assert np.intersect1d(minimizers(a, window), minimizers(b, window)).size
