"""What callers in Python give as sequences and options: wrong kinds are refused in one sentence."""

import copy
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from threading import Event

import numpy as np
import pandas
import pytest
import torch

from modeling_dnacse import (
    DnacseForMaskedLM,
    DnacseModel,
    DnaEmbedder,
    EmbedOptions,
    Identifier,
    embed,
    identify,
    load_checkpoint,
    read_fasta,
    read_labelled,
    read_vectors,
)
from modeling_dnacse.embedding import options
from modeling_dnacse.identification.queries import check_numbers, queries_of

SEQUENCES = ["ACGTTGCAACGGTACC", "GATTACAGATTACAGG"]
NO_SEQUENCES = (
    SEQUENCES[0],
    b"ACGT",
    None,
    5,
    {"a": "ACGT"},
    {"ACGT"},
    np.array(SEQUENCES)[:, None],
    [None],
    [b"A" * 500],
)


@pytest.fixture(scope="module")
def loaded(tiny_folder):
    return load_checkpoint(DnacseModel, str(tiny_folder))


@pytest.mark.parametrize("given", ["checkpoints/dnacse-barcode-mini", None, []], ids=str)
def test_a_model_or_tokenizer_of_another_kind_is_one_sentence(given, loaded):
    """AttributeErrors of names within the package."""
    for role, pair in (("model", (given, loaded[1])), ("tokenizer", (loaded[0], given))):
        with pytest.raises(ValueError, match=rf"the {role} is .*; give that of load_checkpoint\(DnacseModel"):
            embed(*pair, SEQUENCES)


def test_what_gives_no_vectors_is_one_sentence(loaded, tiny_folder):
    """An AttributeError, an IndexError, vectors of other tokens, or NaN."""
    model, tokenizer = loaded
    with_head, _ = load_checkpoint(DnacseForMaskedLM, str(tiny_folder))
    with pytest.raises(ValueError, match=r"a DnacseForMaskedLM gives no vectors; give its encoder, model.base_model"):
        embed(with_head, tokenizer, SEQUENCES)
    assert np.isfinite(embed(with_head.base_model, tokenizer, SEQUENCES)).all()
    genomes, of_genomes = load_checkpoint(DnacseModel, "dnacse-genome-mini")
    with pytest.raises(ValueError, match="this tokenizer has 4096 entries and pad id 3, the model 96 and 3; give"):
        embed(model, of_genomes, SEQUENCES)
    with pytest.raises(ValueError, match="the tokens of this tokenizer are not those that the model was trained with"):
        embed(genomes, tokenizer, SEQUENCES)
    broken = copy.deepcopy(model)
    broken.embeddings.word_embeddings.weight.data[:] = torch.nan
    with pytest.raises(
        ValueError, match="2 of 2 vectors hold NaN or infinity, the first that of sequence 0: its weig"
    ):
        embed(broken, tokenizer, SEQUENCES)


def test_arguments_of_transformers_are_taken_or_refused(tiny_folder):
    """`dtype` was given twice, and `output_loading_info` returned something else."""
    model, _ = load_checkpoint(DnacseModel, tiny_folder, dtype=torch.bfloat16)
    assert model.dtype == torch.bfloat16
    with pytest.raises(ValueError, match="output_loading_info is not known here"):
        load_checkpoint(DnacseModel, tiny_folder, output_loading_info=True)


def test_threads_that_share_a_model_leave_it_in_its_mode(loaded, monkeypatch):
    """The first to end restored the mode of training while the second one embedded, which then left that of eval."""
    model, tokenizer = loaded
    first, second = SEQUENCES
    begun, ended = {sequence: Event() for sequence in SEQUENCES}, Event()

    def embed_as_embed_py(_model, _tokenizer, sequences, **_):
        was_training = model.training
        model.eval()
        begun[sequences[0]].set()
        assert (begun[second] if sequences == [first] else ended).wait(60) and not model.training
        model.train(was_training)
        return np.ones((1, 2), np.float32)

    def embed_second():
        assert begun[first].wait(60)
        embed(model, tokenizer, [second])

    monkeypatch.setattr("modeling_dnacse.embedding.given.embed_checked", embed_as_embed_py)
    model.train()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(embed_second)
        embed(model, tokenizer, [first])
        ended.set()
        other.result()
    was_training = model.training
    model.eval()
    assert was_training


@pytest.mark.parametrize("given", NO_SEQUENCES, ids=lambda given: type(given).__name__)
def test_one_text_a_table_or_missing_values_are_not_embedded_letter_by_letter(loaded, given):
    for take in (lambda: embed(*loaded, given), lambda: list(queries_of(given, None))):
        with pytest.raises(ValueError, match="as sequences; give a list|not text; give sequences") as caught:
            take()
        assert len(str(caught.value)) < 200


