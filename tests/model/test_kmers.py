"""Embeddings of k-mers: which rows a sequence has, what they must not see, and that every way of running agrees."""

import numpy as np
import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerFast

from modeling_dnacse import DnacseConfig, DnacseForMaskedLM, DnacseModel, embed
from modeling_dnacse.embedding.tokenization import vocabulary_of
from modeling_dnacse.fitting.feature_frequencies import count_kmers, frequencies_of
from modeling_dnacse.kmers import NO_KMER, kmer_rows, row_of_kmers
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.loading.repository import WEIGHTS, write_repository
from modeling_dnacse.reading.sequences import reverse_complement
from tests.support.families import TINY, random_families
from trainer.finish import halve
from trainer.train_tokenizer import train_tokenizer

K = 5
ODD = ["ACGT", "A", "NNNNN", "ACGTNACGTAC", "ACGTRYKACGTTGCA", "acgttgcaacg"]  # sequences of which little is left


@pytest.fixture(scope="module")
def tokenizer(tiny_folder):
    return PreTrainedTokenizerFast.from_pretrained(tiny_folder)


@pytest.fixture(scope="module")
def config(tokenizer):
    return DnacseConfig(**TINY, kmer=K, vocabulary=vocabulary_of(tokenizer))


@pytest.fixture(scope="module")
def model(config):
    torch.manual_seed(0)
    return with_weights(DnacseModel(config)).eval()


@pytest.fixture
def folder(model, tokenizer, tmp_path):
    write_repository(tmp_path / "model", model, tokenizer, {"README.md": "# tiny\n"})
    return tmp_path / "model"


def with_weights(model: DnacseModel) -> DnacseModel:
    """A new table is of zeros, with which nothing could go wrong."""
    with torch.no_grad():
        model.embeddings.kmer_embeddings.weight[NO_KMER + 1 :].normal_()
    return model


