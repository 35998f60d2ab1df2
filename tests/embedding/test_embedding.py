"""embed(): input order, one answer whatever the batches, and the command around it."""

import errno
import itertools
import math
import os
import subprocess
import sys
import threading
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors import safe_open
from transformers import PreTrainedTokenizerFast

from modeling_dnacse import DnacseModel, EmbedOptions, embed
from modeling_dnacse.cli import main
from modeling_dnacse.commands.options import LEAST_COSINES
from modeling_dnacse.embedding import embed as embedding
from modeling_dnacse.embedding.options import EmbedKeywords
from modeling_dnacse.reading.sequences import reverse_complement
from modeling_dnacse.vectors.files import open_writer
from tests.support.families import random_families

SEQUENCES = list(random_families(seed=2).values())


@pytest.fixture(scope="module")
def encoder(tiny_folder):
    return DnacseModel.from_pretrained(tiny_folder), PreTrainedTokenizerFast.from_pretrained(tiny_folder)


@pytest.mark.parametrize("batch_tokens", [1, 100, 100_000])
@pytest.mark.parametrize("window", [5, 4096])
def test_batches_never_change_an_embedding(encoder, monkeypatch, batch_tokens, window):
    model, tokenizer = encoder
    monkeypatch.setattr(embedding, "BLOCK_SEQUENCES", window)
    vectors = embed(model, tokenizer, SEQUENCES, batch_tokens=batch_tokens)
    assert vectors.dtype == np.float32 and vectors.shape == (len(SEQUENCES), model.config.hidden_size)
    for sequence, vector in zip(SEQUENCES, vectors, strict=True):
        alone = model(**tokenizer(sequence, return_tensors="pt")).pooler_output[0]
        np.testing.assert_allclose(vector, alone.detach().numpy(), atol=1e-5)


def test_raw_text_is_cleaned_first(encoder):
    model, tokenizer = encoder
    clean = SEQUENCES[0]
    raw = clean.lower().replace("t", "u")[:60] + "-\n" + clean[60:]
    np.testing.assert_array_equal(*embed(model, tokenizer, [clean, raw]))