def test_generators_columns_and_arrays_are_embedded_as_lists(loaded):
    expected = embed(*loaded, SEQUENCES)
    column = pandas.Series(SEQUENCES, index=[7, 7])
    for given in ((one for one in SEQUENCES), np.array(SEQUENCES * 2)[:2], column, column.astype("category")):
        np.testing.assert_array_equal(embed(*loaded, given), expected)


@pytest.mark.parametrize(
    "option",
    [
        *({name: value} for name in ("batch_tokens", "dimensions", "window_tokens") for value in (1.5, "3", True, [])),
        {"overlap_tokens": None},
        {"normalize": "no"},
        {"both_strands": 1},
        {"dtype": torch.float32},
        {"dtype": "float16"},
        {"device": "a\x1bb"},
        {"device": 1.5},
        {"device": "meta"},
    ],
    ids=str,
)
def test_options_of_a_wrong_kind_are_refused_in_one_sentence(loaded, option):
    with pytest.raises(ValueError, match="it must be|cannot be used here") as caught:
        embed(*loaded, SEQUENCES, **option)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "option",
    [
        *({name: "x"} for name in ("batch_tokens", "dimensions", "window_tokens", "overlap_tokens", "normalize")),
        {"window_tokens": 9, "overlap_tokens": None},
        {"normalize": None},
        {"both_strands": 1},
        {"batch_tokens": 1.5},
    ],
    ids=str,
)
def test_a_record_of_options_takes_the_kinds_that_embed_takes(option):
    """Texts as numbers were TypeErrors, and as switches they were true."""
    with pytest.raises(ValueError, match=r"is .*; it must be (a whole number|True or False)"):
        EmbedOptions(**option)


@pytest.mark.parametrize("option", [{"normalize": "x"}, {"both_strands": 1}, {"batch_tokens": 1.5}], ids=str)
def test_a_record_that_checks_no_kinds_is_checked_where_it_is_given(option):
    for opened in (Identifier.from_fasta, Identifier.from_index):
        with pytest.raises(ValueError, match="it must be"):
            opened("a.fasta", options=options.EmbedOptions(**option))


def test_estimators_refuse_options_of_a_wrong_kind(tiny_folder):
    for option in ({"dimensions": 1.5}, {"batch_tokens": "3"}, {"device": "a\x1bb"}):
        with pytest.raises(ValueError, match="it must be a whole number|cannot be used here"):
            DnaEmbedder(str(tiny_folder), **option).fit(SEQUENCES)


def test_vectors_of_zeros_are_reported(site_folder):
    loaded = load_checkpoint(DnacseModel, str(site_folder))
    with pytest.warns(UserWarning, match="1 of 1 vectors hold nothing but zeros, the first that of sequence 0"):
        embed(*loaded, ["N" * 50])


@pytest.mark.parametrize(
    "ids",
    [
        ["a"],
        list("abc"),
        "ab",
        {"a", "b"},
        {"a": 1, "b": 2},
        ["a\ud800", "b"],
        [None, None],
        ["a\x1b", "b"],
        [b"a", b"b"],
        5,
        ["", "b"],
        ["a", "a"],
    ],
    ids=lambda ids: "set" if isinstance(ids, set) else repr(ids),  # a set has another order in each process
)
def test_ids_that_are_not_one_text_for_each_sequence_are_refused(ids):
    with pytest.raises(ValueError, match="give|remove"):
        list(queries_of(SEQUENCES, ids))


@pytest.mark.parametrize("value", ["0.9", [0.9], True, {"species": None}, {"species": "x"}, Fraction(1, 2)], ids=repr)
def test_probabilities_that_are_no_numbers_are_refused(value):
    with pytest.raises(ValueError, match="precision is .*; it must be a number"):
        check_numbers(precision=value)


@pytest.mark.parametrize("options", [{"a": 1}, {}, "x", 3, False], ids=repr)
def test_options_that_are_no_record_of_options_are_refused(options):
    for opened in (Identifier.from_fasta, Identifier.from_index):
        with pytest.raises(ValueError, match=r"options is .*; give EmbedOptions\(...\), or None"):
            opened("a.fasta", options=options)


def test_options_of_a_wrong_kind_are_refused_in_a_record_too():
    with pytest.raises(ValueError, match="window_tokens is 64.5; it must be a whole number"):
        Identifier.from_index("a", options=EmbedOptions(window_tokens=64.5))


@pytest.mark.parametrize("path", [None, 3, b"a.fasta", ["a.fasta"]], ids=repr)
def test_what_is_no_path_is_refused_in_one_sentence(path):
    for take in (
        lambda: list(read_fasta(path)),
        lambda: list(read_labelled(path)),
        lambda: list(read_vectors(path)),
        lambda: Identifier.from_fasta(path),
        lambda: Identifier.from_index(path),
        lambda: Identifier.from_fasta("a.fasta", model=path or 3, taxonomy=path),
        lambda: identify(SEQUENCES, path),
    ):
        with pytest.raises(ValueError, match="as a path; give the name of a file or folder"):
            take()