def kmers_of(sequence: str) -> list[str]:
    """What the k-mers of a sequence are called, with the strand of middle A or C, by string functions alone."""
    words = [sequence[start : start + K] for start in range(len(sequence) - K + 1)]
    known = [word for word in words if set(word) <= set("ACGT")]
    return [word if word[K // 2] in "AC" else reverse_complement(word) for word in known]


def test_every_kmer_and_its_reverse_complement_share_a_row_of_their_own():
    codes = torch.cartesian_prod(*[torch.arange(4)] * K)
    rows = row_of_kmers(codes, K)[:, 0]
    assert sorted(set(rows.tolist())) == list(range(1, kmer_rows(K)))
    assert rows.bincount(minlength=kmer_rows(K))[1:].eq(2).all()
    torch.testing.assert_close(row_of_kmers(3 - codes.flip(1), K)[:, 0], rows)


@pytest.mark.slow
@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_the_rows_are_those_of_the_sequence_wherever_its_tokens_end(model, tokenizer, padding_side):
    sequences = [*random_families(seed=2, length=300).values(), *(odd.upper() for odd in ODD)]
    name = {
        kmer: int(row_of_kmers(torch.tensor([["ACGT".index(base) for base in kmer]]), K))
        for sequence in sequences
        for kmer in kmers_of(sequence)
    }
    batch = tokenizer(sequences, padding=True, padding_side=padding_side, return_tensors="pt")
    found = model.embeddings.kmer_embeddings.rows(batch["input_ids"], batch["attention_mask"])
    for rows, sequence in zip(found.flatten(1), sequences, strict=True):
        assert rows[rows != NO_KMER].tolist() == [name[kmer] for kmer in kmers_of(sequence)]


@torch.no_grad()
def test_a_token_has_the_kmers_that_begin_in_it(model, tokenizer):
    sequence = next(iter(random_families(seed=2).values()))
    batch = tokenizer([sequence], return_offsets_mapping=True, return_tensors="pt")
    found = model.embeddings.kmer_embeddings(batch["input_ids"], batch["attention_mask"])[0]
    table = model.embeddings.kmer_embeddings.weight
    for sums, (start, end) in zip(found, batch["offset_mapping"][0].tolist(), strict=True):
        begun = [sequence[place : place + K] for place in range(start, min(end, len(sequence) - K + 1))]
        codes = torch.tensor([["ACGT".index(base) for base in kmer] for kmer in begun]).long().reshape(-1, K)
        torch.testing.assert_close(sums, table[row_of_kmers(codes, K)[:, 0]].sum(0), atol=1e-5, rtol=0)
    ids, words = batch["input_ids"], model.get_input_embeddings()(batch["input_ids"])
    expected = model.embeddings.LayerNorm(words + model.embeddings.token_type_embeddings.weight[0] + found)
    torch.testing.assert_close(model.embeddings(words, ids=ids), expected)


def test_every_attention_and_batch_gives_the_same(model, tokenizer, folder):
    sequences = [*list(random_families(seed=2, length=400).values())[:9], *ODD]
    expected = embed(model, tokenizer, sequences)
    for attention in ("eager", "sdpa", "packed"):
        other = DnacseModel.from_pretrained(folder, attn_implementation=attention)
        for tokens in (1, 10_000):
            np.testing.assert_allclose(embed(other, tokenizer, sequences, batch_tokens=tokens), expected, atol=2e-5)


def test_a_masked_token_is_not_given_away(config, tokenizer):
    model = DnacseForMaskedLM(config).eval()
    kmers = with_weights(model.bert).embeddings.kmer_embeddings
    ids = tokenizer(["ACGTTGCAACGTGATTACAGG"], return_tensors="pt")["input_ids"]
    hidden_at = 4
    ids[0, hidden_at] = tokenizer.mask_token_id
    rows = kmers.rows(ids, torch.ones_like(ids))[0]
    assert rows[hidden_at].eq(NO_KMER).all()
    seen = [kmers.spelling[token][kmers.spelling[token] < 4].tolist() for token in ids[0].tolist()]
    before = torch.tensor([sum(seen[:hidden_at], [])])
    assert rows[:hidden_at][rows[:hidden_at] != NO_KMER].tolist() == row_of_kmers(before, K)[0].tolist()
    model(ids, labels=torch.where(ids == tokenizer.mask_token_id, 20, -100)).loss.backward()
    learnt = kmers.weight.grad.abs().sum(1).gt(0).nonzero().flatten().tolist()
    assert learnt == sorted(set(rows[rows != NO_KMER].tolist()))  # and not the row of zeros


@torch.no_grad()
def test_what_stands_under_the_mask_is_in_no_kmer(model):
    ids = torch.randint(5, 96, (2, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.tensor([[1] * 9, [1] * 6 + [0] * 3])
    expected = model(ids[1:, :6]).pooler_output
    torch.testing.assert_close(model(ids, mask).pooler_output[1:], expected)
    torch.testing.assert_close(model(ids.int(), mask).pooler_output[1:], expected)


def test_stored_in_half_precision_the_spelling_stays(folder, model):
    halve(folder / WEIGHTS)
    stored = load_file(folder / WEIGHTS)
    assert stored["embeddings.kmer_embeddings.weight"].dtype == torch.float16
    loaded = DnacseModel.from_pretrained(folder, dtype=torch.bfloat16).embeddings.kmer_embeddings
    assert loaded.weight.dtype == torch.bfloat16
    assert torch.equal(loaded.spelling, model.embeddings.kmer_embeddings.spelling)


def test_frequencies_count_kmers(model, tokenizer):
    sequences = [*list(random_families(seed=3).values())[:5], "ACGTNACGTAC", "ACG"]
    table = frequencies_of(model, tokenizer, sequences).toarray()
    np.testing.assert_allclose(table.sum(1), [1] * 6 + [0])
    counts = count_kmers(tokenizer, sequences, model.embeddings.kmer_embeddings).toarray()
    np.testing.assert_array_equal(counts.sum(1), [len(kmers_of(sequence)) for sequence in sequences])
    others = [reverse_complement(sequence) for sequence in sequences]
    np.testing.assert_array_equal(count_kmers(tokenizer, others, model.embeddings.kmer_embeddings).toarray(), counts)


def test_the_tokenizer_must_be_the_one_that_the_model_can_spell(folder, tmp_path):
    other = train_tokenizer(list(random_families(seed=9).values()), vocab_size=96)
    other.save_pretrained(tmp_path / "other")
    with pytest.raises(ValueError, match="the tokens of .*other are not those"):
        load_checkpoint(DnacseModel, str(folder), str(tmp_path / "other"))


def test_what_cannot_be_is_refused(model):
    with pytest.raises(ValueError, match="needs input_ids"):
        model(inputs_embeds=torch.zeros(1, 3, TINY["hidden_size"]))
    for kmer in (4, -3, 13):
        with pytest.raises((ValueError, StrictDataclassError), match=f"kmer is {kmer}"):
            DnacseConfig(kmer=kmer)
    with pytest.raises(ValueError, match="96 tokens, but its vocabulary names 1"):
        DnacseModel(DnacseConfig(**TINY, kmer=K))
