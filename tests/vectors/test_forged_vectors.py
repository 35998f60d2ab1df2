"""Files of vectors that a library can read, but that dnacse embed does not write: each is refused by its name."""

import os
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from modeling_dnacse import read_vectors
from modeling_dnacse.machine.processes import Process
from modeling_dnacse.vectors.files import open_writer
from modeling_dnacse.vectors.shards import ShardWriter, shard_path

IDS = ["a", "b", "c", "d"]
VECTORS = np.arange(1, 13, dtype=np.float32).reshape(4, 3)


def write_ids(path, ids):
    """Write the vectors, and then these ids in place of theirs."""
    writer = open_writer(path, len(IDS), 3, sum(map(len, IDS)))
    writer.write(IDS, VECTORS)
    writer.finish()
    if path.suffix == ".npy":
        path.with_suffix(".ids.txt").write_bytes("".join(f"{name}\n" for name in ids).encode())
    elif path.suffix == ".safetensors":
        save_file(load_file(path) | {"ids": np.frombuffer("\n".join(ids).encode(), np.uint8)}, path)
    else:
        rows = pq.read_table(path)
        pq.write_table(rows.set_column(0, "id", [ids]), path)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".safetensors", ".parquet"])
@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["a", "b", "a", "d"], "vector 3: the id 'a' was used before"),
        (["a", "", "c", "d"], "vector 2: the id is empty"),
        ([f"{name}\r" for name in IDS], "vector 1: control character"),  # the ids of an editor of Windows
        (["a", "b", "c", "\x1b[31md"], "vector 4: control character"),
    ],
)
def test_ids_that_embed_does_not_write(tmp_path, suffix, ids, said):
    """They were passed on, so that vectors got lost in a dictionary, or control characters got to the terminal."""
    path = write_ids(tmp_path / f"v{suffix}", ids)
    with pytest.raises(ValueError, match=said) as found:
        list(read_vectors(path))
    assert str(found.value).startswith(str(path))


@pytest.fixture
def shards(tmp_path):
    run = {"input": {"name": "a.fasta", "sha256": "1"}, "options": {"shard_records": 2}}
    writer = ShardWriter(tmp_path / "shards", run, 4, 3, "float32", 2, Process())
    writer.write(IDS, VECTORS)
    writer.finish()
    return tmp_path / "shards"


def test_a_shard_in_place_of_another_one(shards):
    """Two records were there twice, and two were lost."""
    shutil.copy(shard_path(shards, 0), shard_path(shards, 1))
    with pytest.raises(ValueError, match="part-000001.parquet: vector 1: the id 'a' was used before"):
        list(read_vectors(shards))


@pytest.mark.parametrize("name", ["v.ids.txt", "part-000001.parquet"])
def test_a_fifo_is_not_waited_for(shards, tmp_path, name):
    """The process waited for a writer for ever."""
    path = shards if name.startswith("part") else write_ids(tmp_path / "v.npy", IDS)
    fifo = (shards if name.startswith("part") else tmp_path) / name
    fifo.unlink()
    os.mkfifo(fifo)
    with pytest.raises(ValueError, match=f"{name} is (missing or damaged|no regular file)"):
        list(read_vectors(path))


def test_a_missing_file_of_ids_is_named_without_a_number_of_the_system(tmp_path):
    path = write_ids(tmp_path / "v.npy", IDS)
    path.with_suffix(".ids.txt").unlink()
    with pytest.raises(ValueError, match=r"v.npy: not readable as vectors .*v.ids.txt: No such file or directory\)"):
        list(read_vectors(path))
