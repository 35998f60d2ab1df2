"""Vectors on disk: every format and dtype comes back within its stated error, or one sentence says why."""

import gc
import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

from modeling_dnacse.cli import main
from modeling_dnacse.vectors import files as module
from modeling_dnacse.vectors.files import open_writer, read_vectors
from modeling_dnacse.vectors.formats import OUTPUT_DTYPES
from modeling_dnacse.vectors.precision import narrow, widen

SUFFIXES = [".parquet", ".npy", ".safetensors"]
VECTORS = np.random.default_rng(0).normal(size=(100, 48)).astype(np.float32)
IDS = [f"ß{number}" for number in range(100)]  # more bytes than characters


def write(path, dtype="float32", ids=IDS):
    writer = open_writer(path, len(ids), 48, sum(len(name.encode()) for name in ids), dtype)
    for start in range(0, len(ids), 40):
        writer.write(ids[start : start + 40], VECTORS[start : start + 40])
    writer.finish()


def read(path):
    ids, vectors = zip(*read_vectors(path), strict=True)
    return sum(ids, []), np.concatenate(vectors)


@pytest.mark.parametrize("dtype", OUTPUT_DTYPES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read(tmp_path, monkeypatch, suffix, dtype):
    monkeypatch.setattr(module, "BLOCK", 30)
    path = tmp_path / f"vectors{suffix}"
    write(path, dtype)
    ids, vectors = read(path)
    assert ids == IDS and vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, widen(*narrow(VECTORS, dtype)))
    assert max(len(names) for names, _ in read_vectors(path)) <= 40
    assert not list(tmp_path.glob(".*"))


def test_narrow_numbers_are_as_close_as_stated():
    tiny = VECTORS * np.float32(1e-5)
    for vectors in (VECTORS, tiny):
        bounds = {
            "float32": 0 * vectors,
            "float16": np.maximum(np.abs(vectors) / 2048, 3e-8),
            "int8": np.broadcast_to(np.abs(vectors).max(1, keepdims=True) / 254 * 1.0001, vectors.shape),
        }
        for dtype in OUTPUT_DTYPES:
            assert (np.abs(widen(*narrow(vectors, dtype)) - vectors) <= bounds[dtype]).all()


def test_what_float16_cannot_hold_is_an_error():
    with pytest.raises(ValueError, match="above 65,504.*store float32 or int8"):
        narrow(VECTORS * 1e5, "float16")


@pytest.mark.parametrize(("dtype", "size"), [("float32", 4), ("float16", 2), ("int8", 1)])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_number_takes_its_bytes(tmp_path, suffix, dtype, size):
    """Parquet has no integer of one byte: plainly written, int8 would take four."""
    path = tmp_path / f"vectors{suffix}"
    many = np.random.default_rng(0).normal(size=(4096, 384)).astype(np.float32)
    writer = open_writer(path, len(many), many.shape[1], 4 * len(many), dtype)
    writer.write(["abcd"] * len(many), many)
    writer.finish()
    assert 0.9 * size < path.stat().st_size / many.size < 1.1 * size + 0.05


def test_other_libraries_read_int8(tmp_path):
    numbers, scales = narrow(VECTORS, "int8")
    for suffix in SUFFIXES:
        write(tmp_path / f"vectors{suffix}", "int8")
    table = pq.read_table(tmp_path / "vectors.parquet")
    np.testing.assert_array_equal(np.stack(table["embedding"].to_numpy()), numbers)
    np.testing.assert_array_equal(table["scale"].to_numpy(), scales)
    np.testing.assert_array_equal(np.load(tmp_path / "vectors.npy"), numbers)
    np.testing.assert_array_equal(np.load(tmp_path / "vectors.scales.npy"), scales)
    with safe_open(tmp_path / "vectors.safetensors", "np") as file:
        np.testing.assert_array_equal(file.get_tensor("embeddings"), numbers)
        np.testing.assert_array_equal(file.get_tensor("scales"), scales)


@pytest.mark.parametrize("suffix", [".npy", ".safetensors"])
def test_an_id_that_breaks_the_line_is_refused(tmp_path, suffix):
    with pytest.raises(ValueError, match=r"'a\\nb' holds a line break.*write to .parquet"):
        write(tmp_path / f"vectors{suffix}", ids=["a\nb"])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_cut_short_is_an_error(tmp_path, suffix):
    path = tmp_path / f"vectors{suffix}"
    write(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match="embed again"):
        read(path)


