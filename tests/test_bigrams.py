"""Embeddings of pairs of tokens: what they see and must not see, and that every way of running gives the same."""

import numpy as np
import pytest
import torch
from conftest import TINY, random_families
from transformers import PreTrainedTokenizerFast

from modeling_dnacse import DnacseConfig, DnacseForMaskedLM, DnacseModel, embed
from modeling_dnacse.bigrams import NO_PAIR, bigram_rows
from modeling_dnacse.configuration_dnacse import FIRST_ORDINARY_ID
from modeling_dnacse.export import export_onnx
from modeling_dnacse.onnx_encoder import OnnxEncoder
from modeling_dnacse.sequences import reverse_complement
from trainer.fit_embeddings import token_frequencies
from trainer.release import write_repository
from trainer.train_tokenizer import SPECIAL_TOKENS

BUCKETS = 500


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return DnacseModel(DnacseConfig(**TINY, bigram_buckets=BUCKETS)).eval()


@pytest.fixture(scope="module")
def tokenizer(tiny_folder):
    return PreTrainedTokenizerFast.from_pretrained(tiny_folder)


@pytest.fixture
def folder(model, tokenizer, tmp_path):
    write_repository(tmp_path / "model", model, tokenizer, {"README.md": "# tiny\n"})
    return tmp_path / "model"


def test_a_row_is_of_a_token_and_the_next():
    ids = torch.randint(5, 4096, (4, 2000), generator=torch.Generator().manual_seed(0))
    rows = bigram_rows(ids, BUCKETS)
    assert rows[:, -1].eq(NO_PAIR).all()  # nothing follows
    assert rows[:, :-1].min() == 1
    assert rows.max() == BUCKETS
    counts = np.bincount(rows[:, :-1].flatten(), minlength=BUCKETS + 1)[1:]  # 16 of each bucket, if spread at random
    assert 0.7 < counts.var() / counts.mean() < 1.3
    swapped = bigram_rows(ids.flip(1), BUCKETS).flip(1)[:, 1:]
    assert (swapped == rows[:, :-1]).float().mean() < 0.02  # (a, b) is not (b, a)
    torch.testing.assert_close(bigram_rows(ids[:, 7:9], BUCKETS)[:, 0], rows[:, 7])  # wherever it stands


@pytest.mark.parametrize("special", range(5))
def test_a_special_token_makes_no_pair(special):
    rows = bigram_rows(torch.tensor([[40, special, 41, 42]]), BUCKETS)[0]
    assert rows[0] == rows[1] == rows[3] == NO_PAIR
    assert rows[2] != NO_PAIR


@torch.no_grad()
def test_pairs_are_in_the_embedding_output(model):
    ids = torch.tensor([[1, 20, 21, 22, 2], [1, 22, 21, 20, 2]])
    words, table = model.get_input_embeddings()(ids), model.embeddings.bigram_embeddings
    types = model.embeddings.token_type_embeddings.weight[0]
    for row, place in ((0, 1), (0, 2), (0, 3), (1, 1)):
        pair = table.weight[bigram_rows(ids, BUCKETS)[row, place]]
        expected = model.embeddings.LayerNorm(words[row, place] + types + pair)
        torch.testing.assert_close(model.embeddings(words, ids=ids)[row, place], expected)
    assert table.weight[NO_PAIR].eq(0).all()


def test_every_attention_and_batch_gives_the_same(model, tokenizer, folder):
    sequences = list(random_families(seed=2, length=400).values())[:9] + ["ACGT", "ACGTNNNNACGTTGCA"]
    expected = embed(model, tokenizer, sequences)
    for attention in ("eager", "sdpa", "packed"):
        other = DnacseModel.from_pretrained(folder, attn_implementation=attention)
        for tokens in (1, 10_000):
            np.testing.assert_allclose(embed(other, tokenizer, sequences, batch_tokens=tokens), expected, atol=2e-5)


def test_the_graph_has_them(folder, tokenizer, model, tmp_path):
    assert export_onnx(str(folder), tmp_path / "graph") < 1e-4
    sequences = list(random_families(seed=3).values())[:5]
    got = embed(OnnxEncoder(tmp_path / "graph"), tokenizer, sequences)
    np.testing.assert_allclose(got, embed(model, tokenizer, sequences), atol=1e-4)


def test_a_masked_token_is_not_given_away():
    torch.manual_seed(0)
    model = DnacseForMaskedLM(DnacseConfig(**TINY, bigram_buckets=BUCKETS)).eval()
    rows = bigram_rows(torch.tensor([[1, 20, 4, 22, 2]]), BUCKETS)
    assert rows.eq(NO_PAIR).all()
    loss = model(torch.tensor([[1, 20, 21, 22, 2]]), labels=torch.tensor([[-100, -100, 21, -100, -100]])).loss
    loss.backward()
    gradient = model.bert.embeddings.bigram_embeddings.weight.grad
    assert gradient.abs().sum(1).gt(0).sum() == 2  # the two pairs of three tokens learn, the row of zeros does not
    assert gradient[NO_PAIR].eq(0).all()


@torch.no_grad()
def test_what_stands_under_the_mask_makes_no_pair(model):
    ids = torch.randint(5, 96, (2, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.tensor([[1] * 9, [1] * 6 + [0] * 3])
    expected = model(ids[1:, :6]).pooler_output
    torch.testing.assert_close(model(ids, mask).pooler_output[1:], expected)
    torch.testing.assert_close(model(ids.int(), mask).pooler_output[1:], expected)


def test_special_tokens_come_first(tiny_folder):
    with pytest.raises(ValueError, match="the special tokens must be the first 5"):
        DnacseConfig(bigram_buckets=9, pad_token_id=77)
    assert len(SPECIAL_TOKENS) == FIRST_ORDINARY_ID
    assert sorted(PreTrainedTokenizerFast.from_pretrained(tiny_folder).all_special_ids) == list(range(5))


def test_vectors_in_place_of_ids_are_refused(model):
    with pytest.raises(ValueError, match="needs input_ids"):
        model(inputs_embeds=torch.zeros(1, 3, TINY["hidden_size"]))


def test_a_negative_number_of_buckets_is_refused():
    with pytest.raises(ValueError, match="bigram_buckets is -1"):
        DnacseConfig(bigram_buckets=-1)


def test_frequencies_count_pairs(tokenizer):
    sequences = [*list(random_families(seed=3).values())[:5], "ACGTNACGT"]
    table = token_frequencies(tokenizer, sequences, buckets=BUCKETS).toarray()
    for row, sequence in zip(table, sequences, strict=True):
        ids = torch.tensor(tokenizer(sequence)["input_ids"])
        counts = np.bincount(bigram_rows(ids[None], BUCKETS)[0], minlength=BUCKETS + 1)[1:]
        np.testing.assert_allclose(row[len(tokenizer) :], counts / (len(ids) - 2))
        assert row[: len(tokenizer)].sum() == pytest.approx(1)
    both = token_frequencies(tokenizer, sequences, both_strands=True, buckets=BUCKETS).toarray()
    others = [reverse_complement(sequence) for sequence in sequences]
    np.testing.assert_allclose(both * 2, table + token_frequencies(tokenizer, others, buckets=BUCKETS).toarray())
