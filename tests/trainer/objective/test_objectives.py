"""What the objectives give to the encoder (noise: only to the second view of noise_contrastive) and compare of it."""

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from modeling_dnacse import DnacseConfig, DnacseModel, EncoderNoise
from modeling_dnacse.configuration_dnacse import PAD_TOKEN_ID
from tests.support.training_step import ROWS, pairs, step
from trainer import train
from trainer.losses import weighted_simclr
from trainer.objective import objectives
from trainer.running.curriculum import OBJECTIVES

STRONG = {"noise_additive": 0.1, "noise_multiplicative": 0.2, "noise_substitution": 1.0}


@pytest.fixture
def calls(monkeypatch):
    """Ids, noise and mode of each forward of the encoder."""
    found = []
    forward = DnacseModel.forward

    def spy(self, input_ids, attention_mask, noise=None, **given):
        found.append((input_ids.clone(), noise, self.training))
        return forward(self, input_ids, attention_mask, noise=noise, **given)

    monkeypatch.setattr(DnacseModel, "forward", spy)
    return found


def rows(ids):
    """The sequences of a batch without their padding, whatever chunk they stand in."""
    return {tuple(row[row != PAD_TOKEN_ID].tolist()) for row in ids}


@pytest.mark.parametrize(
    "options", [{}, {"cached_chunk_size": 3}, {"chunk_tokens": 30}], ids=["whole", "rows", "tokens"]
)
def test_only_the_second_view_is_distorted(tiny_folder, calls, options):
    step(str(tiny_folder), "noise_contrastive", **STRONG, **options)
    batch = pairs(ROWS, len(PreTrainedTokenizerFast.from_pretrained(tiny_folder)))
    anchors, positives = (rows(batch[side]["input_ids"]) for side in ("anchors", "positives"))
    quiet = set().union(*(rows(ids) for ids, noise, _ in calls if noise is None))
    noisy = set().union(*(rows(ids) for ids, noise, _ in calls if noise is not None))
    assert quiet == anchors
    assert len(noisy) == ROWS and not noisy & (anchors | positives)  # each row has bases substituted
    assert {noise for _, noise, _ in calls if noise} == {EncoderNoise(multiplicative=0.2, additive=0.1)}
    assert all(training for *_, training in calls)
    passes = 2 if options else 1  # cached: without a graph, then with one, and both with the noise
    assert sum(len(ids) for ids, noise, _ in calls if noise) == ROWS * passes


@pytest.mark.parametrize("objective", sorted({*OBJECTIVES} - {"noise_contrastive"}))
def test_other_objectives_have_no_noise(tiny_folder, calls, objective):
    step(str(tiny_folder), objective, **STRONG)
    assert calls and all(noise is None for _, noise, _ in calls)


@pytest.mark.parametrize("objective", ["weighted_simclr", "mi_mix", "info_nce"])
def test_the_head_is_trained_only_where_its_features_are_compared(tiny_folder, objective):
    features, embeddings = (step(str(tiny_folder), objective, compare=what) for what in ("features", "embeddings"))
    head = [name for name in features if "projection" in name]
    assert head and all(features[name].abs().max() > 0 for name in head)
    assert all(name not in embeddings or not embeddings[name].any() for name in head)
    assert all(embeddings[name].abs().max() > 0 for name in embeddings if name not in head and "Wqkv" in name)


def test_embeddings_are_compared_by_their_directions(tiny_folder, monkeypatch):
    """Not by their lengths, which the last LayerNorm makes large: the losses take unit vectors."""
    found = []
    monkeypatch.setattr(
        objectives, "weighted_simclr", lambda *given: found.append(given[:2]) or weighted_simclr(*given)
    )
    step(str(tiny_folder), "weighted_simclr", compare="embeddings")
    width = DnacseConfig.from_pretrained(tiny_folder).hidden_size
    for side in found[0]:
        assert side.shape[1] == width
        torch.testing.assert_close(side.norm(dim=1), torch.ones(len(side), dtype=side.dtype))


def test_evaluation_has_no_noise(tiny_folder, fasta, calls, tmp_path):
    options = [f"--{name}={value}" for name, value in STRONG.items()]
    train.main(
        [
            *("--train_file", str(fasta), "--config_name", str(tiny_folder), "--tokenizer_name", str(tiny_folder)),
            *("--curriculum", "noise_contrastive:2steps", "--pairing", "identical", "--eval_steps", "1", *options),
            *("--per_device_train_batch_size", "4", "--per_device_eval_batch_size", "4", "--save_strategy", "no"),
            *("--load_best_model_at_end", "false", "--use_cpu", "--output_dir", str(tmp_path / "out")),
        ]
    )
    assert [noise is None for _, noise, training in calls if training] == [True, False] * 2
    evaluated = [(ids, noise) for ids, noise, training in calls if not training]
    assert len(evaluated) >= 4 and all(noise is None for _, noise in evaluated)
    for (first, _), (second, _) in zip(evaluated[::2], evaluated[1::2], strict=True):
        assert torch.equal(first, second)  # identical pairs, so no base is substituted either
