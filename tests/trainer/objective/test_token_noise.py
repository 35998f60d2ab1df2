"""Corruption of token ids: base substitution and masking touch what they should, as often as they should."""

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from trainer.objective.masking import IGNORED, WINDOW, mask_tokens, vocabulary
from trainer.objective.token_noise import neighbours, substitute


@pytest.fixture(scope="module")
def tokenizer(tiny_folder):
    return PreTrainedTokenizerFast.from_pretrained(tiny_folder)


@pytest.fixture(scope="module")
def ids(tokenizer):
    """(64, 202): [CLS], tokens of DNA, [SEP], padding."""
    ids = torch.randint(5, len(tokenizer), (64, 202), generator=torch.Generator().manual_seed(0))
    ids[:, 0], ids[:, 150], ids[:, 151:] = 1, 2, 3
    return ids


def generator(seed):
    return torch.Generator().manual_seed(seed)


def test_a_substituted_token_differs_in_exactly_one_base(tokenizer, ids):
    table = neighbours(tokenizer)
    changed = substitute(ids, table, 1.0, generator(1))
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    for before, after in zip(ids.flatten().tolist(), changed.flatten().tolist(), strict=True):
        if before == after:
            assert table.counts[before] == 0
        else:
            assert len(tokens[before]) == len(tokens[after])
            assert sum(a != b for a, b in zip(tokens[before], tokens[after], strict=True)) == 1
    assert torch.equal(changed[:, [0, *range(150, 202)]], ids[:, [0, *range(150, 202)]])  # specials and padding


def test_every_neighbour_comes_equally_often_and_the_rate_is_kept(tokenizer):
    table = neighbours(tokenizer)
    adenine = tokenizer.convert_tokens_to_ids("A")
    changed = substitute(torch.full((1, 100_000), adenine), table, 0.3, generator(2))
    counts = {token: (changed == tokenizer.convert_tokens_to_ids(token)).float().mean().item() for token in "ACGT"}
    assert counts == pytest.approx({"A": 0.7, "C": 0.1, "G": 0.1, "T": 0.1}, abs=0.01)
    untouched = substitute(changed, table, 0.0, generator(3))
    assert torch.equal(untouched, changed)


@pytest.mark.parametrize("span", ["token", "window"])
def test_masking_keeps_its_rates(tokenizer, ids, span):
    entries = vocabulary(tokenizer)
    many = ids.repeat(20, 1)
    corrupted, labels = mask_tokens(many, entries, 0.15, span, generator(4))
    chosen = labels != IGNORED
    ordinary = entries.is_ordinary[many]
    assert not (chosen & ~ordinary).any() and torch.equal(corrupted[~chosen], many[~chosen])
    assert torch.equal(labels[chosen], many[chosen])
    assert chosen[ordinary].float().mean().item() == pytest.approx(0.15, abs=0.005)
    masked, kept = corrupted[chosen] == tokenizer.mask_token_id, corrupted[chosen] == many[chosen]
    assert masked.float().mean().item() == pytest.approx(0.8, abs=0.01)
    assert kept.float().mean().item() == pytest.approx(0.1 + 0.1 / len(entries.ordinary), abs=0.01)
    assert entries.is_ordinary[corrupted[chosen & (corrupted != tokenizer.mask_token_id)]].all()


def test_windows_mask_runs_of_tokens(tokenizer, ids):
    entries = vocabulary(tokenizer)
    inside = ids[:, WINDOW : 150 - WINDOW].repeat(20, 1)  # no specials
    _, labels = mask_tokens(inside, entries, 0.15, "window", generator(5))
    runs = "".join(
        "x" if hit else " " for row in (labels != IGNORED) for hit in [*row[WINDOW:-WINDOW].tolist(), False]
    )
    lengths = [len(run) for run in runs.split()]
    edges = sum(length < WINDOW for length in lengths)  # only runs cut at the ends of a row are shorter
    assert 0 < edges < 0.1 * len(lengths) and max(lengths) > WINDOW
    _, again = mask_tokens(inside, entries, 0.15, "window", generator(5))
    assert torch.equal(labels, again)


def test_a_tokenizer_without_mask_is_one_sentence(tiny_folder):
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tiny_folder)
    tokenizer.mask_token = None
    with pytest.raises(ValueError, match="has no mask token"):
        vocabulary(tokenizer)
