"""Probability curves against scikit-learn's isotonic and logistic regression, and against plain loops."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from modeling_dnacse.identification.calibration.probability_curves import Sigmoid, fit_curve, fit_sigmoid, pool


@pytest.mark.parametrize("seed", range(3))
def test_pools_are_those_of_isotonic_regression(seed):
    rng = np.random.default_rng(seed)
    values, weights = np.round(rng.normal(size=60), 1) + np.linspace(0, 1, 60), rng.uniform(0.1, 3, 60)
    averages, lengths = pool(values, weights)
    expected = IsotonicRegression().fit(np.arange(60), values, weights).predict(np.arange(60))
    np.testing.assert_allclose(np.repeat(averages, lengths), expected)
    assert np.all(np.diff(averages) > 0)


def curve_by_loops(scores: np.ndarray, right: np.ndarray, weights: np.ndarray) -> list[tuple[float, float]]:
    """Corners: equal scores are one case; a pool of Kish's effective number of cases gets one more, half right."""
    merged = []
    for score in sorted(set(scores.tolist())):
        own = weights[scores == score]
        merged.append([score, score, own.sum(), own[right[scores == score]].sum(), (own**2).sum()])
    pools: list[list[float]] = []
    for case in merged:
        pools.append(case)
        while len(pools) > 1 and pools[-2][3] / pools[-2][2] >= pools[-1][3] / pools[-1][2]:
            last = pools.pop()
            pools[-1] = [pools[-1][0], last[1], *(a + b for a, b in zip(pools[-1][2:], last[2:], strict=True))]
    shrunk: list[list[float]] = []
    for first, last, mass, hits, squares in pools:
        cases = mass**2 / squares
        shrunk.append([first, last, hits / mass * cases + 0.5, cases + 1])
        while len(shrunk) > 1 and shrunk[-2][2] / shrunk[-2][3] >= shrunk[-1][2] / shrunk[-1][3]:
            end = shrunk.pop()
            shrunk[-1] = [shrunk[-1][0], end[1], shrunk[-1][2] + end[2], shrunk[-1][3] + end[3]]
    return [(score, sum_right / cases) for first, last, sum_right, cases in shrunk for score in (first, last)]


@pytest.mark.parametrize("seed", range(4))
def test_a_curve_is_that_of_loops(seed):
    rng = np.random.default_rng(seed)
    scores = np.round(rng.random(80), 2 - seed % 2)  # with equal ones
    right, weights = rng.random(80) < scores, rng.choice([0.2, 1, 5], 80)
    expected = curve_by_loops(scores, right, weights)
    curve = fit_curve(scores, right, weights)
    np.testing.assert_allclose(np.stack(curve, axis=1), expected)
    assert len(expected) >= 6


@pytest.mark.parametrize("seed", range(3))
def test_a_sigmoid_is_that_of_logistic_regression_on_platts_targets(seed):
    rng = np.random.default_rng(seed)
    scores, weights = 3 * rng.normal(size=200) + 5, rng.choice([0.2, 1, 5], 200)
    right = rng.random(200) < 1 / (1 + np.exp(4 - scores))
    effective = {is_right: weights[right == is_right].sum() ** 2 for is_right in (True, False)}
    effective = {key: value / (weights[right == key] ** 2).sum() for key, value in effective.items()}
    targets = np.where(right, 1 - 1 / (effective[True] + 2), 1 / (effective[False] + 2))
    both = np.concatenate([weights * targets, weights * (1 - targets)])  # each case is in part right and in part wrong
    regression = LogisticRegression(C=np.inf, tol=1e-8).fit(
        np.tile(scores, 2)[:, None], np.repeat([1, 0], 200), sample_weight=both
    )
    asked = np.linspace(scores.min(), scores.max(), 9)
    expected = regression.predict_proba(asked[:, None])[:, 1].clip(targets.min(), targets.max())
    np.testing.assert_allclose(fit_sigmoid(scores, right, weights).at(asked), expected, atol=1e-3)


def test_a_sigmoid_never_falls_and_never_reaches_0_or_1():
    few = np.arange(4.0)
    assert fit_sigmoid(few, few < 2, np.ones(4)) == Sigmoid(0.0, 0.0, 0.25, 0.75)  # the score is wrong
    assert fit_sigmoid(np.ones(3), np.array([True, True, False]), np.ones(3)).slope == 0
    fit = fit_sigmoid(few, few >= 2, np.ones(4))
    assert (np.diff(fit.at(np.linspace(1.2, 1.8, 5))) > 0).all()
    assert fit.at(np.array([-1e9, 1e9])).tolist() == [0.25, 0.75]  # two cases of each cannot say more
    assert 0.5 < fit_sigmoid(few, np.ones(4, bool), np.ones(4)).at(few)[0] < 0.9  # no wrong case
