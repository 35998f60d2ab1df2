"""How probable a name must be to be called: the precision of all calls, and the confidence of each."""

import numpy as np
import pytest

from modeling_dnacse.identification.call_rules import SURE_ENOUGH, call_rule, least_at_precision

RANKS = ("species", "genus")


def drawn(seed: int, count: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and whether names are right, as often as these say."""
    rng = np.random.default_rng(seed)
    probabilities = rng.beta(0.6, 0.6, count)
    return probabilities, rng.random(count) < probabilities


@pytest.mark.parametrize("precision", [0.95, 0.97, 0.99])
def test_of_the_names_that_are_called_the_precision_is_right_and_more_would_be_too_many(precision):
    probabilities, right = drawn(0, 30_000)
    least = least_at_precision(probabilities, precision)
    called = probabilities >= least
    assert right[called].mean() == pytest.approx(precision, abs=0.01)
    assert called.sum() > 1.2 * (probabilities >= precision).sum()
    below = np.sort(probabilities[~called])[-1]
    assert least == SURE_ENOUGH or probabilities[probabilities >= below].mean() < precision


def test_no_doubtful_name_hides_among_many_sure_ones():
    sure = np.append(np.full(1000, 0.999), [0.79, 0.7, 0.6])
    assert least_at_precision(sure, 0.95) > 0.79
    assert least_at_precision(np.append(sure, 0.81), 0.95) == 0.81


def test_a_name_as_probable_as_the_precision_is_called_even_in_a_later_block():
    for first in (np.array([]), np.full(3, np.nan), np.array([0.2, 0.9])):
        assert least_at_precision(first, 0.95) == 0.95


def test_names_at_a_rank_are_counted_without_those_called_below_it():
    """All genera are sure for the called species; the two others are not, and do not profit from these."""
    probabilities = np.array([[0.99] * 8 + [0.1, 0.1], [1.0] * 8 + [0.85, 0.85]])
    rule = call_rule(precision=0.95)
    thresholds = rule.thresholds(RANKS, probabilities, np.array([0.01] * 8 + [0.98, 0.85]))
    assert thresholds.names.tolist() == [0.95, 0.95]
    assert thresholds.new_species == 0.95
    both = rule.thresholds(RANKS, probabilities, np.array([0.01] * 8 + [0.99, 0.92]))
    assert both.new_species == 0.92


def test_the_least_probable_of_the_called_names_does_not_count_at_the_next_rank_either():
    """Its genus is sure, too, and would let a doubtful genus through."""
    probabilities = np.array([[0.99, 0.99, 0.88, 0.88, 0.1], [1, 1, 1, 1, 0.86]])
    thresholds = call_rule(precision=0.93).thresholds(RANKS, probabilities, np.full(5, np.nan))
    assert thresholds.names.tolist() == [0.88, 0.93]


@pytest.mark.parametrize("value", [-0.5, 0, 1, 1.5, np.nan])
@pytest.mark.parametrize("option", ["precision", "confidence"])
def test_what_is_no_probability_is_refused(option, value):
    for given in (value, {"genus": value}):
        with pytest.raises(ValueError, match=f"--{option} is {value}; it must be between 0 and 1"):
            call_rule(**{option: given}).at(RANKS)


def test_by_rank():
    probabilities = np.array([[0.97, 0.9, np.nan], [0.99, 0.99, 0.9]])
    thresholds = call_rule(precision={"genus": 0.85}).thresholds(RANKS, probabilities, np.full(3, np.nan))
    assert thresholds.names.tolist() == [0.95, 0.85]
    thresholds = call_rule(confidence={"genus": 0.85}).thresholds(RANKS, probabilities, np.full(3, np.nan))
    assert thresholds.names.tolist() == [0.95, 0.85] and thresholds.new_species == 0.95


@pytest.mark.parametrize("option", ["precision", "confidence"])
def test_a_species_is_not_likely_new_below_one_half(option):
    thresholds = call_rule(**{option: 0.3}).thresholds(RANKS, np.array([[0.4], [0.6]]), np.array([0.45]))
    assert thresholds.names.tolist() == [0.3, 0.3] and thresholds.new_species == 0.5


def test_both_options_are_refused():
    with pytest.raises(ValueError, match="not both"):
        call_rule(0.9, 0.9)
    with pytest.raises(ValueError, match="--precision names the rank 'tribe'; the library has species, genus"):
        call_rule(precision={"tribe": 0.9}).at(RANKS)
