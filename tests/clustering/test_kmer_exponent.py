"""The exponent of shared k-mers: pairs are aligned as edlib does, and it tells clustered substitutions from others."""

import edlib
import numpy as np
import pytest

from modeling_dnacse.clustering.kmer_exponent import aligned_identities, fit_exponent, near_pairs
from modeling_dnacse.clustering.kmer_linkage import K, kmer_sets
from modeling_dnacse.reading.sequences import reverse_complement


def random_sequence(rng: np.random.Generator, length: int) -> str:
    return "".join(rng.choice(list("ACGT"), length))


def substituted(sequence: str, places: np.ndarray, rng: np.random.Generator) -> str:
    letters = list(sequence)
    for place in places:
        letters[place] = rng.choice([base for base in "ACGT" if base != letters[place]])
    return "".join(letters)


def test_pairs_are_aligned_as_edlib_does():
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(40):
        whole = random_sequence(rng, int(rng.integers(20, 200)))
        first = int(rng.integers(len(whole) - 15))
        part = whole[first : first + int(rng.integers(10, 200))]
        part = substituted(part, rng.integers(0, len(part), 3), rng)
        cut = int(rng.integers(len(part)))
        pairs.append((whole, part[:cut] + part[cut + int(rng.integers(4)) :] or "A"))
    expected = []
    for pair in pairs:
        shorter, longer = sorted(pair, key=len)
        expected.append(1 - edlib.align(shorter, longer, mode="HW")["editDistance"] / len(shorter))
    np.testing.assert_allclose(aligned_identities(pairs), expected)


@pytest.mark.parametrize(("variable", "least", "most"), [(600, 5.8, 7.0), (60, 3.0, 4.5)])
def test_substitutions_in_a_short_variable_part_change_fewer_kmers(variable, least, most):
    rng = np.random.default_rng(1)
    ancestors = [random_sequence(rng, 600) for _ in range(20)]
    sequences = []
    for number in range(200):
        changed = substituted(ancestors[number % 20], rng.choice(variable, 10, replace=False), rng)
        sequences.append(changed if number % 3 else reverse_complement(changed))
    pairs, containment = near_pairs(kmer_sets(sequences))
    assert len(pairs) == 60 and not np.any(pairs[:, 0] == pairs[:, 1])
    assert least <= fit_exponent([(sequences[a], sequences[b]) for a, b in pairs], containment) <= most


def test_unknown_bases_do_not_change_the_exponent():
    """They hold no k-mer, but were aligned as if they differed."""
    rng = np.random.default_rng(1)
    ancestors = [random_sequence(rng, 600) for _ in range(20)]
    sequences = [substituted(ancestors[row % 20], rng.choice(600, 10, replace=False), rng) for row in range(200)]
    unknown = [sequence + "N" * 45 if row % 2 else "N" * 30 + sequence for row, sequence in enumerate(sequences)]
    pairs, containment = near_pairs(kmer_sets(sequences))
    fitted = [fit_exponent([(texts[a], texts[b]) for a, b in pairs], containment) for texts in (sequences, unknown)]
    assert fitted[0] == fitted[1] < K


def test_too_few_near_pairs_leave_the_exponent_at_k():
    rng = np.random.default_rng(2)
    sequences = ["", "N" * 50, *(random_sequence(rng, 300) for _ in range(5))]
    pairs, containment = near_pairs(kmer_sets(sequences))
    assert not len(pairs) and fit_exponent([], containment) == K
    assert not len(near_pairs(kmer_sets(["N" * 50, "ACG"]))[0])