def test_normalised_vectors_have_length_one(encoder):
    np.testing.assert_allclose(np.linalg.norm(embed(*encoder, SEQUENCES, normalize=True), axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", LEAST_COSINES)
def test_half_precision_is_as_close_as_the_command_says(encoder, name):
    exact, half = (embed(*encoder, SEQUENCES, normalize=True, dtype=dtype) for dtype in (None, getattr(torch, name)))
    assert np.abs(exact - half).max() > 1e-5  # it is half precision
    assert (exact * half).sum(1).min() > LEAST_COSINES[name]


def test_the_model_is_left_as_it_was(encoder):
    model, tokenizer = encoder
    model.train()
    embed(model, tokenizer, SEQUENCES[:2])
    assert model.training
    model.eval()


def test_nothing_gives_an_empty_array(encoder):
    assert embed(*encoder, []).shape == (0, 48)


@pytest.mark.parametrize(
    ("sequences", "message"), [(["ACGT", ""], "sequence 1 is empty"), (["ACGT", "ACGT", "AC*T"], "sequence 2: ")]
)
def test_a_bad_sequence_is_named_by_its_number(encoder, sequences, message):
    with pytest.raises(ValueError, match=message):
        embed(*encoder, sequences)


@pytest.mark.slow
def test_a_sequence_beyond_the_batch_is_embedded_whole(encoder):
    model, tokenizer = encoder
    long = "".join(SEQUENCES) * 3
    assert len(long) > 10_000
    vectors = embed(model, tokenizer, [long, long[:-1000]], batch_tokens=64)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-6


def test_a_stream_is_read_one_block_ahead(encoder, monkeypatch):
    """Memory does not grow with the number of sequences."""
    monkeypatch.setattr(embedding, "BLOCK_SEQUENCES", 5)
    read = []

    def endless():
        while True:
            read.append(SEQUENCES[len(read) % len(SEQUENCES)])
            yield read[-1]

    blocks = embedding.embed_blocks(*encoder, endless(), EmbedOptions())
    for expected in (10, 15, 20):
        assert next(blocks).shape == (5, 48) and len(read) == expected


def test_a_stream_that_is_left_ends_the_thread(encoder, monkeypatch):
    monkeypatch.setattr(embedding, "BLOCK_SEQUENCES", 5)
    blocks = embedding.embed_blocks(*encoder, SEQUENCES, EmbedOptions())
    next(blocks)
    assert tokenising()
    blocks.close()
    assert not tokenising()


def test_an_error_of_the_thread_reaches_the_caller(encoder, monkeypatch):
    """It comes in its turn: the blocks before it are complete."""
    monkeypatch.setattr(embedding, "BLOCK_SEQUENCES", 5)
    blocks = embedding.embed_blocks(*encoder, [*SEQUENCES[:12], "AC*T"], EmbedOptions())
    assert [len(next(blocks)) for _ in range(2)] == [5, 5]
    with pytest.raises(ValueError, match="sequence 12: "):
        next(blocks)
    assert not tokenising()


def tokenising():
    return [thread for thread in threading.enumerate() if thread.name.startswith("tokenise")]


def test_a_tokenizer_set_to_truncate_and_pad_does_neither(encoder, tiny_folder):
    model, tokenizer = encoder
    truncating = PreTrainedTokenizerFast.from_pretrained(tiny_folder)
    truncating(SEQUENCES[:2], truncation=True, max_length=5, padding="max_length")
    np.testing.assert_array_equal(embed(model, truncating, SEQUENCES), embed(model, tokenizer, SEQUENCES))


def test_both_strands_have_one_vector(encoder):
    """Whichever is given, in windows or whole, it is the mean of the two that the model gives."""
    others = [reverse_complement(sequence) for sequence in SEQUENCES]
    one, other = (embed(*encoder, strands) for strands in (SEQUENCES, others))
    assert np.abs(one - other).max() > 1e-2
    np.testing.assert_allclose(embed(*encoder, SEQUENCES, both_strands=True), (one + other) / 2, atol=1e-5)
    for options in ({}, {"window_tokens": 20, "overlap_tokens": 5}, {"normalize": True}):
        both = [embed(*encoder, strands, both_strands=True, **options) for strands in (SEQUENCES, others)]
        np.testing.assert_allclose(*both, atol=1e-5)


def test_windows_without_overlap_give_the_mean_over_all_tokens(encoder):
    model, tokenizer = encoder
    vectors = embed(model, tokenizer, SEQUENCES[:5], window_tokens=12)
    for sequence, vector in zip(SEQUENCES, vectors, strict=False):
        cls, *body, sep = tokenizer(sequence)["input_ids"]
        count = math.ceil(len(body) / 10)
        cuts = [len(body) * number // count for number in range(count + 1)]
        windows = [[cls, *body[start:end], sep] for start, end in itertools.pairwise(cuts)]
        assert count > 2
        with torch.no_grad():
            states = [model(input_ids=torch.tensor([window])).last_hidden_state[0] for window in windows]
        np.testing.assert_allclose(vector, torch.cat(states).mean(0), atol=1e-5)


@pytest.mark.parametrize("overlap", [0, 7])
def test_windows_do_not_depend_on_batches_or_blocks(encoder, monkeypatch, overlap):
    options = {"window_tokens": 16, "overlap_tokens": overlap, "both_strands": True}
    expected = embed(*encoder, SEQUENCES, **options)
    monkeypatch.setattr(embedding, "BLOCK_BASES", 500)
    np.testing.assert_allclose(embed(*encoder, SEQUENCES, batch_tokens=50, **options), expected, atol=1e-5)


def test_sequences_within_a_window_are_not_cut(encoder):
    np.testing.assert_array_equal(embed(*encoder, SEQUENCES, window_tokens=1000), embed(*encoder, SEQUENCES))


def test_dimensions_are_cut_before_the_length_is_one(encoder):
    full = embed(*encoder, SEQUENCES)[:, :16]
    np.testing.assert_allclose(embed(*encoder, SEQUENCES, dimensions=16), full, atol=1e-6)
    unit = embed(*encoder, SEQUENCES, dimensions=16, normalize=True)
    np.testing.assert_allclose(unit, full / np.linalg.norm(full, axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimensions": 0}, "dimensions is 0; it must be at least 1"),
        ({"dimensions": 49}, "dimensions is 49; give 1 to 48"),
        ({"batch_tokens": 0}, "batch_tokens is 0; it must be at least 1"),
        ({"window_tokens": 2}, "window_tokens is 2"),
        ({"overlap_tokens": 2}, "overlap_tokens is 2"),
    ],
)
def test_an_option_out_of_range_is_refused(encoder, options, message):
    with pytest.raises(ValueError, match=message):
        embed(*encoder, SEQUENCES[:1], **options)


def test_the_keywords_are_the_fields_of_the_record(encoder):
    assert EmbedKeywords.__annotations__ == {field.name: field.type for field in fields(EmbedOptions)}
    with pytest.raises(TypeError, match="normalise"):
        embed(*encoder, SEQUENCES[:1], normalise=True)


class SmallMachine:
    """A model on a machine whose memory takes batches of so many tokens."""

    def __init__(self, model, room):
        self.model, self.room, self.failures = model, room, 0

    def __getattr__(self, name):
        return getattr(self.model, name)

    def __call__(self, input_ids, attention_mask):
        if input_ids.numel() > self.room:
            self.failures += 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.model(input_ids=input_ids, attention_mask=attention_mask)


def test_memory_that_runs_out_makes_batches_smaller(encoder, monkeypatch):
    """Once, not in each block; nothing is counted or added twice."""
    model, tokenizer = encoder
    small = SmallMachine(model, room=500)
    monkeypatch.setattr(embedding, "BLOCK_SEQUENCES", 20)
    reported, both = [], EmbedOptions(both_strands=True)
    blocks = list(embedding.embed_blocks(small, tokenizer, SEQUENCES, both, report=reported.append))
    assert small.failures and sum(reported) == len(SEQUENCES)
    np.testing.assert_allclose(np.concatenate(blocks), embed(*encoder, SEQUENCES, both_strands=True), atol=1e-5)
    failures = small.failures
    list(embedding.embed_blocks(small, tokenizer, SEQUENCES[:20], both))
    assert small.failures == 2 * failures  # those of the first block are all


def test_a_sequence_that_does_not_fit_is_one_sentence(encoder):
    model, tokenizer = encoder
    small = SmallMachine(model, room=100)
    sequences = [*SEQUENCES, SEQUENCES[0] * 20]
    with pytest.raises(ValueError, match=f"sequence {len(SEQUENCES)}, [0-9]+ tokens at once, does not fit .* windows"):
        embed(small, tokenizer, sequences)
    assert embed(small, tokenizer, sequences, window_tokens=100).shape == (len(sequences), 48)


# --- the command ---


def read(path):
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return table["id"].to_pylist(), np.stack(table["embedding"].to_numpy())
    if path.suffix == ".npy":
        return path.with_suffix(".ids.txt").read_text().splitlines(), np.load(path)
    with safe_open(path, "np") as file:
        return file.get_tensor("ids").tobytes().decode().split("\n"), file.get_tensor("embeddings")


@pytest.mark.parametrize("suffix", [".parquet", ".npy", ".safetensors"])
def test_the_command_writes_ids_and_vectors(encoder, fasta, tiny_folder, tmp_path, monkeypatch, suffix, capsys):
    monkeypatch.setattr(embedding, "BLOCK_SEQUENCES", 10)  # several blocks, the last one partly filled
    output = tmp_path / f"vectors{suffix}"
    main(["embed", str(fasta), "-o", str(output), "--model", str(tiny_folder)])
    ids, vectors = read(output)
    lines = fasta.read_text().splitlines()
    assert ids == [line[1:].split()[0] for line in lines[::2]]
    np.testing.assert_allclose(vectors, embed(*encoder, lines[1::2]), atol=1e-5)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert "sequences/s" in capsys.readouterr().err


def test_a_failure_leaves_the_former_output(fasta, tiny_folder, tmp_path, monkeypatch):
    output = tmp_path / "vectors.parquet"
    output.write_text("former")
    monkeypatch.setattr(
        DnacseModel, "forward", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("No space left"))
    )
    with pytest.raises(SystemExit, match="2"):
        main(["embed", str(fasta), "-o", str(output), "--model", str(tiny_folder)])
    assert output.read_text() == "former" and list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("suffix", [".npy", ".safetensors"])
def test_a_full_disk_is_told_before_computing(tmp_path, monkeypatch, suffix):
    """A memory map of a file with no room behind it would be a bus error in the middle of the run."""

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(
        OSError, match="no room for 25,[0-9]+ bytes in .*No space left.*; free some or write elsewhere"
    ):
        open_writer(tmp_path / f"vectors{suffix}", rows=100, hidden=64, ids_bytes=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "output", "words"),
    [
        (">a\nACGT\n>a\nACGT\n", "out.parquet", "in.fasta:3"),
        (">a\nAC*GT\n", "out.parquet", "in.fasta:2"),
        ("", "out.parquet", "in.fasta"),
        (">a\nACGT\n", "out.csv", "write to .parquet, .npy, .safetensors, .h5ad, .npz, or a folder"),
        (">a\nACGT\n", "missing/out.npy", "missing"),
    ],
)
def test_a_mistake_is_one_sentence(tiny_folder, tmp_path, capsys, text, output, words):
    (tmp_path / "in.fasta").write_text(text)
    with pytest.raises(SystemExit, match="2"):
        main(["embed", str(tmp_path / "in.fasta"), "-o", str(tmp_path / output), "--model", str(tiny_folder)])
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("dnacse embed: error: ") and words in message
    assert [path.name for path in tmp_path.iterdir()] == ["in.fasta"]


def test_ids_join_with_labels(tiny_folder, tmp_path):
    """BOLD's headers hold the id up to the first bar, not up to the first blank."""
    (tmp_path / "bold.fasta").write_text(">GBM1-13|Apis mellifera|COI-5P\nACGTACGT\n")
    (tmp_path / "table.csv").write_text("processid,nucleotides\nGBM1-13,ACGTACGT\n")
    for name in ("bold.fasta", "table.csv"):
        output = tmp_path / f"{name}.parquet"
        main(["embed", str(tmp_path / name), "-o", str(output), "--model", str(tiny_folder)])
        assert read(output)[0] == ["GBM1-13"]


@pytest.mark.parametrize("device", ["cuda", "gpu"])
def test_a_device_that_is_not_there_is_one_sentence(fasta, tiny_folder, tmp_path, capsys, device):
    with pytest.raises(SystemExit, match="2"):
        main(["embed", str(fasta), "-o", str(tmp_path / "o.npy"), "--model", str(tiny_folder), "--device", device])
    assert f"--device {device} cannot be used here" in capsys.readouterr().err


def test_a_pipe_is_refused(tiny_folder, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.fasta")
    with pytest.raises(SystemExit, match="2"):
        main(["embed", str(tmp_path / "pipe.fasta"), "-o", str(tmp_path / "o.npy"), "--model", str(tiny_folder)])
    assert "is no regular file; write its content to a file first" in capsys.readouterr().err


def test_ns_alone_have_no_vector(tiny_folder, tmp_path, capsys):
    (tmp_path / "a.fasta").write_text(">a\nACGT\n>b\nNNNN\n")
    with pytest.raises(SystemExit, match="2"):
        main(["embed", str(tmp_path / "a.fasta"), "-o", str(tmp_path / "o.npy"), "--model", str(tiny_folder)])
    assert "record 'b' holds nothing but N, so it has no vector" in capsys.readouterr().err
    assert not (tmp_path / "o.npy").exists()


@pytest.mark.slow
def test_a_missing_model_is_one_sentence(fasta, tmp_path):
    command = [sys.executable, "-m", "modeling_dnacse.cli", "embed", str(fasta), "-o", "o.npy", "--model", "no/such"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=offline(tmp_path))
    assert done.returncode == 2 and "Traceback" not in done.stderr and "no/such" in done.stderr


def offline(home):
    return os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
