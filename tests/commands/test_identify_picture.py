"""The picture of `dnacse identify`: what it counts; and probabilities are tested on look-ups that were left out."""

from types import SimpleNamespace

import numpy as np
import pytest

from modeling_dnacse.commands.drawing.identify_pictures import GREY, MOST_TAXA, draw_calls, rows_of, share_of_samples
from modeling_dnacse.commands.drawing.pictures import colours_of_pages
from modeling_dnacse.commands.identify_tally import Tally
from modeling_dnacse.identification.calibration.cases import CalibrationData
from modeling_dnacse.identification.calibration.fit import Calibration, fit_calibration
from modeling_dnacse.identification.calibration.reliability import reliability
from modeling_dnacse.identification.call_blocks import NamedBlock
from modeling_dnacse.identification.call_rules import Thresholds
from modeling_dnacse.identification.naming import Names

RANKS = ("species", "genus")


def call(name: str, level: int = 0, new: float = 0.0) -> SimpleNamespace:
    return SimpleNamespace(names=[name, name], level=level, probabilities=[0.98, 0.99], new_species=new)


def look_ups(count: int = 4000) -> CalibrationData:
    """Look-ups whose evidence is the probability that their species is right."""
    rng = np.random.default_rng(0)
    evidence = rng.random((2, count))
    right = rng.random((2, count)) < evidence
    known_from, taxon = (~right[0]).astype(int), np.arange(count)
    return CalibrationData(evidence[0], evidence, evidence[0], right, np.ones((2, count), bool), known_from, taxon)


def test_taxa_are_counted_by_sample_and_the_rarest_are_left_out():
    tally = Tally(RANKS, ("a", "b"))
    for number in range(30):
        tally.add_taxon(call(f"Species {number:02}"), {number % 2: 30 - number}, 0.95)
    tally.add_taxon(call("Costly$name", level=1), {0: 50, 1: 1}, 0.95)
    tally.add_taxon(call("Genus", level=1, new=0.97), {0: 2}, 0.95)
    tally.add_taxon(call("", level=-1), {1: 3}, 0.95)
    rows, rarer = rows_of(tally)
    assert [row.name for row in rows[:2]] == [r"Costly\$name", "Species 00"]
    assert [row.name for row in rows[-2:]] == ["new in Genus", "no call"] and rows[-1].colour == GREY
    assert len(rows) == MOST_TAXA + 1 and len(rows) + rarer == 33
    assert rows[0].amounts.tolist() == [50, 1] and rows[0].probability == pytest.approx(0.99)
    assert rows[-2].probability == pytest.approx(0.97) and rows[-1].probability is None


def test_relative_abundances_are_shares_of_their_sample():
    """Where those of a sample summed up to half, its bars ended at 50 %."""
    tally = Tally(RANKS, ("a", "b", "empty"))
    tally.add_taxon(call("Species one"), {0: 0.3, 1: 12}, 0.95)
    tally.add_taxon(call("Species two"), {0: 0.1}, 0.95)
    first, _ = rows_of(tally)[0]
    assert share_of_samples(first.amounts, tally).tolist() == pytest.approx([0.75, 1, 0])


def test_the_advice_counts_what_a_lower_confidence_would_call_and_how_much_of_it_is_right():
    tally = Tally(RANKS)
    for species in ([0.98, 0.92, np.nan], [0.9, 0.84, 0.3, 1.0]):  # two blocks of queries
        probabilities = np.array([species, [1.0] * len(species)])
        level, nothing = (probabilities[0] < 0.95).astype(int), np.zeros(len(species))
        codes = np.zeros(probabilities.shape, int)
        names = Names(codes, probabilities, nothing, nothing > 0, probabilities > -1)
        thresholds = Thresholds(np.array([0.95, 0.95]), 0.95)
        tally.add(NamedBlock([], nothing, names, level, thresholds, look_ups(4), Calibration([], None, nothing)))
    assert tally.origin_of_shares() == ("uncertain: estimated from only 7, and mostly assumed; --expected_new sets it")
    (advice,) = tally.advice(0.95)
    assert "2 with --confidence species=0.9, then 95 % of all are right" in advice  # 0.98, 0.92, 0.9, 1
    assert "3 with --confidence species=0.8, then 93 % of all are right" in advice
    assert "species=0.9" not in tally.advice(0.9)[0] and tally.advice(0.6) == []
    assert "species=0.6" not in advice, "it calls no more than 0.8 does"


def test_probabilities_that_are_true_lie_on_the_diagonal_and_false_ones_do_not():
    data, shares = look_ups(), np.array([0.5, 0.5, 0.0])
    points = reliability(data, shares, 0)
    assert len(points) >= 6 and np.abs(points[:, 0] - points[:, 1]).max() < 0.1
    rng = np.random.default_rng(1)
    noise = data._replace(right=rng.random(data.right.shape) < 0.5, evidence=rng.random(data.evidence.shape))
    noise = noise._replace(known_from=(~noise.right[0]).astype(int))
    spread = reliability(noise, shares, 0)
    assert np.all((spread[:, 0] > 0.2) & (spread[:, 0] < 0.8))  # curves fitted to the same look-ups would say more


@pytest.mark.parametrize("samples", [("one",), ("a", "b", "c")])
def test_light_and_dark_pictures(samples, tmp_path):
    from matplotlib.image import imread

    tally = Tally(RANKS, samples)
    tally.add_taxon(call("Apis mellifera"), dict.fromkeys(range(len(samples)), 3), 0.95)
    tally.add_taxon(call("Apis", 1, 0.99), {0: 1}, 0.95)
    data = look_ups(400)
    calibration = fit_calibration(data, np.array([0.5, 0.5, 0.0]))
    corners = []
    for dark in (False, True):
        path = tmp_path / f"{dark}.png"
        with colours_of_pages(dark, path):
            draw_calls(path, tally, data, calibration)
        corners.append(imread(path)[0, 0, :3].tolist())
    assert corners == [[1, 1, 1], [0, 0, 0]]
    with pytest.raises(ValueError, match="--dark changes the colours of --plot"), colours_of_pages(True, None):
        pass
