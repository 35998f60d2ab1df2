"""Views: stretches, strands and errors of a sequence, each by its rate, all from one Generator."""

import numpy as np
import pytest

from modeling_dnacse.reading.sequences import reverse_complement
from trainer.pairing.views import Views, mutate, views_of_sides

SEQUENCE = "".join(np.random.default_rng(0).choice(list("ACGT"), 20_000))


def differing(one, other):
    return np.mean(np.frombuffer(one.encode(), np.uint8) != np.frombuffer(other.encode(), np.uint8))


def test_without_options_a_view_is_the_sequence_itself():
    assert Views()("ACGTN", np.random.default_rng(0)) == "ACGTN"


def test_a_generator_decides_the_view():
    views = Views(crop=(50, 500), strand="random", substitution_rate=0.1, insertion_rate=0.01, deletion_rate=0.01)
    made = [views(SEQUENCE, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


def test_crops_are_stretches_of_all_lengths_and_places():
    rng = np.random.default_rng(0)
    crops = [Views(crop=(3, 5))(SEQUENCE[:12], rng) for _ in range(2000)]
    assert {len(view) for view in crops} == {3, 4, 5}
    assert all(view in SEQUENCE[:12] for view in crops)
    starts = np.bincount([SEQUENCE[:12].index(view) for view in crops if len(view) == 5], minlength=8)
    assert len(starts) == 8 and starts.min() > 0.7 * starts.mean()  # the first and the last place as often as others


def test_a_sequence_shorter_than_the_crop_stays_whole():
    assert Views(crop=(30, 40))("ACGTA", np.random.default_rng(0)) == "ACGTA"


def test_either_strand_is_equally_likely():
    views = Views(strand="random")
    made = [views("AACGG", np.random.default_rng(seed)) for seed in range(400)]
    assert set(made) == {"AACGG", "CCGTT"} and 150 < made.count("AACGG") < 250


def test_substitutions_change_bases_into_the_three_others_alike():
    mutated = mutate(SEQUENCE, 0.3, 0.0, 0.0, np.random.default_rng(0))
    assert differing(mutated, SEQUENCE) == pytest.approx(0.3, abs=0.02)
    from_a = [new for new, old in zip(mutated, SEQUENCE, strict=True) if old == "A" and new != "A"]
    assert min(from_a.count(base) for base in "CGT") > 0.28 * len(from_a)


def test_unknown_bases_stay_unknown():
    assert mutate("N" * 100, 0.99, 0.0, 0.0, np.random.default_rng(0)) == "N" * 100


@pytest.mark.parametrize(("rates", "length"), [((0.0, 0.1, 0.0), 22_000), ((0.0, 0.0, 0.1), 18_000)])
def test_insertions_lengthen_and_deletions_shorten_by_their_rates(rates, length):
    assert len(mutate(SEQUENCE, *rates, np.random.default_rng(0))) == pytest.approx(length, abs=200)


def test_what_was_not_hit_keeps_its_order():
    shortened = iter(SEQUENCE)
    assert all(base in shortened for base in mutate(SEQUENCE, 0.0, 0.0, 0.5, np.random.default_rng(0)))
    lengthened = iter(mutate(SEQUENCE, 0.0, 0.5, 0.0, np.random.default_rng(0)))
    assert all(base in lengthened for base in SEQUENCE)


def test_deletions_leave_a_base():
    assert {len(mutate("ACG", 0.0, 0.0, 0.999, np.random.default_rng(seed))) for seed in range(20)} == {1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop": (0, 5)}, "a crop of 0 to 5 bp; give 1 <= shortest <= longest"),
        ({"crop": (9, 5)}, "a crop of 9 to 5 bp"),
        ({"deletion_rate": 1.0}, "--deletion_rate is 1.0; it must be at least 0 and below 1"),
        ({"substitution_rate": -0.1}, "--substitution_rate is -0.1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Views(**options)


def test_both_sides_carry_errors_except_under_mutated():
    views = Views(crop=(10, 20), substitution_rate=0.1)
    assert views_of_sides(views, "same_species") == (views, views) == views_of_sides(views, "identical")
    assert views_of_sides(views, "mutated") == (Views(crop=(10, 20)), views)


def test_the_positive_under_reverse_complement_is_reversed_and_complemented():
    """The public code complements without reversing."""
    anchor_views, positive_views = views_of_sides(Views(), "reverse_complement")
    rng = np.random.default_rng(0)
    assert (anchor_views("AACGN", rng), positive_views("AACGN", rng)) == ("AACGN", "NCGTT")
    assert reverse_complement(positive_views(SEQUENCE, rng)) == SEQUENCE


def test_pairings_and_views_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="sets the strands itself; leave out --strand random"):
        views_of_sides(Views(strand="random"), "reverse_complement")
    with pytest.raises(ValueError, match="takes windows of genomes from FASTA files"):
        views_of_sides(Views(), "same_record_fragments")
