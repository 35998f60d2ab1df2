"""transformers' pipeline "dna-embedding" of a released folder gives the vectors of `embed`, whatever the batches."""

import numpy as np
import pandas as pd
import pytest
from transformers import pipeline

from modeling_dnacse import DnacseModel, embed
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.pipeline_dnacse import REFUSED
from modeling_dnacse.reading.given_sequences import each_sequence
from modeling_dnacse.reading.sequences import clean_sequence, illegal_character
from tests.support.strangers import SEQUENCES, stranger


@pytest.fixture(scope="module")
def pipe(tiny_folder):
    return pipeline("dna-embedding", model=str(tiny_folder), trust_remote_code=True, device="cpu")


@pytest.fixture(scope="module")
def many():
    rng = np.random.default_rng(0)
    return ["".join(rng.choice(list("ACGT"), rng.integers(10, 300))) for _ in range(37)]


@pytest.mark.slow
def test_a_fresh_process_without_the_package_gives_the_same_vectors(tiny_folder, tmp_path):
    code = f"""
    import json
    from transformers import pipeline
    pipe = pipeline("dna-embedding", model=repository, trust_remote_code=True, device="cpu")
    assert type(pipe).__module__.startswith("transformers_modules."), type(pipe)
    assert type(pipeline(model=repository, trust_remote_code=True, device="cpu")).__name__ == type(pipe).__name__
    print(json.dumps([vector.tolist() for vector in pipe({SEQUENCES!r})]))
    """
    model, tokenizer = load_checkpoint(DnacseModel, str(tiny_folder))
    np.testing.assert_allclose(stranger(code, tiny_folder, tmp_path), embed(model, tokenizer, SEQUENCES), atol=1e-5)


def test_a_vector_of_zeros_is_told(site_folder):
    """With `normalize` it was said to be of length 1."""
    pipe = pipeline("dna-embedding", model=str(site_folder), trust_remote_code=True, device="cpu")
    with pytest.warns(UserWarning, match="nothing but zeros"):
        assert not pipe("N" * 300, normalize=True).any()


def test_batches_and_their_order_change_nothing(pipe, tiny_folder, many):
    expected = embed(*load_checkpoint(DnacseModel, str(tiny_folder)), many)
    for batch_size in (None, 1, 5, 100):
        options = {} if batch_size is None else {"batch_size": batch_size}
        np.testing.assert_allclose(np.stack(pipe(many, **options)), expected, atol=1e-5)
    np.testing.assert_allclose(np.stack(list(pipe(sequence for sequence in many))), expected, atol=1e-5)
    single = pipe(many[3])
    assert (single.shape, single.dtype) == (expected[3].shape, np.float32)
    np.testing.assert_allclose(single, expected[3], atol=1e-5)


def test_sequences_pass_the_model_in_batches_of_like_lengths(pipe, many, monkeypatch):
    shapes, forward = [], pipe.model.forward

    def watched(input_ids, **kwargs):
        shapes.append(tuple(input_ids.shape))
        return forward(input_ids=input_ids, **kwargs)

    monkeypatch.setattr(pipe.model, "forward", watched)
    pipe(many)
    assert [rows for rows, _ in shapes] == [16, 16, 5]
    assert [width for _, width in shapes] == sorted((width for _, width in shapes), reverse=True)


def test_vectors_of_length_one_and_the_alphabet(pipe):
    (vector,) = pipe(["ACGTTGCAACGGTACC"], normalize=True)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(pipe("acguugca-acgguacc"), pipe("ACGTTGCAACGGTACC"), atol=1e-6)
    assert pipe([]) == []


@pytest.mark.parametrize("normalize", ["x", 1, [True], np.array([True, False])])
def test_normalize_is_a_switch(pipe, normalize):
    """Any text was taken as True."""
    with pytest.raises(ValueError, match="it must be True or False"):
        pipe(["ACGTTGCA"], normalize=normalize)
    np.testing.assert_array_equal(pipe("ACGTTGCA", normalize=np.True_), pipe("ACGTTGCA", normalize=True))


@pytest.mark.parametrize("sequence", ["", "---"])
def test_a_sequence_without_a_base_is_one_sentence(pipe, sequence):
    with pytest.raises(ValueError, match="holds no base; leave it out"):
        pipe([sequence])


def test_a_tuple_is_a_list_and_what_is_no_text_is_refused(pipe):
    """Of a tuple, only the first vector came back."""
    sequences = ["ACGTTGCAACGGTACC", "GATTACAGATTACAGG"]
    for got, expected in zip(pipe(tuple(sequences)), pipe(sequences), strict=True):
        np.testing.assert_array_equal(got, expected)
    for wrong in ([None], [["ACGT"]], ["ACGT", float("nan")], [5]):
        with pytest.raises(ValueError, match="not text; leave it out"):
            pipe(wrong)


def test_arrays_columns_and_iterators_are_lists(pipe):
    """Of an array came a TypeError of `re`, and of `map` too."""
    sequences = ["ACGTTGCAACGGTACC", "GATTACAGATTACAGG"]
    given = (
        np.array(sequences),
        np.array(sequences, dtype=object),
        pd.Series(sequences, index=[7, 3]),
        map(str, sequences),
    )
    for several in given:
        for got, expected in zip(pipe(several), pipe(sequences), strict=True):
            np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [None, b"ACGT", {"a": 1}, {"ACGT"}, 5, np.array("ACGT"), np.array([["ACGT"]]), pd.DataFrame({"a": ["ACGT"]})],
)
def test_what_are_no_sequences_is_refused_as_embed_does(pipe, wrong):
    """They were TypeErrors of `re`."""
    with pytest.raises(ValueError) as expected:
        list(each_sequence(wrong))
    with pytest.raises(ValueError) as caught:
        pipe(wrong)
    assert str(caught.value) == str(expected.value)


def test_an_entry_of_a_generator_that_is_no_text_is_refused(pipe):
    with pytest.raises(ValueError, match="got None among the sequences, which is not text; leave it out"):
        list(pipe(entry for entry in ["ACGT", None]))


@pytest.mark.parametrize("sequence", ["MKVLAAZ", "ACGT*", "ACGTé", "AC1GT"])
def test_letters_that_are_no_bases_are_refused_as_embed_does(pipe, sequence):
    with pytest.raises(ValueError) as expected:
        clean_sequence(sequence)
    for given in (sequence, [sequence]):
        with pytest.raises(ValueError) as caught:
            pipe(given)
        assert str(caught.value) == str(expected.value)


def test_the_pipeline_refuses_the_letters_that_the_readers_refuse():
    letters = "".join(map(chr, range(256)))
    assert "".join(REFUSED.findall(letters)) == "".join(filter(illegal_character, letters))
