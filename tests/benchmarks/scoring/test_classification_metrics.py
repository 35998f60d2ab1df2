"""Scores of classifications are those of scikit-learn, rare and empty classes included."""

import numpy as np
import pytest
from sklearn import metrics

from benchmarks.scoring.classification_metrics import agreement, score_answers

CASES = {
    "usual": ([0, 0, 1, 1, 2, 2, 2, 0], [0, 1, 1, 1, 2, 0, 2, 0]),
    "a class that is never found": ([0, 0, 1, 2, 2, 2], [0, 0, 2, 2, 2, 2]),
    "one class is found": ([0, 1, 1, 2], [1, 1, 1, 1]),
    "one class": ([1, 1, 1], [1, 1, 1]),
}


@pytest.mark.parametrize("name", CASES)
def test_scores_are_those_of_scikit_learn(name):
    truth, found = (np.array(part) for part in CASES[name])
    scores = score_answers(truth, found, seed=0)
    assert scores["accuracy"]["value"] == pytest.approx(metrics.accuracy_score(truth, found))
    expected = metrics.f1_score(truth, found, average="macro", zero_division=0)  # pyright: ignore[reportArgumentType]
    assert scores["macro_f1"]["value"] == pytest.approx(expected)
    assert scores["mcc"]["value"] == pytest.approx(metrics.matthews_corrcoef(truth, found))
    for score in scores.values():
        assert (score["scored"], score["left_out"]) == (len(truth), 0)


def test_many_tables_are_scored_at_once():
    tables = np.random.default_rng(0).integers(0, 6, (5, 3, 3))
    for name, values in agreement(tables).items():
        assert values == pytest.approx([float(agreement(table)[name]) for table in tables])


def test_a_class_that_a_draw_lacks_counts_for_nothing():
    usual = np.array([[2, 1], [1, 3]])
    both = zip(agreement(usual).values(), agreement(np.pad(usual, (0, 1))).values(), strict=True)
    assert all(float(one) == pytest.approx(float(other)) for one, other in both)


def test_intervals_come_from_drawing_sequences():
    truth, found = (np.array(part * 50) for part in CASES["usual"])
    interval = score_answers(truth, found, seed=0)["accuracy"]["interval"]
    deviation = np.sqrt(0.75 * 0.25 / 400)
    assert interval == pytest.approx([0.75 - 1.96 * deviation, 0.75 + 1.96 * deviation], abs=0.01)
