"""The encoder equals the public implementations, loads their checkpoints, and keeps the properties of an embedding."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from modeling_dnacse import (
    DnacseConfig,
    DnacseForContrastiveLearning,
    DnacseForMaskedLM,
    DnacseForSequenceClassification,
    DnacseModel,
    ManifoldMixup,
)
from modeling_dnacse.attention import alibi_slopes
from modeling_dnacse.layers import masked_mean

TOLERANCE = 1e-5
ATTENTION = ["eager", "sdpa"]
LAYOUTS = ["dnabert2_layout", "dnaberts_layout"]


@pytest.fixture(scope="module")
def arrays(request):
    file = np.load(request.path.parents[1] / "reference" / "encoder_reference.npz")
    return {key: torch.from_numpy(file[key]) for key in file.files}


def close(actual, expected):
    torch.testing.assert_close(actual, expected, atol=TOLERANCE, rtol=0)


def ragged_batch(config, lengths=(5, 17, 9, 30), seed=0):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.full((len(lengths), max(lengths)), config.pad_token_id)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(5, config.vocab_size, (length,), generator=generator)
    return ids, (ids != config.pad_token_id).long()


# --- equal to the reference ---


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("batch", ["short", "long"])
@torch.no_grad()
def test_states_and_pooling_equal_the_reference(arrays, reference, layout, batch, attention):
    model = DnacseModel.from_pretrained(reference / layout, attn_implementation=attention).eval()
    output = model(arrays[f"{batch}.input_ids"], arrays[f"{batch}.attention_mask"])
    close(output.last_hidden_state, arrays[f"{batch}.last_hidden_state"])  # padding rows, which are 0, included
    close(output.pooler_output, arrays[f"{batch}.mean_pooled"])


@pytest.mark.parametrize("attention", ATTENTION)
@torch.no_grad()
def test_every_layer_equals_the_reference(arrays, reference, attention):
    model = DnacseModel.from_pretrained(reference / "dnaberts_layout", attn_implementation=attention).eval()
    mask = arrays["short.attention_mask"]
    states = model(arrays["short.input_ids"], mask, output_hidden_states=True).hidden_states
    assert len(states) == model.config.num_hidden_layers + 1
    close(states[0][mask.bool()], arrays["short.embedding_output"][mask.bool()])
    for layer, hidden in enumerate(states[1:]):
        close(hidden[mask.bool()], arrays[f"short.layer{layer}_unpadded"])


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("batch", ["short", "long"])
@torch.no_grad()
def test_masked_language_logits_equal_the_reference(arrays, reference, batch, attention):
    model = DnacseForMaskedLM.from_pretrained(reference / "dnabert2_layout", attn_implementation=attention).eval()
    close(model(arrays[f"{batch}.input_ids"], arrays[f"{batch}.attention_mask"]).logits, arrays[f"{batch}.mlm_logits"])


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("layer", range(4))
@torch.no_grad()
def test_manifold_mixup_equals_the_reference(arrays, reference, layer, attention):
    model = DnacseModel.from_pretrained(reference / "dnaberts_layout", attn_implementation=attention).eval()
    mixup = ManifoldMixup(layer, arrays["mix.permutation"], arrays["mix.lambda"])
    output = model(arrays["short.input_ids"], arrays["short.attention_mask"], mixup=mixup)
    close(output.last_hidden_state, arrays[f"mix.layer{layer}.last_hidden_state"])
    close(output.pooler_output, arrays[f"mix.layer{layer}.mean_pooled"])
    assert torch.equal(output.attention_mask, arrays[f"mix.layer{layer}.attention_mask"])


def test_slopes_of_twelve_heads():
    assert alibi_slopes(12) == [2.0**-k for k in range(1, 9)] + [2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5]


# --- checkpoints ---


@pytest.mark.parametrize("layout", LAYOUTS)
@torch.no_grad()
def test_safetensors_of_the_public_layout_load_like_bin(reference, layout, tmp_path, arrays):
    shutil.copy(reference / layout / "config.json", tmp_path)
    weights = torch.load(reference / layout / "pytorch_model.bin", weights_only=True)
    save_file({key: value.clone() for key, value in weights.items()}, tmp_path / "model.safetensors")
    model = DnacseModel.from_pretrained(tmp_path).eval()
    close(model(arrays["short.input_ids"], arrays["short.attention_mask"]).pooler_output, arrays["short.mean_pooled"])


def test_published_config_quirks_are_mended(reference, tmp_path, caplog):
    published = json.loads((reference / "dnabert2_layout" / "config.json").read_text())
    published |= {"pad_token_id": 0, "auto_map": {"AutoModel": "bert_layers.BertModel"}, "torch_dtype": "float32"}
    (tmp_path / "config.json").write_text(json.dumps(published))
    config = DnacseConfig.from_pretrained(tmp_path)
    assert (config.pad_token_id, config.model_type, config.hidden_size) == (3, "dnacse", 48)
    assert config.auto_map["AutoModel"] == "modeling_dnacse.DnacseModel"
    # sentence-transformers and tokenizers would cut sequences at this limit, which does not exist
    assert not hasattr(config, "max_position_embeddings")
    assert not caplog.records


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("model_class", [DnacseModel, DnacseForMaskedLM])
def test_saving_writes_our_format_which_loads_back_bit_for_bit(reference, layout, model_class, tmp_path):
    model = model_class.from_pretrained(reference / layout)
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "dnacse"
    assert not list(tmp_path.glob("*.bin"))
    loaded = model_class.from_pretrained(tmp_path)
    before, after = model.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_encoder_survives_the_way_through_every_head(reference, tmp_path):
    encoder = DnacseModel.from_pretrained(reference / "dnaberts_layout")
    for step, model_class in enumerate(
        [DnacseForContrastiveLearning, DnacseForMaskedLM, DnacseForSequenceClassification, DnacseModel]
    ):
        encoder.save_pretrained(tmp_path / str(step))
        model = model_class.from_pretrained(tmp_path / str(step))
        before, after = (getattr(any_model, "bert", any_model).parameters() for any_model in (encoder, model))
        assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
        encoder = model


@pytest.mark.parametrize("damage", ["missing", "unknown"])
def test_a_wrong_checkpoint_is_refused(tiny_config, tmp_path, damage):
    DnacseModel(tiny_config).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    key = "encoder.layer.1.attention.self.Wqkv.weight"
    weights = {("encoder.layer.1.query" if name == key else name): value for name, value in weights.items()}
    if damage == "unknown":
        weights[key] = torch.zeros(144, 48)
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="no checkpoint of this encoder.*give a DNACSE, DNABERT-2 or DNABERT-S"):
        DnacseModel.from_pretrained(tmp_path)


def test_loading_in_half_precision_keeps_alibi(tiny_config, tmp_path):
    DnacseModel(tiny_config).save_pretrained(tmp_path)
    ids, mask = ragged_batch(tiny_config)
    full = DnacseModel.from_pretrained(tmp_path).eval()(ids, mask).pooler_output
    half = DnacseModel.from_pretrained(tmp_path, dtype=torch.bfloat16).eval()(ids, mask).pooler_output
    assert half.dtype == torch.bfloat16
    assert torch.cosine_similarity(full, half.float()).min() > 0.999


# --- properties ---


@pytest.fixture
def model(tiny_config):
    torch.manual_seed(0)
    return DnacseModel(tiny_config).eval()


@torch.no_grad()
def test_padding_never_changes_an_embedding(model):
    ids, mask = ragged_batch(model.config)
    together = model(ids, mask).pooler_output
    for row, length in enumerate(mask.sum(1)):
        close(model(ids[row : row + 1, :length]).pooler_output[0], together[row])
    wider = torch.nn.functional.pad(ids, (0, 20), value=7)  # what stands under the mask does not matter either
    close(model(wider, torch.nn.functional.pad(mask, (0, 20))).pooler_output, together)


@torch.no_grad()
def test_batch_order_never_changes_an_embedding(model):
    ids, mask = ragged_batch(model.config)
    order = torch.tensor([2, 0, 3, 1])
    close(model(ids[order], mask[order]).pooler_output, model(ids, mask).pooler_output[order])


def test_eager_equals_sdpa_in_value_and_gradient(model):
    ids, mask = ragged_batch(model.config)
    results = {}
    for attention in ATTENTION:
        model.set_attn_implementation(attention)
        model.zero_grad()
        pooled = model(ids, mask).pooler_output
        pooled.square().sum().backward()
        results[attention] = pooled.detach(), model.encoder.layer[0].attention.self.Wqkv.weight.grad.clone()
    close(results["sdpa"][0], results["eager"][0])
    torch.testing.assert_close(results["sdpa"][1], results["eager"][1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("attention", ATTENTION)
@torch.no_grad()
def test_order_of_tokens_matters(model, attention):
    """Without ALiBi the mean-pooled embedding would be the same for any order."""
    model.set_attn_implementation(attention)
    ids, _ = ragged_batch(model.config, lengths=(30,))
    difference = model(ids).pooler_output - model(ids.flip(1)).pooler_output
    assert difference.abs().max() < 1e-4  # symmetric: reversed tokens see the same distances
    shuffled = ids[:, torch.randperm(30, generator=torch.Generator().manual_seed(1))]
    assert (model(ids).pooler_output - model(shuffled).pooler_output).abs().max() > 1e-2


def test_gradient_checkpointing_changes_nothing(model):
    ids, mask = ragged_batch(model.config)
    model.config.hidden_dropout_prob = 0.0
    model = DnacseModel(model.config).train()
    gradients = []
    for checkpointing in (False, True):
        if checkpointing:
            model.gradient_checkpointing_enable()
            assert model.encoder.layer[0].gradient_checkpointing
        model.zero_grad()
        model(ids, mask).pooler_output.square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_word_vectors_stand_for_ids(model):
    ids, mask = ragged_batch(model.config)
    words = model.get_input_embeddings()(ids)
    assert torch.equal(model(inputs_embeds=words, attention_mask=mask)[0], model(ids, mask)[0])
    with pytest.raises(ValueError, match="exactly one of"):
        model(ids, inputs_embeds=words)


def test_attention_weights_can_be_seen(model):
    ids, mask = ragged_batch(model.config)
    model.set_attn_implementation("eager")
    weights = model(ids, mask, output_attentions=True).attentions
    assert [tuple(layer.shape) for layer in weights] == [(4, 6, 30, 30)] * 3
    assert torch.all(weights[0][0, :, :, 5:] == 0)  # the first sequence has five tokens
    model.set_attn_implementation("sdpa")
    with pytest.raises(ValueError, match="set_attn_implementation"):
        model(ids, mask, output_attentions=True)


def test_cls_pooling_is_the_first_state(model):
    ids, mask = ragged_batch(model.config)
    model.config.pooling = "cls"
    output = model(ids, mask)
    assert torch.equal(output.pooler_output, output.last_hidden_state[:, 0])


@torch.no_grad()
def test_mean_of_the_last_two_averages_input_and_output_of_the_last_layer(model):
    ids, mask = ragged_batch(model.config)
    model.config.pooling = "mean_last_two"
    output = model(ids, mask, output_hidden_states=True)
    for row, length in enumerate(mask.sum(1)):
        two = torch.stack(output.hidden_states[-2:])[:, row, :length]
        close(output.pooler_output[row], two.mean((0, 1)))


@torch.no_grad()
def test_cls_tanh_pooling_is_a_layer_on_the_first_state(tiny_config):
    tiny_config.pooling = "cls_tanh"
    model = DnacseModel(tiny_config).eval()
    output = model(*ragged_batch(tiny_config))
    first, dense = output.last_hidden_state[:, 0], model.pooler.dense
    close(output.pooler_output, torch.tanh(first @ dense.weight.T + dense.bias))


def test_a_pooler_is_loaded_only_where_the_pooling_needs_it(reference, tmp_path):
    """DNABERT-S's checkpoint has one that was never trained, DNABERT-2's none."""
    weights = torch.load(reference / "dnaberts_layout" / "pytorch_model.bin", weights_only=True)
    assert DnacseModel.from_pretrained(reference / "dnaberts_layout").pooler is None
    model = DnacseModel.from_pretrained(reference / "dnaberts_layout", pooling="cls_tanh")
    assert torch.equal(model.pooler.dense.weight, weights["pooler.dense.weight"])
    model.save_pretrained(tmp_path)
    again = DnacseModel.from_pretrained(tmp_path)
    assert again.config.pooling == "cls_tanh"
    assert torch.equal(again.pooler.dense.bias, model.pooler.dense.bias)
    # a random pooler would embed silently; what is trained next may start from one
    with pytest.raises(ValueError, match=r"missing \(such as .*pooler"):
        DnacseModel.from_pretrained(reference / "dnabert2_layout", pooling="cls_tanh")
    assert DnacseForContrastiveLearning.from_pretrained(reference / "dnabert2_layout", pooling="cls_tanh").bert.pooler


@pytest.mark.parametrize(
    ("layer", "rows", "message"), [(3, 4, "allowed are 0"), (-1, 4, "allowed are 0"), (0, 3, "shape of the batch")]
)
def test_a_mixup_that_does_not_fit_is_refused(model, layer, rows, message):
    ids, mask = ragged_batch(model.config)
    with pytest.raises(ValueError, match=message):
        model(ids, mask, mixup=ManifoldMixup(layer, torch.arange(rows), torch.ones(rows)))


def test_autocast_holds_one_bias_for_all_layers(model):
    """A copy in every layer would be 50 GB for the paper's batch."""
    ids, mask = ragged_batch(model.config)
    saved: set[int] = set()

    def remember(tensor):
        if tensor.shape == (4, 6, 30, 30):
            saved.add(tensor.data_ptr())
        return tensor

    exact = model(ids, mask).pooler_output
    with (
        torch.autocast("cpu", torch.bfloat16),
        torch.autograd.graph.saved_tensors_hooks(remember, lambda tensor: tensor),
    ):
        half = model(ids, mask).pooler_output
    assert len(saved) == 1
    assert torch.cosine_similarity(exact, half.float()).min() > 0.999


