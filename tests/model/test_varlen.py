"""Packed attention equals the padded one; for flash_attention_2 with a stand-in for flash-attn's CUDA function.

The stand-in has the signature and the semantics that flash-attn documents, in pure torch, so these tests hold what we
ask of the package; that the package keeps its word needs a GPU.
"""

import copy

import pytest
import torch

from modeling_dnacse import (
    DnacseConfig,
    DnacseForContrastiveLearning,
    DnacseForMaskedLM,
    DnacseModel,
    EncoderNoise,
    ManifoldMixup,
)
from modeling_dnacse import attention as alibi
from modeling_dnacse import attention as flash_module

LENGTHS = (5, 17, 9, 30)
PACKED = ["packed", "flash_attention_2"]
MIXUPS = [None, *((layer, [1, 2, 3, 0]) for layer in range(3))]


def flash_attn_varlen_func(
    q,
    k,
    v,
    cu_seqlens_q,
    cu_seqlens_k,
    max_seqlen_q,
    max_seqlen_k,
    dropout_p=0.0,
    softmax_scale=None,
    causal=False,
    window_size=(-1, -1),
    softcap=0.0,
    alibi_slopes=None,
    deterministic=False,
):
    """q, k, v (total, heads, head): attention within each sequence, bias -slope * |i + seqlen_k - seqlen_q - j|."""
    for starts, longest, states in ((cu_seqlens_q, max_seqlen_q, q), (cu_seqlens_k, max_seqlen_k, k)):
        assert starts.dtype == torch.int32
        assert isinstance(longest, int)
        assert longest == (starts[1:] - starts[:-1]).max()
        assert starts[-1] == len(states)
    outputs = []
    q_lengths, k_lengths = (starts.diff().tolist() for starts in (cu_seqlens_q, cu_seqlens_k))
    for query, key, value in zip(q.split(q_lengths), k.split(k_lengths), v.split(k_lengths), strict=True):
        scores = torch.einsum("ihd,jhd->hij", query, key) * softmax_scale
        if alibi_slopes is not None:
            assert alibi_slopes.dtype == torch.float32
            i, j = torch.arange(len(query))[:, None], torch.arange(len(key))[None, :]
            scores = scores - alibi_slopes[:, None, None] * (i + len(key) - len(query) - j).abs()
        weights = torch.nn.functional.dropout(scores.softmax(-1), dropout_p).to(value.dtype)
        outputs.append(torch.einsum("hij,jhd->ihd", weights, value))
    return torch.cat(outputs)


@pytest.fixture
def flash(monkeypatch):
    """Make flash_attention_2 available on this machine."""
    monkeypatch.setattr(flash_module, "flash_attn_varlen_func", flash_attn_varlen_func)
    monkeypatch.setattr(flash_module, "FLASH_DEVICE", "cpu")


@pytest.fixture
def model(tiny_config):
    torch.manual_seed(0)
    return DnacseForContrastiveLearning(tiny_config).eval()


@pytest.fixture
def batch(tiny_config):
    ids = torch.randint(5, tiny_config.vocab_size, (4, 33), generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids, "attention_mask": (torch.arange(33) < torch.tensor(LENGTHS)[:, None]).long()}


def states_and_gradients(model, attention, batch, mixup=None):
    model.set_attn_implementation(attention)
    model.zero_grad()
    if mixup is not None:
        mixup = ManifoldMixup(mixup[0], torch.tensor(mixup[1]), torch.tensor([0.9, 0.6, 0.7, 0.5]))
    output = model.bert(**batch, mixup=mixup)
    (output.pooler_output**3).mean().backward()
    gradients = {name: parameter.grad.clone() for name, parameter in model.bert.named_parameters()}
    return output.last_hidden_state.detach(), output.pooler_output.detach(), gradients


@pytest.mark.parametrize("mixup", MIXUPS)
@pytest.mark.parametrize("attention", PACKED)
def test_packed_equals_eager_in_states_and_gradients(flash, model, batch, mixup, attention):
    eager, packed = (states_and_gradients(model, way, batch, mixup) for way in ("eager", attention))
    torch.testing.assert_close(packed, eager, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "mean_last_two", "cls", "cls_tanh"])
