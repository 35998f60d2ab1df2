"""The curriculum: phases of any length, none lost, none reached twice; and the draws of MI-Mix."""

import numpy as np
import pytest
import torch

from trainer.contrastive_trainer import draw_mixup, similarities
from trainer.curriculum import parse_curriculum


def test_phases_follow_each_other():
    curriculum = parse_curriculum("weighted_simclr:1 mi_mix:2", steps_per_epoch=5)
    assert [curriculum.phase_at(step) for step in range(15)] == [0] * 5 + [1] * 10
    assert curriculum.steps == 15


@pytest.mark.parametrize("text", ["weighted_simclr:0.3 mi_mix:0.6", "mi_mix:0.001 weighted_simclr:0.001"])
def test_no_phase_is_lost_however_short(text):
    """The public DNABERT-S code trains nothing at all when the epochs are fewer than three."""
    curriculum = parse_curriculum(text, steps_per_epoch=10)
    assert {curriculum.phase_at(step) for step in range(curriculum.steps)} == {0, 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("simclr:1", '"simclr" is no objective; allowed are weighted_simclr, mi_mix'),
        ("mi_mix", "must be a positive number of epochs"),
        ("mi_mix:0", "must be a positive number"),
        ("mi_mix:-1", "must be a positive number"),
        ("mi_mix:two", "must be a positive number"),
        ("mi_mix:inf", "must be a positive number"),
    ],
)
def test_a_wrong_curriculum_is_one_sentence(text, message):
    with pytest.raises(ValueError, match=message) as error:
        parse_curriculum(text, steps_per_epoch=10)
    assert "\n" not in str(error.value)


def test_mixup_draws_follow_the_paper():
    draws = [draw_mixup(64, layers=4, alpha=1.0, rng=np.random.default_rng(seed)) for seed in range(50)]
    assert {draw.layer for draw in draws} == {0, 1, 2, 3}
    coefficients = torch.cat([draw.coefficients for draw in draws])
    assert 0.5 <= coefficients.min() < 0.52 and 0.98 < coefficients.max() <= 1
    assert abs(coefficients.mean() - 0.75) < 0.01  # max(b, 1-b) of a uniform b
    assert all(draw.permutation.sort().values.equal(torch.arange(64)) for draw in draws)
    sharp = draw_mixup(64, layers=4, alpha=0.1, rng=np.random.default_rng(0)).coefficients
    assert sharp.mean() > 0.85  # a small α keeps sequences nearly whole


def test_similarities_leave_out_false_negatives():
    features = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), dim=1)
    swapped = features[[1, 0, 2]]  # rows 0 and 1 are nearer to each other's positive than to their own
    apart = similarities(features, swapped, torch.tensor([0, 1, 2]))
    same = similarities(features, swapped, torch.tensor([0, 0, 2]))
    assert apart["recall_at_1"] == pytest.approx(1 / 3)
    assert same["recall_at_1"] == 1.0
    assert same["negative_similarity"] < apart["negative_similarity"]
