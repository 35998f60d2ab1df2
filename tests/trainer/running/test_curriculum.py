"""The curriculum: phases of any length, none lost, none repeated; the partners of MI-Mix; recall."""

import numpy as np
import pytest
import torch

from trainer.objective.chunks import cut
from trainer.objective.mixing import joint_mixup, sample_mixup
from trainer.objective.retrieval import similarities, validation_scores
from trainer.running.curriculum import OBJECTIVES, parse_curriculum


def test_phases_follow_each_other():
    curriculum = parse_curriculum("weighted_simclr:1 mi_mix:2", steps_per_epoch=5)
    assert [curriculum.phase_at(step) for step in range(15)] == [0] * 5 + [1] * 10
    assert curriculum.steps == 15


@pytest.mark.parametrize("text", ["weighted_simclr:0.3 mi_mix:0.6", "mi_mix:0.001 weighted_simclr:0.001"])
def test_no_phase_is_lost_however_short(text):
    """The public DNABERT-S code trains nothing at all when the epochs are fewer than three."""
    curriculum = parse_curriculum(text, steps_per_epoch=10)
    assert {curriculum.phase_at(step) for step in range(curriculum.steps)} == {0, 1}


def test_every_objective_may_follow_every_other():
    text = " ".join(f"{objective}:{number}steps" for number, objective in enumerate(OBJECTIVES, start=1))
    curriculum = parse_curriculum(text, steps_per_epoch=1000)
    assert curriculum.objectives == OBJECTIVES and curriculum.ends == (1, 3, 6, 10, 15)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("simclr:1", '"simclr" is not an objective; allowed are weighted_simclr, mi_mix'),
        ("mi_mix", 'must be a positive number of epochs or of steps, such as "mi_mix:1.5" or "mi_mix:200steps"'),
        ("mi_mix:0", "must be a positive number"),
        ("mi_mix:-1", "must be a positive number"),
        ("mi_mix:two", "must be a positive number"),
        ("mi_mix:5000000000steps", "has more than 2,147,483,647 steps .10 an epoch., which would take months"),
        ("mi_mix:1e308", "has more than 2,147,483,647 steps"),  # and was a traceback
        ("mi_mix:inf", "must be a positive number"),
        ("mi_mix:0steps", "must be a positive number of epochs or of steps"),
    ],
)
def test_a_wrong_curriculum_is_one_sentence(text, message):
    with pytest.raises(ValueError, match=message) as error:
        parse_curriculum(text, steps_per_epoch=10)
    assert "\n" not in str(error.value)


def test_mixup_draws_follow_the_paper():
    draws = [sample_mixup(64, layer=2, alpha=1.0, rng=np.random.default_rng(seed)) for seed in range(50)]
    assert {draw.layer for draw in draws} == {2}
    coefficients = torch.cat([draw.coefficients for draw in draws])
    assert 0.5 <= coefficients.min() < 0.52 and 0.98 < coefficients.max() <= 1
    assert abs(coefficients.mean() - 0.75) < 0.01  # max(b, 1-b) of a uniform b
    assert all(draw.permutation.sort().values.equal(torch.arange(64)) for draw in draws)
    sharp = sample_mixup(64, layer=0, alpha=0.1, rng=np.random.default_rng(0)).coefficients
    assert sharp.mean() > 0.85  # a small α keeps sequences nearly whole


def test_mixing_partners_are_counted_in_the_batch():
    """The public DNABERT-S code takes a partner's place in its replica for its place in the batch."""
    mask = (torch.arange(9) < torch.tensor([3, 9, 5, 7, 2, 8])[:, None]).long()
    chunks = cut(torch.arange(6)[:, None].expand(6, 9), mask, most_rows=0, most_tokens=18)
    assert [chunk.rows.tolist() for chunk in chunks] == [[1, 5], [3, 2], [0, 4]]
    assert [tuple(chunk.ids.shape) for chunk in chunks] == [(2, 9), (2, 7), (2, 3)]
    mixups = [sample_mixup(2, 0, 1.0, np.random.default_rng(seed)) for seed in range(3)]
    permutation, coefficients = joint_mixup(chunks, mixups)
    for chunk, mixup in zip(chunks, mixups, strict=True):
        assert torch.equal(permutation[chunk.rows], chunk.rows[mixup.permutation])
        assert torch.equal(chunk.ids[mixup.permutation][:, 0], permutation[chunk.rows])  # who the model mixes in
        assert torch.equal(coefficients[chunk.rows], mixup.coefficients)
    whole = cut(torch.ones(6, 9).long(), mask, most_rows=0, most_tokens=10**6)
    alone = [sample_mixup(6, 0, 1.0, np.random.default_rng(0))]
    assert torch.equal(joint_mixup(whole, alone)[0][whole[0].rows], whole[0].rows[alone[0].permutation])
    with pytest.raises(ValueError, match="shorter"):  # never a batch with some of its partners
        joint_mixup(chunks, mixups[:2])


def test_similarities_leave_out_false_negatives():
    features = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), dim=1)
    swapped = features[[1, 0, 2]]  # rows 0 and 1 are nearer to each other's positive than to their own
    apart = similarities(features, 3 * swapped, torch.tensor([0, 1, 2]))
    same = similarities(features, 3 * swapped, torch.tensor([0, 0, 2]))
    assert apart["recall_at_1"] == pytest.approx(1 / 3)
    assert same["recall_at_1"] == 1.0
    assert same["negative_similarity"] < apart["negative_similarity"]
    assert apart["positive_similarity"] == pytest.approx((features * swapped).sum(1).mean())


def test_validation_scores_are_those_of_each_batch_and_of_all_pairs():
    generator = torch.Generator().manual_seed(0)
    anchors, species = torch.randn(10, 4, generator=generator), torch.arange(10)
    positives = anchors + 0.3 * torch.randn(10, 4, generator=generator)
    scores = validation_scores(anchors, positives, species, temperature=0.5, batch_size=4)
    parts = [
        validation_scores(anchors[rows], positives[rows], species[rows], 0.5, batch_size=4)["loss"]
        * len(species[rows])
        for rows in (slice(0, 4), slice(4, 8), slice(8, 10))
    ]
    assert scores["loss"] == pytest.approx(sum(parts) / 10)
    assert scores["recall_at_1"] == similarities(anchors, positives, species)["recall_at_1"]
    assert 0 < scores["recall_at_1"] < 1