@pytest.mark.parametrize("attention", PACKED)
@torch.no_grad()
def test_packed_equals_eager_in_every_pooling(flash, tiny_config, batch, pooling, attention):
    tiny_config.pooling = pooling
    model = DnacseModel(tiny_config).eval()
    packed, eager = (
        (model.set_attn_implementation(way), model(**batch).pooler_output)[1] for way in (attention, "eager")
    )
    torch.testing.assert_close(packed, eager, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("attention", PACKED)
@torch.no_grad()
def test_padding_on_the_left_is_packed_too(flash, model, batch, attention):
    flipped = {key: value.flip(1) for key, value in batch.items()}
    model.set_attn_implementation(attention)
    packed = model(**flipped).embeddings
    model.set_attn_implementation("eager")
    torch.testing.assert_close(packed, model(**flipped).embeddings, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("attention", PACKED)
@torch.no_grad()
def test_no_layer_computes_padding(flash, model, batch, attention):
    seen = []
    model.bert.encoder.layer[1].mlp.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    model.set_attn_implementation(attention)
    model(**batch)
    assert seen == [(sum(LENGTHS), 48)]


@pytest.mark.parametrize("attention", PACKED)
@torch.no_grad()
def test_order_of_tokens_matters_when_packed(flash, model, attention):
    """Without ALiBi the embedding of shuffled tokens would be the same: flash attention must not lose it."""
    model.set_attn_implementation(attention)
    ids = torch.randint(5, 96, (1, 30), generator=torch.Generator().manual_seed(0))
    shuffled = ids[:, torch.randperm(30, generator=torch.Generator().manual_seed(1))]
    assert (model(ids).embeddings - model(shuffled).embeddings).abs().max() > 1e-2


@pytest.mark.parametrize("attention", ["eager", "sdpa", *PACKED])
@torch.no_grad()
def test_without_slopes_every_attention_differs(flash, model, batch, attention, monkeypatch):
    """The bias is made of them in each: none of the ways may forget it."""
    model.set_attn_implementation(attention)
    exact = model(**batch).embeddings
    for module in (alibi, flash_module):
        monkeypatch.setattr(module, "alibi_slopes", lambda heads: [0.0] * heads)
    assert (model(**batch).embeddings - exact).abs().max() > 1e-2


@torch.no_grad()
def test_lengths_in_any_order_and_number_come_back_in_place(model, batch):
    """Packed from the shortest to the longest, equal ones together."""
    lengths = torch.tensor([9, 5, 9, 0, 33, 5, 9])
    batch = {
        "input_ids": batch["input_ids"][torch.tensor([0, 1, 2, 3, 3, 2, 1])],
        "attention_mask": (torch.arange(33) < lengths[:, None]).long(),
    }
    embeddings = {
        way: (model.set_attn_implementation(way), model(**batch).embeddings)[1] for way in ("eager", "packed")
    }
    torch.testing.assert_close(embeddings["packed"], embeddings["eager"], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("attention", PACKED)
@pytest.mark.parametrize("checkpointing", [False, True])
def test_training_packed_with_dropout_is_deterministic(flash, model, batch, checkpointing, attention):
    """Checkpointed layers draw the same dropout again, and gradients reach every parameter."""
    model.set_attn_implementation(attention)
    model.train()
    if checkpointing:
        model.gradient_checkpointing_enable()
    gradients = []
    for _ in range(2):
        torch.manual_seed(0)
        model.zero_grad()
        (model(**batch, noise=EncoderNoise(0.15, 0.12)).features ** 3).sum().backward()
        gradients.append({name: parameter.grad.clone() for name, parameter in model.named_parameters()})
    torch.testing.assert_close(*gradients, atol=0, rtol=0)
    assert all(gradient.abs().sum() > 0 for gradient in gradients[0].values())


@pytest.mark.parametrize("attention", PACKED)
def test_checkpointing_a_packed_model_changes_nothing(flash, model, batch, attention):
    model.train()
    torch.manual_seed(0)
    plain = states_and_gradients(model, attention, batch, MIXUPS[2])
    model.gradient_checkpointing_enable()
    torch.manual_seed(0)
    torch.testing.assert_close(states_and_gradients(model, attention, batch, MIXUPS[2]), plain)


def test_packed_attention_holds_one_bias_for_all_layers_and_sequences(model, batch):
    """Padded, each sequence of the batch has its own: 9 GB for 48 fragments of 10 kb."""
    model.set_attn_implementation("packed")
    saved = set()

    def remember(tensor):
        if tensor.ndim == 4 and tensor.shape[1:] in [(6, length, length) for length in LENGTHS]:
            saved.add(tensor.untyped_storage().data_ptr())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(remember, lambda tensor: tensor):
        model(**batch)
    assert len(saved) == 1


@pytest.mark.parametrize("attention", PACKED)
@torch.no_grad()
def test_a_sequence_without_tokens_is_zero(flash, model, batch, attention):
    """Mixup can leave one: a short sequence padded on the left with one padded on the right."""
    model.set_attn_implementation(attention)
    batch["attention_mask"][1] = 0
    embeddings = model(**batch).embeddings
    assert torch.all(embeddings[1] == 0)
    assert embeddings.isfinite().all()


# --- refused ---


REFUSED = {
    "flash_attention_2": "needs the package flash-attn.*use attn_implementation=.sdpa",
    **dict.fromkeys(
        [
            "flash_attention_3",
            "kernels-community/flash-attn2",
            "kernels-community/vllm-flash-attn3",
            "someone/any-kernel:attend",
            "paged|eager",
            "paged|sdpa",
            "paged|flash_attention_2",
        ],
        "could drop ALiBi.*use one of eager, sdpa, packed",
    ),
}


@pytest.mark.parametrize("attention", REFUSED)
def test_attention_that_would_lose_alibi_is_refused_on_every_route(tiny_config, tmp_path, attention, monkeypatch):
    monkeypatch.setattr(flash_module, "flash_attn_varlen_func", None)
    model = DnacseModel(tiny_config)
    model.save_pretrained(tmp_path)
    past_all_checks = DnacseModel(tiny_config).eval()
    past_all_checks.config = past_all_checks.encoder.config = copy.deepcopy(tiny_config)
    past_all_checks.config._attn_implementation_internal = attention
    routes = [
        lambda: model.set_attn_implementation(attention),
        lambda: model.set_attn_implementation({"": attention}),
        lambda: DnacseModel.from_pretrained(tmp_path, attn_implementation=attention),
        lambda: DnacseModel._from_config(tiny_config, attn_implementation=attention),
        lambda: DnacseModel(DnacseConfig(**tiny_config.to_dict(), attn_implementation=attention)),
        lambda: past_all_checks(torch.tensor([[5, 6]])),
    ]
    for route in routes:
        with pytest.raises(ValueError, match=REFUSED[attention]):
            route()


@pytest.mark.parametrize("model_class", [DnacseForMaskedLM, DnacseForContrastiveLearning])
def test_heads_refuse_attention_that_would_lose_alibi(tiny_config, model_class):
    with pytest.raises(ValueError, match="could drop ALiBi"):
        model_class(tiny_config).set_attn_implementation("kernels-community/flash-attn2")


def test_flash_attention_on_the_cpu_is_refused(tiny_config, batch, monkeypatch):
    monkeypatch.setattr(flash_module, "flash_attn_varlen_func", flash_attn_varlen_func)
    model = DnacseModel._from_config(tiny_config, attn_implementation="flash_attention_2")
    with pytest.raises(ValueError, match="runs on CUDA, the model is on cpu: use attn_implementation=.sdpa"):
        model(**batch)


@pytest.mark.parametrize("attention", PACKED)
def test_a_mask_with_gaps_is_refused(flash, model, batch, attention):
    """Packed tokens close the gap, and ALiBi's distances would shrink."""
    model.set_attn_implementation(attention)
    batch["attention_mask"][3, 7] = 0
    with pytest.raises(ValueError, match="zeros between the tokens"):
        model(**batch)


@pytest.mark.parametrize("attention", PACKED)
def test_hidden_states_of_a_packed_model_are_refused(flash, model, batch, attention):
    model.set_attn_implementation(attention)
    with pytest.raises(ValueError, match="packed tokens"):
        model(**batch, output_hidden_states=True)


def test_sequences_that_come_packed_are_refused(model, batch):
    """As sentence-transformers gives them when flash attention is asked for."""
    with pytest.raises(ValueError, match="sequences would see each other.*unpad_inputs = False"):
        model(batch["input_ids"], cu_seq_lens_q=torch.tensor([0, 5, 33]))


@pytest.mark.parametrize("attention", PACKED)
def test_loading_a_checkpoint_packed(flash, tiny_config, batch, tmp_path, attention):
    DnacseModel(tiny_config).save_pretrained(tmp_path)
    model = DnacseModel.from_pretrained(tmp_path, attn_implementation=attention, dtype=torch.bfloat16).eval()
    exact = DnacseModel.from_pretrained(tmp_path).eval()(**batch).pooler_output
    assert torch.cosine_similarity(model(**batch).pooler_output.float(), exact).min() > 0.999
