"""Open set: scores equal scikit-learn's, thresholds keep their rates, ties and missing names are handled."""

from functools import partial

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.methods.kmers import kmer_frequencies
from benchmarks.methods.method import Method, Predictions, Split
from benchmarks.tasks.open_set import (
    Scored,
    answer,
    detect,
    detect_with_intervals,
    score,
    score_calibrated,
    threshold_at_rate,
)


def make_split(species: list[str], sequences: list[str]) -> Split:
    return Split(np.arange(len(species)).astype(str), sequences, {"species": np.array(species, dtype=str)})


def answers(scores: list[float] | np.ndarray, right: list[bool] | None = None) -> Scored:
    right = right or [False] * len(scores)
    return Scored(np.array(scores, dtype=float), np.array(right), np.array([f"s{i}" for i in range(len(scores))]))


@pytest.fixture(scope="module")
def planted() -> dict[str, Split]:
    """Species of 300 bp, 8 records each 1 % apart: 12 seen, sisters of 6 of them 4 % away, 12 novel."""
    rng = np.random.default_rng(0)

    def evolve(letters: np.ndarray, rate: float) -> np.ndarray:
        return np.where(rng.random(300) < rate, rng.choice(list("ACGT"), 300), letters)

    ancestors = [rng.choice(list("ACGT"), 300) for _ in range(24)]
    ancestors[12:12] = [evolve(ancestor, 0.05) for ancestor in ancestors[:6]]
    homes = [("train", "test")] * 12 + [("unseen",)] * 3 + [("unseen_val",)] * 3 + [("novel",)] * 12
    rows: dict[str, list[tuple[str, str]]] = {}
    for number, (ancestor, names) in enumerate(zip(ancestors, homes, strict=True)):
        for record in range(8):
            home = names[record % len(names)]
            rows.setdefault(home, []).append((f"s{number}", "".join(evolve(ancestor, 0.01))))
    return {split: make_split(*map(list, zip(*pairs, strict=True))) for split, pairs in rows.items()}


KMERS = Method("kmer5", "", 0, encode=partial(kmer_frequencies, k=5))


def test_a_worked_case():
    known = answers([0.9, 0.8, 0.3], [True, False, True])
    absent = answers([0.7, 0.2] + [0.1] * 8)
    values = detect(known, absent, np.ones(13))
    assert values["auroc"] == pytest.approx(29 / 30)  # of 30 pairs only 0.3 < 0.7 is wrong
    assert values["aupr"] == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert values["kept@0.01"] == pytest.approx(2 / 3)  # none of ten may pass: above 0.7
    assert values["named@0.01"] == pytest.approx(1 / 3)
    assert values["kept@0.1"] == 1  # one may
    assert values["named@0.1"] == pytest.approx(2 / 3)


def test_scores_equal_those_of_scikit_learn_with_ties_and_weights():
    rng = np.random.default_rng(1)
    known, absent = answers(rng.integers(3, 12, 200) / 12), answers(rng.integers(0, 9, 300) / 12)
    weights = rng.integers(0, 4, 500)
    truth, scores = np.repeat([1, 0], [200, 300]), np.concatenate([known.scores, absent.scores])
    values = detect(known, absent, weights)
    assert values["auroc"] == pytest.approx(roc_auc_score(truth, scores, sample_weight=weights))
    assert values["aupr"] == pytest.approx(average_precision_score(truth, scores, sample_weight=weights))


def test_perfect_separation_scores_one_and_no_more():
    rng = np.random.default_rng(5)
    for known, absent in rng.integers(1, 400, (50, 2)):
        values = detect(answers(rng.random(known) + 2), answers(rng.random(absent)), np.ones(known + absent))
        assert max(values.values()) <= 1
        assert (values["auroc"], values["aupr"]) == pytest.approx((1, 1))


def test_a_weight_of_two_is_a_second_copy():
    rng = np.random.default_rng(2)
    known, absent = answers(rng.random(30) + 0.3, [True, False] * 15), answers(rng.random(40))
    copies = rng.integers(1, 4, 70)
    repeated = [
        Scored(*(np.repeat(field, times) for field in side))
        for side, times in ((known, copies[:30]), (absent, copies[30:]))
    ]
    assert detect(known, absent, copies) == pytest.approx(detect(*repeated, np.ones(copies.sum())))


