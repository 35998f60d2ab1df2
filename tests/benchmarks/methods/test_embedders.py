"""Model ids become vectors: k-mer baselines equal their definitions, checkpoints load, wrong ids are named."""

import itertools

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, EsmConfig, EsmModel, EsmTokenizer, PreTrainedTokenizerFast

from benchmarks.methods.kmers import kmer_frequencies
from benchmarks.methods.load import find_model, load_method
from benchmarks.methods.networks import mean_states
from modeling_dnacse import DnacseConfig, DnacseModel
from modeling_dnacse.machine.provenance import sha256_of


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


def test_parts_of_a_model_are_its_embeddings_without_and_under_random_layers(checkpoint):
    trained = load_method(str(checkpoint))
    bare, start = (load_method(f"{part}:{checkpoint}") for part in ("embedding", "start"))
    assert (bare.name, start.name, bare.revision) == ("embedding:tiny", "start:tiny", trained.revision)
    assert bare.parameters < start.parameters == trained.parameters and bare.checkpoint is None
    model = DnacseModel.from_pretrained(checkpoint)
    tokens = PreTrainedTokenizerFast.from_pretrained(checkpoint)(SEQUENCES[0], return_tensors="pt")
    with torch.no_grad():
        expected = model(**tokens, output_hidden_states=True).hidden_states[0].mean(1)[0]
    np.testing.assert_allclose(bare.encode(SEQUENCES[:1])[0], expected, atol=1e-5)
    vectors = [method.encode(SEQUENCES) for method in (trained, bare, start)]
    assert not any(np.allclose(one, other) for one, other in itertools.combinations(vectors, 2))
    assert np.array_equal(load_method(f"start:{checkpoint}").encode(SEQUENCES), vectors[2])


@pytest.mark.parametrize("model", ["start:checkpoints/dnacse-barcode-mini", "embedding:no/such/folder"])
def test_what_has_no_parts_is_refused(model):
    with pytest.raises(ValueError, match="a model of ours that has layers"):
        find_model(model)


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


@pytest.fixture
def nucleotide_transformer(tmp_path):
    """A stand-in of InstaDeep's: an EsmModel, 6-mers and what is left base by base, <cls> before, nothing after."""
    kmers = ["".join(kmer) for kmer in itertools.product("ATCG", repeat=6)]
    names = ["<unk>", "<pad>", "<mask>", "<cls>", *kmers, *"ATCGN"]
    (tmp_path / "vocabulary.txt").write_text("\n".join(names))
    tokenizer = EsmTokenizer(str(tmp_path / "vocabulary.txt"), eos_token=None, model_max_length=6)
    torch.manual_seed(0)
    config = EsmConfig(
        vocab_size=len(names),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=20,
        pad_token_id=1,
        mask_token_id=2,
        initializer_range=0.5,
    )
    folder = tmp_path / "nucleotide-transformer"
    EsmModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


# a 6-mer is numbered by its bases in the order ATCG, after four others; a base by its place after all 6-mers
TOKENS = {
    "ATTCCG" * 2 + "AT": [3, 367, 367, 4100, 4101],
    "ATTCCN" + "ATTCCG": [3, 4100, 4101, 4101, 4102, 4102],  # cut before N: the tokenizer takes six
    "AAAAAA" * 9: [3, 4, 4, 4, 4, 4],
    "G": [3, 4103],
}


def test_a_nucleotide_transformer_is_pooled_over_its_own_tokens_as_many_as_it_takes(nucleotide_transformer):
    """Its tokenizer is one of Python's, without a tokenizer.json."""
    method = load_method(str(nucleotide_transformer), batch_tokens=12)
    found = method.encode(list(TOKENS))
    network = EsmModel.from_pretrained(nucleotide_transformer, add_pooling_layer=False).eval()
    for vector, tokens in zip(found, TOKENS.values(), strict=True):
        with torch.inference_mode():
            states = network(torch.tensor([tokens])).last_hidden_state[0]  # (tokens, hidden)
        np.testing.assert_allclose(vector, states.numpy().sum(axis=0) / len(tokens), atol=1e-5)
    assert np.ptp(found, axis=0).min() > 1e-3
    assert method.revision == sha256_of(nucleotide_transformer / "model.safetensors")


def test_a_checkpoint_without_a_pooler_is_the_same_method_each_time(nucleotide_transformer):
    """Transformers draws the weights that are missing, so nothing that was kept was ever found again."""
    first, second = (load_method(str(nucleotide_transformer)) for _ in range(2))
    assert first.fingerprint == second.fingerprint


def test_another_vocabulary_of_a_tokenizer_without_json_is_another_method(nucleotide_transformer):
    """Vectors are kept by this fingerprint: the same weights embed other vectors by other numbers of the 6-mers."""
    before = load_method(str(nucleotide_transformer))
    names = (nucleotide_transformer / "vocab.txt").read_text().split("\n")
    (nucleotide_transformer / "vocab.txt").write_text("\n".join([*names[:4], *reversed(names[4:])]))
    after = load_method(str(nucleotide_transformer))
    assert after.fingerprint != before.fingerprint
    assert not np.allclose(after.encode(["ATTCCG"]), before.encode(["ATTCCG"]))


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


def test_an_untrained_model_of_sites_is_refused():
    """It has no layer, and its tables come from the fit: all its vectors would be zero."""
    with pytest.raises(ValueError, match="has no layers to draw at random: .* compare with a k-mer baseline"):
        find_model("untrained:checkpoints/dnacse-barcode-mini")


@pytest.mark.parametrize("model", ["kmer9", "no/such/folder", "nobody/nothing", "untrained:tnf"])
def test_an_unknown_model_is_told_what_is_allowed(model):
    with pytest.raises(ValueError, match=r"tnf, kmer5, kmer6.*folder.*Hub id"):
        find_model(model)


def test_code_of_a_repository_runs_only_when_asked(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "other", "auto_map": {"AutoConfig": "evil.Config"}}')
    with pytest.raises(ValueError, match="--trust_remote_code"):
        find_model(str(tmp_path))


@pytest.mark.parametrize("layout", ["dnabert2_layout", "dnaberts_layout"])
def test_public_checkpoints_are_ours_not_a_bert(reference, layout):
    """AutoModel would make a BERT of them, most of whose weights are random."""
    assert isinstance(find_model(str(reference / layout)), DnacseConfig)
