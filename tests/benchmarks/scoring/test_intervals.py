"""Intervals resample species: they contain the value, have the right width and agree with scikit-learn."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import metrics
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

from benchmarks.scoring.agreements import adjusted_rand, expected_information
from benchmarks.scoring.intervals import accuracy_interval, agreement_interval, over_halves, resample_species

SCORES = {
    "ari": metrics.adjusted_rand_score,
    "ami": metrics.adjusted_mutual_info_score,
    "nmi": metrics.normalized_mutual_info_score,
    "homogeneity": metrics.homogeneity_score,
    "completeness": metrics.completeness_score,
}


def clustered(seed: int, species: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Species of 2 to 11 records; some are merged with another, some split."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(species), rng.integers(2, 12, size=species))
    merged = np.where(rng.random(species) < 0.2, rng.integers(0, species, species), np.arange(species))[truth]
    apart = rng.random(len(truth)) < rng.beta(0.3, 1.2, size=species)[truth]
    return truth.astype(str), np.where(apart, merged + species, merged)


def test_accuracy_intervals_contain_the_value_and_come_from_species():
    rng = np.random.default_rng(4)
    species = np.repeat([f"s{i}" for i in range(40)], 25)
    correct = np.repeat(rng.random(40) < 0.7, 25)  # a species is right or wrong as a whole
    micro = accuracy_interval(correct, species)["micro"]
    low, high = micro["interval"]
    assert low < micro["value"] < high
    # 40 independent answers, not 1000: resampling sequences would give an interval five times as narrow
    assert high - low > 0.2
    scores = rng.random(1000)
    same, other = (accuracy_interval(scores, species, seed) for seed in (0, 1))
    assert accuracy_interval(scores, species) == same != other


def test_macro_counts_every_species_once():
    both = accuracy_interval(np.array([True] * 9 + [False]), np.array(["a"] * 9 + ["b"]))
    assert (both["micro"]["value"], both["macro"]["value"]) == (0.9, 0.5)


def test_draws_of_species_are_counted_as_by_hand():
    """Each draw has as many species as there are; intervals are percentiles of what the draws give."""
    species = np.repeat(["a", "b", "c", "d"], [1, 2, 3, 6])
    correct = np.array([1, 1, 0, 0.5, 0.5, 0.5, *[1] * 3, *[0] * 3])
    drawn = resample_species(species, np.random.default_rng(7))
    assert drawn.shape == (1000, 12)
    assert np.all(drawn[:, [0, 1, 3, 6]].sum(axis=1) == 4) and np.array_equal(drawn[:, 1], drawn[:, 2])
    assert [len(np.unique(drawn[:, row])) for row in (0, 1, 3, 6)] == [5] * 4  # 0 to 4 times
    micro, macro = [], []
    for weights in drawn:
        times = weights[[0, 1, 3, 6]]
        micro.append((weights * correct).sum() / weights.sum())
        macro.append((times * [1, 0.5, 0.5, 0.5]).sum() / 4)
    found = accuracy_interval(correct, species, seed=7)
    assert found["micro"]["interval"] == pytest.approx(np.quantile(micro, [0.025, 0.975]))
    assert found["macro"]["interval"] == pytest.approx(np.quantile(macro, [0.025, 0.975]))


def test_intervals_of_agreement_are_those_of_halves_of_the_species():
    truth, found = clustered(26, species=9)
    ranks = np.random.default_rng(0).permuted(np.tile(np.arange(9), (1000, 1)), axis=1)
    names = np.unique(truth)
    halves = [np.isin(truth, names[taken]) for taken in ranks < 4]
    scores = np.array([metrics.adjusted_rand_score(truth[half], found[half]) for half in halves])
    given = agreement_interval(truth, found, 0, "ari")["ari"]
    moved = np.clip(scores - scores.mean() + given["value"], -1, 1)
    assert given["interval"] == pytest.approx(np.quantile(moved, [0.025, 0.975]))
    assert given["interval"][1] == 1  # it would be above 1


@pytest.mark.parametrize("value", [-0.5, 0.5])
def test_intervals_of_agreement_do_not_leave_its_range(value):
    """A made-up agreement: 1 for halves with the first species, and -1 for the others."""
    found = over_halves(lambda _, taken: np.where(taken.all(1), value, 2.0 * taken[:, 0] - 1), csr_array(np.eye(8)))
    assert found["value"] == value and found["interval"][int(value > 0)] == np.sign(value)
    assert found["interval"][int(value < 0)] == pytest.approx(-value, abs=0.1)


def test_intervals_of_agreement_have_the_seed_0_unless_another_is_given():
    truth, found = clustered(26, species=9)
    table = csr_array(contingency_matrix(truth, found, sparse=True))
    assert over_halves(adjusted_rand, table) == agreement_interval(truth, found, 0, "ari")["ari"]
    assert over_halves(adjusted_rand, table) != over_halves(adjusted_rand, table, 1)


@pytest.mark.parametrize("seed", range(3))
def test_agreement_is_that_of_scikit_learn(seed):
    truth, found = clustered(seed)
    for name, metric in agreement_interval(truth, found, 0).items():
        assert metric["value"] == pytest.approx(SCORES[name](truth, found), abs=1e-9)
    (_, apart), (split, both) = metrics.pair_confusion_matrix(truth, found)
    pairs = agreement_interval(truth, found, 0, "pair_precision", "pair_recall")
    assert [pairs[name]["value"] for name in pairs] == pytest.approx([both / (both + apart), both / (both + split)])


def test_expected_information_is_that_of_scikit_learn():
    table = contingency_matrix(*clustered(3))
    theirs = expected_mutual_information(table.astype(np.int64), int(table.sum()))
    assert expected_information(table.sum(axis=1), table.sum(axis=0)) == pytest.approx(theirs)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCORES)
def test_agreement_intervals_are_as_wide_as_worlds_drawn_anew_differ(name):
    """The bootstrap of species made copies that agree with themselves: its interval of AMI missed the value."""
    worlds = [clustered(seed) for seed in range(80)]
    spread = np.std([SCORES[name](*world) for world in worlds])
    found = [agreement_interval(*world, 0)[name] for world in worlds[:6]]
    assert all(metric["interval"][0] < metric["value"] < metric["interval"][1] for metric in found)
    widths = [(high - low) / (2 * 1.96) for low, high in (metric["interval"] for metric in found)]
    assert 0.75 * spread < np.mean(widths) < 1.35 * spread


def test_perfect_and_random_clusterings():
    truth, _ = clustered(5)
    perfect = agreement_interval(truth, truth, 0)
    for metric in perfect.values():
        assert [metric["value"], *metric["interval"]] == pytest.approx([1, 1, 1])
    random = agreement_interval(truth, np.random.default_rng(0).integers(0, 60, size=len(truth)), 0)
    assert abs(random["ari"]["value"]) < 0.05
    assert random["ami"]["interval"][0] < 0 < random["ami"]["interval"][1]


def test_three_species_have_no_interval_and_four_have_one():
    truth = np.array(["a", "a", "b", "b", "c", "c", "d", "d"])
    assert agreement_interval(truth[:6], np.arange(6) // 2, 0)["ari"] == {"value": 1.0}
    assert agreement_interval(truth, np.arange(8) // 2, 0)["ari"] == {"value": 1.0, "interval": [1.0, 1.0]}