def test_pooling_thousands_of_tokens_does_not_overflow_half_precision():
    hidden = torch.full((1, 4000, 2), 24.0, dtype=torch.float16)
    assert torch.equal(masked_mean(hidden, torch.ones(1, 4000)), hidden[:, 0])


def test_tuples_on_request(tiny_config):
    tiny_config.return_dict = False
    ids, mask = ragged_batch(tiny_config)
    embeddings, features = DnacseForContrastiveLearning(tiny_config)(ids, mask)[:2]
    assert (embeddings.shape, features.shape) == ((4, 48), (4, 16))
    assert DnacseForMaskedLM(tiny_config)(ids, mask)[0].shape == (4, 30, 96)


def test_a_saved_model_does_not_depend_on_where_it_came_from(tiny_config, tmp_path):
    """transformers prefixes the auto_map of a model from the Hub with its repository."""
    config = DnacseConfig(**tiny_config.to_dict() | {"auto_map": {"AutoModelForMaskedLM": "me/x--modeling_dnacse.X"}})
    DnacseModel(config).save_pretrained(tmp_path)
    assert "me/x" not in (tmp_path / "config.json").read_text()


def test_gradients_reach_every_parameter_of_the_contrastive_model(tiny_config):
    model = DnacseForContrastiveLearning(tiny_config).train()
    ids, mask = ragged_batch(tiny_config)
    mixup = ManifoldMixup(1, torch.tensor([1, 0, 3, 2]), torch.full((4,), 0.6))
    output = model(ids, mask, mixup=mixup)
    assert output.embeddings.shape == (4, 48)
    close(output.features.norm(dim=1), torch.ones(4))
    (output.features[:, 0] ** 3).sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_classification_trains_its_head(tiny_config):
    tiny_config.num_labels = 3
    model = DnacseForSequenceClassification(tiny_config)
    ids, mask = ragged_batch(tiny_config)
    output = model(ids, mask, labels=torch.tensor([0, 1, 2, 0]))
    assert output.logits.shape == (4, 3)
    expected = torch.nn.functional.cross_entropy(output.logits, torch.tensor([0, 1, 2, 0]))
    close(output.loss, expected)


