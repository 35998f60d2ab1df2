"""Strand-merged spectra: equal to plain counting and to the recorded values, the same for both strands."""

import itertools

import numpy as np
import pytest

from benchmarks.methods.kmers import kmer_frequencies
from benchmarks.methods.spectra import BASELINES, canonical_spectra, kernel, kernel_spectra, reverse_complements
from modeling_dnacse.reading.sequences import reverse_complement

SEQUENCES = ["ACGTACGTAGGCTAACCGGTTA", "TTGACCA", "ACGTNNACGTAACTTACG", "GATTACAGATTACAGATTACA"]


@pytest.mark.parametrize("k", [1, 3, 4])
def test_canonical_spectra_equal_plain_counting(k):
    kmers = ["".join(kmer) for kmer in itertools.product("ACGT", repeat=k)]
    columns = [kmer for kmer in kmers if kmer <= reverse_complement(kmer)]
    expected = np.zeros((len(SEQUENCES), len(columns)))
    for row, sequence in enumerate(SEQUENCES):
        windows = [sequence[i : i + k] for i in range(len(sequence) - k + 1)]
        windows = [min(window, reverse_complement(window)) for window in windows if "N" not in window]
        expected[row] = [windows.count(kmer) / len(windows) for kmer in columns]
    np.testing.assert_allclose(canonical_spectra(SEQUENCES, k) ** 2, expected, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "columns"), [("canonical4", 136), ("canonical5", 512), ("canonical6", 2080), ("canonical7", 8192)]
)
def test_canonical_spectra_do_not_tell_strands_apart(name, columns):
    encode = BASELINES[name](name, None, None).encode
    vectors = encode(SEQUENCES)
    assert vectors.shape == (4, columns)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(vectors, encode([reverse_complement(sequence) for sequence in SEQUENCES]))


def test_blocks_do_not_show(monkeypatch):
    together = canonical_spectra(SEQUENCES, 4)
    monkeypatch.setattr("benchmarks.methods.spectra.BLOCK", 3)
    assert np.array_equal(canonical_spectra(SEQUENCES, 4), together)


def test_sequences_without_a_window_are_zero():
    assert not canonical_spectra(["", "ACG", "NNNNNNN"], 4).any()
    assert not kernel_spectra(["", "ACG", "NNNNNNN"], "ACGT").any()


def test_codes_of_reverse_complements():
    kmers = ["".join(kmer) for kmer in itertools.product("ACGT", repeat=4)]
    assert [kmers[code] for code in reverse_complements(4)] == [reverse_complement(kmer) for kmer in kmers]


def test_kernel_is_an_orthonormal_basis_of_what_the_constraints_leave():
    """103 = 136 canonical 4-mers - 1 sum - 32 canonical 3-mers' balances."""
    assert kernel().shape == (256, 103)
    np.testing.assert_allclose(kernel().T @ kernel(), np.eye(103), atol=1e-12)
    np.testing.assert_allclose(kernel().sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(kernel()[reverse_complements(4)], kernel(), atol=1e-12)


def test_tnf_k_equals_the_public_implementation_up_to_the_choice_of_axes(reference):
    """A basis of a space is arbitrary: inner products, hence lengths and cosines, are what can be equal."""
    recorded = np.load(reference / "tnf_k_reference.npz")["tnf_k.features"]
    sequences = np.load(reference / "tnf_reference.npz")["tnf.sequences"].tolist()
    found = BASELINES["tnf_k"]("tnf_k", None, None).encode(sequences)
    assert found.shape == recorded.shape
    assert found.dtype == np.float32
    np.testing.assert_allclose(found @ found.T, recorded @ recorded.T, atol=1e-8)
    vamb = BASELINES["tnf_k_vamb"]("tnf_k_vamb", None, None).encode(sequences)
    assert np.abs(vamb @ vamb.T - recorded @ recorded.T).max() > 1e-4  # 5 % of the largest


def test_the_published_order_of_columns_tells_strands_apart_and_vambs_does_not():
    rng = np.random.default_rng(0)
    sequences = ["".join(rng.choice(list("ACGT"), 3000, p=[0.4, 0.3, 0.2, 0.1])) for _ in range(3)]
    flipped = [reverse_complement(sequence) for sequence in sequences]
    np.testing.assert_allclose(kernel_spectra(sequences, "ACGT"), kernel_spectra(flipped, "ACGT"), atol=1e-6)
    assert np.abs(kernel_spectra(sequences, "ATCG") - kernel_spectra(flipped, "ATCG")).max() > 1e-3


def test_vambs_spectra_keep_the_merged_frequencies_of_a_circle():
    """On a circular molecule the constraints hold exactly, so that the projection loses nothing but the mean."""
    rng = np.random.default_rng(1)
    circle = "".join(rng.choice(list("ACGT"), 500))
    frequencies = kmer_frequencies([circle + circle[:3]], 4)
    merged = (frequencies + frequencies[:, reverse_complements(4)]) / 2
    np.testing.assert_allclose(kernel_spectra([circle + circle[:3]], "ACGT") @ kernel().T, merged - 1 / 256, atol=1e-6)
