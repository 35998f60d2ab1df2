"""Alterations: rates are what they say, strengths are nested, and nothing but the stated change happens."""

import numpy as np
import pytest

from benchmarks.scoring.alterations import cut_windows, flip_half, mutate
from modeling_dnacse.reading.sequences import reverse_complement


@pytest.fixture
def sequences() -> list[str]:
    rng = np.random.default_rng(0)
    return ["".join(rng.choice(list("ACGT"), length)) for length in (5000, 3000, 4000)]


def differences(a: str, b: str) -> set[int]:
    return {i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y}


def test_half_of_the_sequences_are_flipped():
    sequences = ["AAAC"] * 101
    flipped = flip_half(sequences, seed=3)
    assert flipped.count("GTTT") == 50
    assert flipped.count("AAAC") == 51
    assert flip_half(sequences, seed=4) != flipped


def test_flipping_twice_gives_all_back(sequences):
    assert flip_half(flip_half(sequences, seed=5), seed=5) == sequences
    assert [reverse_complement(reverse_complement(s)) for s in sequences] == sequences


def test_windows_of_every_length_share_their_place(sequences):
    places = np.random.default_rng(1).random(3)
    short, long = (cut_windows(sequences, length, places) for length in (100, 1000))
    for sequence, inner, outer in zip(sequences, short, long, strict=True):
        assert len(inner) == 100
        assert len(outer) == 1000
        assert inner in outer
        assert outer in sequence


def test_windows_reach_both_ends():
    assert cut_windows(["ACGGT"] * 2, 2, np.array([0.0, 1.0])) == ["AC", "GT"]
    assert cut_windows(["ACGGT"], 9, np.array([0.7])) == ["ACGGT"]


def test_substitutions_come_at_their_rate_and_change_the_base(sequences):
    mutated = mutate(sequences, 0.1, seed=0)
    assert [len(s) for s in mutated] == [len(s) for s in sequences]
    wrong = sum(len(differences(a, b)) for a, b in zip(sequences, mutated, strict=True))
    assert 0.09 < wrong / 12_000 < 0.11
    assert mutate(sequences, 0.0, seed=0) == sequences
    assert all(a != b for a, b in zip(sequences[0], mutate(sequences, 1.0, seed=0)[0], strict=True))


def test_weaker_errors_are_among_the_stronger(sequences):
    weak, strong = (mutate(sequences, rate, seed=2) for rate in (0.01, 0.05))
    for original, few, many in zip(sequences, weak, strong, strict=True):
        assert differences(original, few) < differences(original, many)


def test_indels_change_the_length_as_their_share_says():
    only_deleted_or_doubled = mutate(["A" * 100_000], 0.1, seed=0, indels=1.0)[0]
    inserted = sum(only_deleted_or_doubled.count(base) for base in "CGT") * 4 / 3  # a quarter of them are As
    deleted = 100_000 + inserted - len(only_deleted_or_doubled)
    assert inserted == pytest.approx(5000, rel=0.1)
    assert deleted == pytest.approx(5000, rel=0.1)
    # of a half, only a half are indels: the rest are substitutions, and the rate of errors is the same
    mixed = mutate(["A" * 100_000], 0.1, seed=0, indels=0.5)[0]
    assert sum(mixed.count(base) for base in "CGT") == pytest.approx(5000 + 2500 * 3 / 4, rel=0.1)


def test_an_unknown_base_is_never_made_known():
    assert set(mutate(["N" * 1000], 0.5, seed=0)[0]) == {"N"}


def test_a_sequence_does_not_depend_on_the_ones_after_it(sequences):
    assert mutate(sequences, 0.1, seed=0)[:2] == mutate(sequences[:2], 0.1, seed=0)