def test_masked_language_loss_counts_labelled_tokens_only(tiny_config):
    model = DnacseForMaskedLM(tiny_config).eval()
    ids, mask = ragged_batch(tiny_config)
    labels = torch.where(torch.arange(ids.shape[1]) == 2, ids, -100)
    output = model(ids, mask, labels=labels)
    close(output.loss, torch.nn.functional.cross_entropy(output.logits[:, 2], ids[:, 2]))
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight


# --- the masked-language head of contrastive training ---


def test_the_masked_language_head_of_training_is_dnabert2s(reference, arrays):
    """Its loss is that of DnacseForMaskedLM, from labelled tokens only."""
    model = DnacseForContrastiveLearning.from_pretrained(reference / "dnabert2_layout", with_mlm_head=True).eval()
    ids, mask = arrays["short.input_ids"], arrays["short.attention_mask"]
    labels = torch.where((torch.arange(ids.shape[1]) % 3 == 1) & mask.bool(), ids, -100)
    output = model(ids, mask, labels=labels)
    close(output.logits, arrays["short.mlm_logits"][labels != -100])
    whole = DnacseForMaskedLM.from_pretrained(reference / "dnabert2_layout").eval()
    close(output.loss, whole(ids, mask, labels=labels).loss)
    assert output.features is None
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight


