"""Packed answers come back as they were, and paired differences hold what they should."""

import numpy as np
import pytest

from benchmarks.scoring.paired import pack, paired_difference, unpack


@pytest.fixture
def queries() -> tuple[np.ndarray, np.ndarray]:
    species = np.repeat([f"s{number:03}" for number in range(200)], 5)
    return species, np.array([f"q{number}" for number in range(1000)])


def test_answers_come_back_whatever_the_order_of_the_queries(queries):
    species, ids = queries
    right = np.random.default_rng(0).random(1000) < 0.7
    packed = pack(right, species, ids)
    assert unpack(packed).right.sum() == right.sum()
    order = np.random.default_rng(1).permutation(1000)
    assert pack(right[order], species[order], ids[order]) == packed
    assert sum(map(len, packed.values())) < 350  # 1,000 answers
    assert not any("/" in text for text in packed.values())  # else a result would take it for a path


def test_a_difference_is_surer_than_two_intervals(queries):
    species, ids = queries
    rng = np.random.default_rng(2)
    hard = np.repeat(rng.random(200) < 0.4, 5)  # species that nobody names
    a = ~hard & (rng.random(1000) < 0.98)
    b = ~hard & (rng.random(1000) < 0.94)
    difference, low, high = paired_difference(pack(a, species, ids), pack(b, species, ids))
    assert difference == pytest.approx(a.mean() - b.mean())
    assert 0 < low < difference < high
    assert high - low < 0.05  # each accuracy alone has an interval of more than 0.1
    assert paired_difference(pack(b, species, ids), pack(a, species, ids))[0] == -difference
    assert paired_difference(pack(a, species, ids), pack(a, species, ids)) == (0, 0, 0)


def test_equal_methods_differ_by_chance_alone(queries):
    species, ids = queries
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(60):
        a, b = rng.random((2, 1000)) < 0.8
        _, low, high = paired_difference(pack(a, species, ids), pack(b, species, ids), resamples=300)
        covered += low <= 0 <= high
    assert covered >= 51  # 57 are expected


def test_answers_to_other_queries_are_refused(queries):
    species, ids = queries
    right = np.ones(1000, dtype=bool)
    with pytest.raises(ValueError, match="not the same ones"):
        paired_difference(pack(right, species, ids), pack(right[1:], species[1:], ids[1:]))
    with pytest.raises(ValueError, match="not the same ones"):
        paired_difference(pack(right, species, ids), pack(right, species, np.char.add(ids, "x")))