def test_no_threshold_accepts_more_absent_than_its_rate():
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 20, 257).astype(float)  # many ties
    for rate in (0.01, 0.05, 0.1, 0.5):
        threshold = threshold_at_rate(scores, rate)
        assert np.mean(scores > threshold) <= rate
        assert np.mean(scores >= threshold) > rate  # and no lower one would do
    # the two ways to find it agree
    known = answers(rng.integers(5, 25, 100))
    kept = detect(known, answers(scores), np.ones(357))["kept@0.05"]
    assert kept == np.mean(known.scores > threshold_at_rate(scores, 0.05))


def test_calibrated_thresholds_come_from_other_queries():
    known, absent = answers([0.9, 0.6], [True, True]), answers([0.7, 0.1])
    metrics = score_calibrated(known, absent, calibration=answers([0.5] * 100), seed=0)
    assert metrics["kept_calibrated@0.05"]["value"] == metrics["named_calibrated@0.05"]["value"] == 1
    assert metrics["absent_accepted_calibrated@0.05"]["value"] == 0.5


def test_queries_without_a_name_are_the_least_sure():
    def classify(queries, references, names):
        named = np.array(["" if s == "none" else "a" for s in queries])
        return Predictions(named, np.where(named == "", 1.0, 0.2).astype(np.float32))

    method = Method("half", "", 0, classify=classify)
    references = make_split(["a", "b"], ["x", "y"])
    known = answer(method, references, make_split(["a", "b", "c"], ["some", "none", "some"]), present=True, seed=0)
    assert known.scores.tolist() == [np.float32(0.2), -np.inf]
    assert known.right.tolist() == [True, False]
    absent = answers([-np.inf, -np.inf])
    assert detect(known, absent, np.ones(4))["auroc"] == 0.75  # one pair won, one tied, twice
    assert detect(known, absent, np.ones(4))["kept@0.01"] == 0.5


def test_large_species_are_capped():
    def classify(queries, references, names):
        return Predictions(np.full(len(queries), "a"), np.ones(len(queries), np.float32))

    references = make_split(["a"], ["x"])
    many = make_split(["a"] * 90 + ["b"], ["x"] * 91)
    method = Method("one", "", 0, classify=classify)
    assert len(answer(method, references, many, present=True, seed=0).scores) == 5
    assert answer(method, references, many, present=False, seed=0).species.tolist() == ["b"]


def test_planted_species_are_recognised(planted):
    splits = [planted[name] for name in ("train", "test", "unseen", "novel", "unseen_val")]
    metrics = score(KMERS, *splits, seed=0)
    assert metrics["auroc_novel"]["value"] == 1
    assert 0.9 < metrics["auroc_unseen"]["value"] <= 1
    assert metrics["named_anyhow"]["value"] == 1
    assert metrics["absent_accepted_calibrated@0.05"]["value"] < 0.2
    assert metrics["auroc"] | {"known": 48, "absent": 75, "scored": 123, "left_out": 45} == metrics["auroc"]
    # the seen split has 48 rows, the unseen 24, of which 15 are asked, the novel 96, of which 60
    for name, counts in {
        "auroc_unseen": {"known": 48, "absent": 15, "scored": 63, "left_out": 9},
        "auroc_novel": {"known": 48, "absent": 60, "scored": 108, "left_out": 36},
        "named_anyhow": {"known": 48, "absent": 0, "scored": 48, "left_out": 0},
    }.items():
        assert metrics[name] | counts == metrics[name]
    low, high = metrics["auroc"]["interval"]
    assert low <= metrics["auroc"]["value"] <= high
    assert score(KMERS, *splits, seed=0) == metrics
    # without novel genera and validation their metrics are left out
    short = score(KMERS, *splits[:3], seed=0)
    assert not any("novel" in name or "calibrated" in name for name in short)
    assert short["auroc"]["value"] == metrics["auroc_unseen"]["value"]


@pytest.mark.slow
def test_shuffled_queries_drop_to_chance(planted):
    """The species of known and absent queries mixed: who is in the references cannot be told."""
    rng = np.random.default_rng(4)
    known, absent = answers(rng.random(2000)), answers(rng.random(2000))
    metric = detect_with_intervals(known, absent, seed=0)["auroc"]
    assert metric["value"] == pytest.approx(0.5, abs=0.03)
    assert metric["interval"][0] < 0.5 < metric["interval"][1]


def test_species_on_the_wrong_side_are_left_out(planted):
    """A leaked species must not count as absent: with the seen split as the unseen one, nothing is absent."""
    with pytest.raises(ValueError, match="needs both"):
        score(KMERS, planted["train"], planted["test"], planted["test"], seed=0)
    with pytest.raises(ValueError, match="needs both"):
        score(KMERS, planted["train"], planted["novel"], planted["novel"], seed=0)
