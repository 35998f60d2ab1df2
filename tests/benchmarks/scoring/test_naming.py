"""Scores of naming with the right to decline, against plain loops."""

import numpy as np
import pytest

from benchmarks.scoring.naming import calibration_error, score_precision, share_at_precision


def share_by_loops(scores, right, known, weights, precision) -> float:
    """Try each score as threshold."""
    best = 0.0
    for threshold in set(scores[np.isfinite(scores)].tolist()):
        named = scores >= threshold
        hits = (weights * right)[named].sum()
        if hits >= precision * weights[named].sum() - 1e-7:
            best = max(best, hits / (weights * known).sum())
    return best


@pytest.mark.parametrize("seed", range(6))
def test_the_share_at_a_precision_is_that_of_loops(seed):
    rng = np.random.default_rng(seed)
    known = rng.random(60) < 0.6
    scores = np.round(rng.random(60) + 0.5 * known, 1)
    scores[rng.random(60) < 0.1] = -np.inf
    right, weights = known & (rng.random(60) < 0.4 + 0.4 * scores.clip(0)), rng.integers(0, 4, 60)
    expected = [share_by_loops(scores, right, known, weights, precision) for precision in (0.5, 0.75, 0.95, 1.0)]
    found = [share_at_precision(scores, right, known, weights, precision) for precision in (0.5, 0.75, 0.95, 1.0)]
    assert found == pytest.approx(expected)
    assert share_at_precision(scores, right, known, weights) == found[2]
    assert expected[0] > 0


def test_who_names_nothing_or_has_nothing_to_name_has_no_share():
    nothing, yes, no = np.full(3, -np.inf), np.ones(3, bool), np.zeros(3, bool)
    assert share_at_precision(nothing, no, yes, np.ones(3)) == 0
    assert share_at_precision(np.ones(3), no, no, np.ones(3)) == 0
    assert share_at_precision(np.ones(1), yes[:1], yes[:1], np.full(1, 1e-3)) == 1  # a weight below 1


@pytest.mark.parametrize("seed", range(3))
def test_the_calibration_error_is_that_of_loops(seed):
    rng = np.random.default_rng(seed)
    probabilities = np.append(rng.random(50), [0.0, 0.1, 0.95, 1.0, 1.0])
    right = rng.random(55) < probabilities**2
    error = 0.0
    for low in range(10):
        inside = (probabilities * 10 >= low) & ((probabilities * 10 < low + 1) | (low == 9))
        if inside.any():
            error += abs(probabilities[inside].mean() - right[inside].mean()) * inside.sum() / 55
    assert calibration_error(probabilities, right) == pytest.approx(error, abs=1e-6)
    assert calibration_error(np.array([1.0, 0.95]), np.array([False, True])) == pytest.approx(0.475)  # one bin


def test_species_are_drawn_among_known_and_unknown_ones_apart():
    """Where all known ones are named rightly, no draw changes the share; else it varies by whole species."""
    known = np.repeat([True, False], 20)
    species = np.repeat(np.arange(8), 5).astype(str)
    scores = np.where(known, 1.0, -np.inf)
    assert score_precision(scores, known, known, species, seed=0) == {"value": 1.0, "interval": [1.0, 1.0]}
    wrong = np.repeat([True, True, True, False, False, False, False, False], 5)
    scores = np.where(known & ~wrong, 0.5, np.where(known, 1.0, -np.inf))
    found = score_precision(scores, known & wrong, known, species, seed=0)
    assert found["value"] == 0.75
    low, high = found["interval"]
    assert 0.2 < low < 0.5 and 0.9 < high <= 1.0
    assert found == score_precision(scores, known & wrong, known, species, seed=0)