def test_ids_and_vectors_have_to_meet(tmp_path):
    path = tmp_path / "vectors.npy"
    for change in ("one more", "one less", "none"):
        write(path)
        lines = (tmp_path / "vectors.ids.txt").read_text().splitlines(keepends=True)
        lines = {"one more": [*lines, "more\n"], "one less": lines[:-1], "none": []}[change]
        (tmp_path / "vectors.ids.txt").write_text("".join(lines))
        with pytest.raises(ValueError, match="100 vectors, but not as many ids"):
            read(path)


def test_what_is_no_vectors_is_an_error(tmp_path):
    pq.write_table(pa.table({"name": ["a"]}), tmp_path / "other.parquet")
    (tmp_path / "other.npy").write_text("text")
    (tmp_path / "other.safetensors").write_text("text" * 10)
    (tmp_path / "folder").mkdir()
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "run.json").write_text(json.dumps({}))
    errors = {
        "other.parquet": "no columns id and embedding, but name",
        "other.npy": "other.ids.txt: No such file or directory",
        "other.safetensors": "not readable as vectors",
        "other.csv": "no vectors",
        "folder": "no run.json, so no folder of vectors",
        "begun": "not complete, 0 shards are there; run the command that began it again",
        "missing.parquet": "No such file",
        "missing.npy": "No such file",
        "missing.safetensors": "No such file",
    }
    for name, words in errors.items():
        with pytest.raises(ValueError, match=words) as error:
            read(tmp_path / name)
        assert "\n" not in str(error.value)


FILL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from modeling_dnacse.vectors.files import open_writer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for name in sys.argv[1:]:
    try:
        writer = open_writer(Path(name), 4000, 48, 8000)
        try:
            for _ in range(40):
                writer.write(["ab"] * 100, np.random.default_rng(0).normal(size=(100, 48)).astype("float32"))
            writer.finish()
        except BaseException:
            writer.discard()
            raise
    except OSError as error:
        print(error)
"""


@pytest.mark.slow
def test_a_file_that_cannot_grow_is_one_sentence(tmp_path):
    """A limit on the size of files stands in for a disk that fills up while it is written."""
    command = [sys.executable, "-c", FILL, *(str(tmp_path / f"vectors{suffix}") for suffix in SUFFIXES)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "Exception" not in done.stderr, done.stderr
    assert [line.count("File too large") for line in done.stdout.splitlines()] == [1, 1, 1], done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".npz", ".h5ad"])
def test_files_for_other_programs_hold_ids_names_and_the_same_vectors(suffix, fasta, tiny_folder, tmp_path):
    for output in (tmp_path / "same.npy", tmp_path / f"out{suffix}"):
        if suffix == ".h5ad":
            pytest.importorskip("anndata")
        main(["embed", str(fasta), "-o", str(output), "--model", str(tiny_folder)])
    if suffix == ".npz":
        read = np.load(tmp_path / "out.npz", allow_pickle=False)
        vectors, ids, species = read["embeddings"], read["ids"], read["species"]
    else:
        read = pytest.importorskip("anndata").read_h5ad(tmp_path / "out.h5ad")
        vectors, ids, species = read.X, read.obs_names, read.obs["species"]
    assert np.array_equal(vectors, np.load(tmp_path / "same.npy")) and len(ids) == 48
    assert (ids[0], ids[47], species.tolist()[47]) == ("r0_0", "r11_3", "Genus l")


def test_files_for_other_programs_hold_float32(fasta, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["embed", str(fasta), "-o", str(tmp_path / "out.npz"), "--output_dtype", "int8"])
    assert "out.npz holds float32" in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_discarded_says_nothing_more(tmp_path, monkeypatch, suffix):
    """A parquet file that was given up printed a traceback when Python collected its writer."""
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    writer = open_writer(tmp_path / f"vectors{suffix}", 100, 48, 300, "float32")
    writer.write(IDS[:40], VECTORS[:40])
    writer.discard()
    del writer
    gc.collect()
    assert not told and not list(tmp_path.iterdir())


def test_an_id_that_would_widen_all_others_is_refused_for_npz(tmp_path, capsys):
    """Ids of .npz have one width: one of 10,000 letters among 4,001 made a file of 162 MB."""
    path = tmp_path / "in.fasta"
    path.write_text(f">{'a' * 10_000}\nACGT\n>b\nACGT\n")
    with pytest.raises(SystemExit):
        main(["embed", str(path), "-o", str(tmp_path / "out.npz")])
    said = capsys.readouterr().err
    assert "10,000 letters" in said and "or write to .parquet" in said and len(said) < 500
    assert [file.name for file in tmp_path.iterdir()] == ["in.fasta"]
