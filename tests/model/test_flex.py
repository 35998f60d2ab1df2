"""flex_attention over packed tokens equals eager, on a CPU in torch's uncompiled form; compiled needs a GPU.

Torch has the gradient of the uncompiled form, but refuses it on a CPU. `gradient_allowed` removes that refusal and
ours, so that the gradient by which a GPU would train is compared too.
"""

import pytest
import torch
from torch.nn.attention import flex_attention as torch_flex

from modeling_dnacse import DnacseModel, ManifoldMixup
from modeling_dnacse import attention as flex_module

LENGTHS = (5, 17, 9, 30)


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch):
    """Torch traces even the slow form, for seconds a shape, unless told to debug it."""
    monkeypatch.setattr(torch_flex, "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG", True)


@pytest.fixture
def model(tiny_config):
    torch.manual_seed(0)
    return DnacseModel(tiny_config).eval()


@pytest.fixture
def batch(tiny_config):
    ids = torch.randint(5, tiny_config.vocab_size, (4, 33), generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids, "attention_mask": (torch.arange(33) < torch.tensor(LENGTHS)[:, None]).long()}


def embed(model, attention, batch):
    model.set_attn_implementation(attention)
    return model(**batch).pooler_output


@pytest.fixture
def gradient_allowed(monkeypatch):
    monkeypatch.setattr(torch_flex, "_validate_device", lambda query, key, value: None)
    monkeypatch.setattr(flex_module, "refuse_gradient_on_cpu", lambda qkv: None)


def gradients(model, attention, batch, mixup=None):
    """The gradient of every weight, in float64, so that an equality is one."""
    model.double().set_attn_implementation(attention)
    model.zero_grad()
    (model(**batch, mixup=mixup).pooler_output ** 3).sum().backward()
    return {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}


@pytest.mark.usefixtures("gradient_allowed")
@pytest.mark.parametrize("layer", [None, 1])
def test_gradients_through_flex_equal_eagers(model, batch, layer):
    """Of every weight, also where MI-Mix changes the packing between two layers."""
    mixup = None
    if layer is not None:
        mixup = ManifoldMixup(layer, torch.tensor([1, 2, 3, 0]), torch.tensor([0.9, 0.6, 0.8, 0.7]).double())
    found, expected = (gradients(model, attention, batch, mixup) for attention in ("flex_attention", "eager"))
    assert found.keys() == expected.keys() and len(found) > 30
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-6 * gradient.abs().max(), rtol=1e-6)


@pytest.mark.parametrize("flip", [False, True])
@torch.no_grad()
def test_flex_equals_eager(model, batch, flip):
    """Padding on either side; a token that saw another sequence, or no distance, would differ by more than 1e-2."""
    batch = {key: value.flip(1) if flip else value for key, value in batch.items()}
    torch.testing.assert_close(
        embed(model, "flex_attention", batch), embed(model, "eager", batch), atol=1e-5, rtol=1e-5
    )


@torch.no_grad()
def test_flex_needs_the_slopes(model, batch, monkeypatch):
    exact = embed(model, "flex_attention", batch)
    monkeypatch.setattr(flex_module, "alibi_slopes", lambda heads: [0.0] * heads)
    assert (embed(model, "flex_attention", batch) - exact).abs().max() > 1e-2


def test_what_flex_cannot_do_is_refused(model, tiny_config, batch):
    with pytest.raises(ValueError, match="no gradient on a CPU: run under torch.no_grad"):
        embed(model, "flex_attention", batch)
    tiny_config.attention_probs_dropout_prob = 0.1
    with pytest.raises(ValueError, match=r"attention_probs_dropout_prob is 0\.1: set it to 0"):
        embed(DnacseModel(tiny_config).train(), "flex_attention", batch)
