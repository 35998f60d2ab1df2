"""Encoder noise: Gaussian of the strengths asked, on real tokens but [CLS] and [SEP], in training and nowhere else."""

import pytest
import torch

from modeling_dnacse import DnacseForContrastiveLearning, DnacseModel, EncoderNoise, ManifoldMixup
from modeling_dnacse.augmentation import add_noise, inner_tokens

NOISE = EncoderNoise(multiplicative=0.15, additive=0.12)


@pytest.fixture
def model(tiny_config):
    torch.manual_seed(0)
    tiny_config.hidden_dropout_prob = 0.0
    return DnacseModel(tiny_config)


@pytest.fixture
def batch(tiny_config):
    ids = torch.randint(5, tiny_config.vocab_size, (3, 12), generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(12) < torch.tensor([[12], [7], [3]])).long()
    return {"input_ids": ids, "attention_mask": mask}


def embedding_output(model, batch, noise):
    return model(**batch, noise=noise, output_hidden_states=True).hidden_states[0]


@torch.no_grad()
def test_padding_and_special_tokens_are_untouched(model, batch):
    model.train()
    change = embedding_output(model, batch, NOISE) - embedding_output(model, batch, None)
    changed = change.abs().amax(2) > 0
    assert changed.tolist() == inner_tokens(batch["attention_mask"]).tolist()
    assert changed.sum(1).tolist() == [10, 5, 1]  # all tokens but the first and the last


@torch.no_grad()
def test_noise_is_off_in_evaluation(model, batch):
    model.eval()
    assert torch.equal(model(**batch, noise=NOISE).pooler_output, model(**batch).pooler_output)


@pytest.mark.parametrize(
    ("noise", "deviation"), [((0.25, 0.0), 0.75), ((0.0, 0.12), 0.12), ((0.15, 0.12), (0.45**2 + 0.12**2) ** 0.5)]
)
def test_strengths_are_standard_deviations(noise, deviation):
    """On states that are all 3: a factor 1 + 0.25 ε moves them by 0.75."""
    torch.manual_seed(0)
    hidden = torch.full((2, 300, 200), 3.0)
    change = add_noise(hidden, torch.ones(2, 300), EncoderNoise(*noise))[:, 1:-1] - 3
    assert abs(change.std().item() - deviation) < 0.01 * deviation
    assert abs(change.mean().item()) < 0.01 * deviation


@torch.no_grad()
def test_the_global_generator_replays_noise(model, batch):
    """Gradient caching runs each chunk twice and needs the same noise again."""
    model.train()
    first, other, again = (
        (torch.manual_seed(seed), model(**batch, noise=NOISE).pooler_output)[1] for seed in (1, 2, 1)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_noise_and_mixup_reach_the_contrastive_model(tiny_config, batch):
    tiny_config.hidden_dropout_prob = 0.0
    model = DnacseForContrastiveLearning(tiny_config).train()
    mixup = ManifoldMixup(0, torch.tensor([1, 2, 0]), torch.full((3,), 0.7))
    torch.manual_seed(3)
    noisy = model(**batch, noise=NOISE, mixup=mixup).embeddings
    torch.manual_seed(3)
    assert torch.equal(noisy, model.bert(**batch, noise=NOISE, mixup=mixup).pooler_output)
    assert not torch.allclose(noisy, model(**batch, mixup=mixup).embeddings)
    noisy.sum().backward()
    assert model.bert.embeddings.word_embeddings.weight.grad.abs().sum() > 0
