"""Model ids become vectors: k-mer baselines equal their definitions, checkpoints load, wrong ids are named."""

import itertools

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from benchmarks.embedders import find_model, load_method
from benchmarks.kmers import kmer_frequencies
from benchmarks.networks import mean_states
from modeling_dnacse import DnacseConfig, DnacseModel
from modeling_dnacse.provenance import sha256_of


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    names = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "A", "C", "G", "T"]
    bases = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="[UNK]"))
    bases.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return PreTrainedTokenizerFast(tokenizer_object=bases, pad_token="[PAD]", unk_token="[UNK]")


@pytest.fixture
def checkpoint(tmp_path, tiny_config, tokenizer):
    folder = tmp_path / "tiny"
    torch.manual_seed(1)
    DnacseModel(tiny_config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


SEQUENCES = ["ACGTACGTAGGCT", "TTGACCA", "ACGTNNACGTAAC", "GATTACAGATTACAGATTACA"]


def test_tnf_equals_the_public_implementation(reference):
    recorded = np.load(reference / "tnf_reference.npz")
    found = load_method("tnf").encode(recorded["tnf.sequences"].tolist())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, recorded["tnf.features"], atol=1e-7)


@pytest.mark.parametrize("k", [1, 4, 6])
def test_kmers_equal_plain_counting(k):
    expected = np.zeros((len(SEQUENCES), 4**k))
    for row, sequence in enumerate(SEQUENCES):
        windows = [sequence[i : i + k] for i in range(len(sequence) - k + 1)]
        windows = [window for window in windows if "N" not in window]
        for column, kmer in enumerate(map("".join, itertools.product("ACGT", repeat=k))):
            expected[row, column] = windows.count(kmer) / max(1, len(windows))
    np.testing.assert_allclose(kmer_frequencies(SEQUENCES, k), expected, atol=1e-7)


def test_kmer_blocks_do_not_show():
    rng = np.random.default_rng(0)
    sequences = ["".join(rng.choice(list("ACGTN"), size=rng.integers(0, 60))) for _ in range(40)]
    assert np.array_equal(kmer_frequencies(sequences, 5, block=3), kmer_frequencies(sequences, 5, block=40))


def test_sequences_without_a_window_are_zero():
    assert not kmer_frequencies(["", "ACG", "NNNNNNN"], 4).any()


def test_our_checkpoint(checkpoint):
    embedder = load_method(str(checkpoint))
    vectors = embedder.encode(SEQUENCES)
    assert embedder.name == "tiny"
    assert embedder.revision == sha256_of(checkpoint / "model.safetensors")
    assert embedder.parameters == sum(p.numel() for p in DnacseModel.from_pretrained(checkpoint).parameters())
    assert vectors.shape == (4, 48)
    assert vectors.dtype == np.float32
    assert load_method(str(checkpoint), name="ours").name == "ours"


def test_untrained_has_the_architecture_but_other_weights(checkpoint):
    trained, untrained = load_method(str(checkpoint)), load_method(f"untrained:{checkpoint}")
    assert untrained.name == "untrained:tiny"
    assert untrained.revision == ""
    assert untrained.parameters == trained.parameters
    vectors = untrained.encode(SEQUENCES)
    assert not np.allclose(vectors, trained.encode(SEQUENCES))
    assert np.array_equal(vectors, load_method(f"untrained:{checkpoint}").encode(SEQUENCES))


def test_a_foreign_encoder_is_pooled_over_its_mask(tmp_path, tokenizer):
    config = BertConfig(
        vocab_size=9, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, pad_token_id=3
    )
    network = BertModel(config).eval()
    network.save_pretrained(tmp_path / "bert")
    tokenizer.save_pretrained(tmp_path / "bert")
    together = load_method(str(tmp_path / "bert"), batch_tokens=40).encode(SEQUENCES)
    for sequence, vector in zip(SEQUENCES, together, strict=True):
        with torch.inference_mode():
            alone = network(torch.tensor([tokenizer(sequence)["input_ids"]])).last_hidden_state.mean(dim=1)[0]
        np.testing.assert_allclose(vector, alone.numpy(), atol=1e-5)


class NoMask(BertModel):
    """A stand-in for networks that take no attention mask, as HyenaDNA: padding would change its states."""

    def forward(self, input_ids):
        return super().forward(input_ids)


def test_a_network_without_a_mask_sees_no_padding(tokenizer):
    torch.manual_seed(0)
    config = BertConfig(vocab_size=9, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    network = NoMask(config).eval()
    together = mean_states(network, tokenizer, SEQUENCES, batch_tokens=100, device="cpu")
    for sequence, vector in zip(SEQUENCES, together, strict=True):
        alone = mean_states(network, tokenizer, [sequence], batch_tokens=100, device="cpu")
        np.testing.assert_allclose(vector, alone[0], atol=1e-6)


def test_a_long_sequence_is_cut_where_positions_end(tokenizer):
    config = BertConfig(
        vocab_size=9,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=10,
    )
    network = BertModel(config).eval()
    long, cut = mean_states(network, tokenizer, ["ACGT" * 9, "ACGT" * 2 + "AC"], batch_tokens=100, device="cpu")
    np.testing.assert_allclose(long, cut, atol=1e-6)


def test_a_sentence_transformer_embeds_as_its_modules_say(tmp_path, tokenizer):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    config = BertConfig(
        vocab_size=9, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, pad_token_id=3
    )
    BertModel(config).save_pretrained(tmp_path / "bert")
    tokenizer.save_pretrained(tmp_path / "bert")
    modules = [Transformer(str(tmp_path / "bert")), Pooling(16, pooling_mode="max"), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(tmp_path / "sentences"))
    method = load_method(str(tmp_path / "sentences"))
    expected = SentenceTransformer(str(tmp_path / "sentences"), device="cpu").encode(SEQUENCES)
    found = method.encode(SEQUENCES)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert not np.allclose(found, load_method(str(tmp_path / "bert")).encode(SEQUENCES))
    assert method.fingerprint != load_method(str(tmp_path / "bert")).fingerprint


@pytest.mark.parametrize("model", ["kmer9", "no/such/folder", "nobody/nothing", "untrained:tnf"])
def test_an_unknown_model_is_told_what_is_allowed(model):
    with pytest.raises(ValueError, match=r"tnf, kmer4, kmer5, kmer6.*folder.*Hub id"):
        find_model(model)


def test_code_of_a_repository_runs_only_when_asked(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "other", "auto_map": {"AutoConfig": "evil.Config"}}')
    with pytest.raises(ValueError, match="--trust_remote_code"):
        find_model(str(tmp_path))


@pytest.mark.parametrize("layout", ["dnabert2_layout", "dnaberts_layout"])
def test_public_checkpoints_are_ours_not_a_bert(reference, layout):
    """AutoModel would make a BERT of them, most of whose weights are random."""
    assert isinstance(find_model(str(reference / layout)), DnacseConfig)