def test_the_masked_language_head_of_training_is_saved_and_stays_out_of_the_encoder(reference, tmp_path):
    torch.manual_seed(0)
    model = DnacseForContrastiveLearning.from_pretrained(reference / "dnaberts_layout", with_mlm_head=True)
    model.save_pretrained(tmp_path / "training")
    again = DnacseForContrastiveLearning.from_pretrained(tmp_path / "training", with_mlm_head=True)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert again.cls.predictions.decoder.weight is again.bert.embeddings.word_embeddings.weight
    model.bert.save_pretrained(tmp_path / "released")
    assert not [key for key in load_file(tmp_path / "released" / "model.safetensors") if "predictions" in key]
    assert DnacseForContrastiveLearning.from_pretrained(tmp_path / "training").cls is None


def test_labels_without_masked_language_head_are_refused(tiny_config):
    ids, mask = ragged_batch(tiny_config)
    with pytest.raises(ValueError, match="with_mlm_head=True"):
        DnacseForContrastiveLearning(tiny_config)(ids, mask, labels=ids)


def test_a_batch_without_labelled_token_has_no_loss_and_no_gradient(tiny_config):
    """The mean over none is NaN, and one such batch would end a training."""
    model = DnacseForContrastiveLearning(tiny_config, with_mlm_head=True)
    ids, mask = ragged_batch(tiny_config)
    loss = model(ids, mask, labels=torch.full_like(ids, -100)).loss
    loss.backward()
    assert loss == 0
    assert all(not p.grad.any() for p in model.parameters() if p.grad is not None)


@pytest.mark.slow
def test_compiling_changes_nothing(tiny_config):
    tiny_config.num_hidden_layers = 1
    tiny_config.hidden_dropout_prob = 0.0
    model = DnacseForContrastiveLearning(tiny_config)
    ids, mask = ragged_batch(tiny_config)
    results = []
    for run in (model, torch.compile(model, backend="aot_eager")):  # inductor needs a C++ compiler and a minute
        model.zero_grad()
        features = run(input_ids=ids, attention_mask=mask).features
        (features**3).mean().backward()
        results.append([features.detach(), *(parameter.grad.clone() for parameter in model.parameters())])
    for plain, compiled in zip(*results, strict=True):
        close(compiled, plain)
