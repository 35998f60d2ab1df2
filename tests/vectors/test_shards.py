"""A folder of shards: whoever makes them, and whatever is lost on the way, it ends as one run's vectors in order."""

import errno
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

from modeling_dnacse.cli import main
from modeling_dnacse.machine.processes import Process
from modeling_dnacse.reading.seen_ids import SeenIds
from modeling_dnacse.vectors import shards
from modeling_dnacse.vectors.files import read_vectors
from modeling_dnacse.vectors.shards import ShardWriter
from tests.support.refusals import refuse

ROOT = Path(__file__).parents[2]
RUN = {"input": {"name": "a.fasta", "sha256": "12"}, "options": {"shard_records": 4}}
VECTORS = np.random.default_rng(0).normal(size=(22, 8)).astype(np.float32)
IDS = [f"r{number}" for number in range(22)]


def read(path):
    ids, vectors = zip(*read_vectors(path), strict=True)
    return sum(ids, []), np.concatenate(vectors)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def fill(folder, rank=0, world=1, blocks=100, run=RUN):
    """Write this rank's shards in blocks of 5, which span them; stop after `blocks`."""
    writer = ShardWriter(folder, run, 22, 8, "float32", 4, Process(rank, world))
    mine = list(writer.select(range(22)))
    assert len(mine) == writer.rows
    for start in range(0, len(mine), 5)[:blocks]:
        rows = mine[start : start + 5]
        writer.write([IDS[row] for row in rows], VECTORS[rows])
    if blocks == 100:
        writer.finish()
    return writer


def test_numbers_that_a_disk_damaged_are_told_and_made_again(tmp_path):
    """Its footer and ids were whole, so it counted as complete, and the remedy of the message did nothing."""
    fill(tmp_path)
    shard = tmp_path / "part-000003.parquet"
    content = shard.read_bytes()
    place = content.index(VECTORS[12].tobytes())
    shard.write_bytes(content[:place] + b"\1" + content[place + 1 :])
    with pytest.raises(ValueError, match=r"part-000003.parquet: not readable as vectors .*; give vectors that"):
        read(tmp_path)
    assert fill(tmp_path).shards == [3]
    np.testing.assert_array_equal(read(tmp_path)[1], VECTORS)


@pytest.mark.parametrize("world", [1, 2, 6])
def test_any_number_of_processes_makes_the_same_folder(tmp_path, world):
    for rank in range(world):
        with pytest.raises(ValueError, match="no vectors|not complete"):
            read(tmp_path / "out")
        fill(tmp_path / "out", rank, world)
    assert fill(tmp_path / "out", 6, 7).rows == 0  # a process that has no shard
    ids, vectors = read(tmp_path / "out")
    assert ids == IDS
    np.testing.assert_array_equal(vectors, VECTORS)
    names = ["manifest.json", *(f"part-{shard:06}.parquet" for shard in range(6)), "run.json"]
    assert names_in(tmp_path / "out") == names
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["records"] == 22


def test_a_lost_process_loses_its_open_shard_only(tmp_path):
    """The second run may have another number of processes; it leaves whole shards as they are."""
    fill(tmp_path, 1, 2)
    fill(tmp_path, 0, 2, blocks=1)  # shard 0 is whole, one record of shard 2 is written, as a killed process leaves it
    made = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("part-*")}
    assert len(made) == 4 and len(list(tmp_path.glob(".part-*.partial"))) == 1
    assert [fill(tmp_path, rank, 3).rows for rank in range(3)] == [0, 4, 4]  # shards 2 and 4 were missing
    assert made.items() <= {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("part-*")}.items()
    assert read(tmp_path)[0] == IDS and not list(tmp_path.glob(".*"))


def test_a_discarded_shard_leaves_nothing(tmp_path):
    fill(tmp_path, blocks=2).discard()
    assert names_in(tmp_path) == ["part-000000.parquet", "part-000001.parquet", "run.json"]


@pytest.mark.parametrize("damage", ["cut", "a column name that is no text"])
def test_a_damaged_shard_is_told_and_made_again(tmp_path, damage):
    fill(tmp_path)
    shard = tmp_path / "part-000003.parquet"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-20] if damage == "cut" else whole.replace(b"embedding", b"em\xe5edding"))
    with pytest.raises(ValueError, match=r"part-000003.parquet is missing or damaged; remove .*manifest.json"):
        read(tmp_path)
    assert fill(tmp_path).rows == 4
    assert read(tmp_path)[0] == IDS


def test_another_run_that_begins_in_the_same_moment_is_refused(tmp_path, monkeypatch):
    """It replaced run.json, and the folder held shards of both."""

    def begin_too(path, wait):
        monkeypatch.setattr(shards, "lock_output", lock_output)
        fill(tmp_path, blocks=0)
        return lock_output(path, wait=wait)

    lock_output = shards.lock_output
    monkeypatch.setattr(shards, "lock_output", begin_too)
    with pytest.raises(ValueError, match="another run: input.sha256 12 there, 34 here"):
        fill(tmp_path, run=RUN | {"input": {"sha256": "34"}})
    assert fill(tmp_path).rows == 22


def test_another_run_is_refused(tmp_path):
    fill(tmp_path)
    other = {"input": {"name": "moved.fasta", "sha256": "34"}, "options": {"shard_records": 4, "normalize": True}}
    with pytest.raises(ValueError, match="another run: input.sha256 12 there, 34 here; options.normalize None there"):
        fill(tmp_path, run=other)
    fill(tmp_path, run=RUN | {"input": {"name": "moved.fasta", "sha256": "12"}})  # a name may change


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(ValueError, match=r"holds something else \(thesis.tex\); give a new or an empty folder"):
        fill(tmp_path)
    with pytest.raises(ValueError, match="is a file"):
        fill(tmp_path / "thesis.tex")
    with pytest.raises(FileNotFoundError, match="missing"):
        fill(tmp_path / "missing" / "out")


def test_a_process_knows_its_place(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert Process.current() == Process(0, 1)
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(ValueError, match="RANK='', WORLD_SIZE='4'"):
        Process.current()
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("RANK", "3")
    assert Process.current() == Process(3, 4, 1, 1)
    monkeypatch.setenv("RANK", "4")
    with pytest.raises(ValueError, match="ranks run from 0"):
        Process.current()


def test_ids_are_told_apart_as_the_table_grows():
    seen = SeenIds()
    names = [f"GBM{number}-13" for number in range(20_000)]
    assert all(map(seen.add, names)) and not any(map(seen.add, names)) and len(seen) == 20_000
    assert len(seen.table) * seen.table.itemsize <= 32 * len(seen) * 2


# --- the command, in processes of its own ---

DIES = """
import os, signal
from modeling_dnacse.cli import main
from modeling_dnacse.vectors.writers import ParquetVectors

finish = ParquetVectors.finish
first = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0"  # a launcher's count of its restarts

def finish_or_die(self):
    if first and self.path.name == "part-000003.parquet":
        os.kill(os.getpid(), signal.SIGKILL)
    finish(self)

ParquetVectors.finish = finish_or_die
main()
"""


@pytest.mark.slow
def test_two_processes_one_killed_make_the_vectors_of_one(fasta, tiny_folder, tmp_path):
    """Rank 1 is killed (-9) with its second shard written but not in place; the same command completes the folder."""
    folder = tmp_path / "vectors"
    command = ["embed", str(fasta), "-o", f"{folder}/", "--model", str(tiny_folder), "--shard_records", "8"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", DIES, *command],
            env=environment | {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"},
        )
        for rank in range(2)
    ]
    assert [process.wait(300) for process in started] == [0, -signal.SIGKILL]
    assert sorted(path.name for path in folder.glob("part-*")) == [f"part-{n:06}.parquet" for n in (0, 1, 2, 4)]
    assert len(list(folder.glob(".part-000003.parquet.*.partial"))) == 1
    with pytest.raises(ValueError, match="not complete, 4 shards are there"):
        read(folder)

    made = {path.name: path.stat().st_mtime_ns for path in folder.glob("part-*")}
    main(command)
    assert made.items() <= {path.name: path.stat().st_mtime_ns for path in folder.glob("part-*")}.items()
    assert not list(folder.glob(".*"))

    main(["embed", str(fasta), "-o", str(tmp_path / "one.npy"), "--model", str(tiny_folder)])
    ids, vectors = read(folder)
    expected_ids, expected = read(tmp_path / "one.npy")
    assert ids == expected_ids and len(ids) == 48
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


@pytest.mark.slow
def test_accelerate_starts_two_processes_again_when_one_is_killed(fasta, tiny_folder, tmp_path):
    """On a CPU, too: --multi_gpu says only that there are many; with --cpu one process would be all."""
    (tmp_path / "dies.py").write_text(DIES)
    folder, accelerate = tmp_path / "vectors", [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    launch = [*accelerate, "--num_processes", "2", "--max_restarts", "1", "--main_process_port", "0", "-m", "dies"]
    command = ["embed", str(fasta), "-o", f"{folder}/", "--model", str(tiny_folder), "--shard_records", "8"]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{tmp_path}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*launch, *command], env=environment, timeout=300, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "exitcode: -9" in done.stderr and "process 1 of 2" in done.stderr
    main(["embed", str(fasta), "-o", str(tmp_path / "one.npy"), "--model", str(tiny_folder)])
    assert read(folder)[0] == read(tmp_path / "one.npy")[0]
    np.testing.assert_allclose(read(folder)[1], read(tmp_path / "one.npy")[1], atol=1e-6)


def test_a_folder_that_is_complete_stays_and_others_are_refused(fasta, tiny_folder, tmp_path, capsys):
    command = ["embed", str(fasta), "-o", str(tmp_path / "out"), "--model", str(tiny_folder), "--shard_records", "20"]
    main([*command, "--output_dtype", "int8"])
    assert "48 vectors of 48 numbers" in capsys.readouterr().err
    main([*command, "--output_dtype", "int8"])
    assert "0 vectors of 48 numbers" in capsys.readouterr().err
    for option in (["--output_dtype", "float16"], ["--output_dtype", "int8", "--normalize"]):
        with pytest.raises(SystemExit, match="2"):
            main([*command, *option])
        assert "holds vectors of another run: options." in capsys.readouterr().err


def test_a_shard_in_place_of_another_is_made_anew(fasta, tiny_folder, tmp_path, capsys):
    """A copy has as many records, and the folder was told to be complete."""
    out = tmp_path / "out"
    command = ["embed", str(fasta), "-o", str(out), "--model", str(tiny_folder), "--shard_records", "16"]
    main(command)
    ids, vectors = read(out)
    shutil.copy(out / "part-000000.parquet", out / "part-000001.parquet")
    main(command)
    assert "16 vectors of 48 numbers" in capsys.readouterr().err
    assert read(out)[0] == ids
    np.testing.assert_allclose(read(out)[1], vectors, atol=1e-6)


def test_one_file_has_no_shards(fasta, tiny_folder, tmp_path, capsys):
    """`--shard_records 5 -o out.npy` was taken silently."""
    with pytest.raises(SystemExit, match="2"):
        main(["embed", str(fasta), "-o", f"{tmp_path}/o.npy", "--model", str(tiny_folder), "--shard_records", "5"])
    assert "o.npy is one file, and --shard_records is for a folder of shards; omit it, or" in capsys.readouterr().err


def test_processes_do_not_share_a_file(fasta, tiny_folder, tmp_path, capsys, monkeypatch):
    for name, value in {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match="2"):
        main(["embed", str(fasta), "-o", str(tmp_path / "out.npy"), "--model", str(tiny_folder)])
    assert "2 processes cannot write one file" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs ray")
def test_the_ray_example_makes_the_same_vectors(fasta, tiny_folder, tmp_path):
    lines = fasta.read_text().splitlines(keepends=True)
    halves = {tmp_path / "a.fasta": lines[:40], tmp_path / "b.fasta": lines[40:]}
    for path, half in halves.items():
        path.write_text("".join(half))
    example = [sys.executable, str(ROOT / "examples" / "ray_embed.py"), *map(str, halves), str(tmp_path / "ray")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    options = ["--model", str(tiny_folder), "--workers", "2", "--batch_records", "10"]
    subprocess.run([*example, *options], env=environment, check=True, timeout=500)
    main(["embed", str(fasta), "-o", str(tmp_path / "one.npy"), "--model", str(tiny_folder)])
    blocks = [block for path in (tmp_path / "ray").glob("*.parquet") for block in read_vectors(path)]
    assert len(blocks) > 1
    found = {name: vector for ids, vectors in blocks for name, vector in zip(ids, vectors, strict=True)}
    expected_ids, expected = read(tmp_path / "one.npy")
    assert sum(len(ids) for ids, _ in blocks) == 48 and found.keys() == set(expected_ids)
    np.testing.assert_allclose([found[name] for name in expected_ids], expected, atol=1e-6)


def test_an_input_that_changes_leaves_no_run_and_no_shard(tmp_path, fasta, tiny_folder, monkeypatch, capsys):
    """The record of a run named the changed input, and a shard of it stayed for the next run to complete."""
    given, out = tmp_path / "in.fasta", tmp_path / "out"
    given.write_bytes(fasta.read_bytes())

    def change(*_):
        given.write_text(">a\nACGT\n")
        return RUN

    monkeypatch.setattr("modeling_dnacse.commands.embed_run.describe_run", change)
    with pytest.raises(SystemExit, match="2"):
        main(["embed", str(given), "-o", f"{out}/", "--model", str(tiny_folder)])
    assert "in.fasta changed while it was being read" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.setattr("modeling_dnacse.cli.prepare", lambda *_: (given.unlink(), os.mkfifo(given)))
    given.write_bytes(fasta.read_bytes())
    with pytest.raises(SystemExit, match="2"):
        main(["embed", str(given), "-o", f"{out}/", "--model", str(tiny_folder)])
    assert "in.fasta changed while it was being read" in capsys.readouterr().err
    assert not out.exists()
    answers = iter([None, None, ValueError("it changed")])

    def check():
        if answer := next(answers):
            raise answer

    writer = ShardWriter(out, RUN, 22, 8, "float32", 4, Process(0, 1), check)
    with pytest.raises(ValueError, match="it changed"):
        writer.write(IDS, VECTORS)
    writer.discard()
    assert names_in(out) == ["part-000000.parquet", "run.json"]


def test_a_folder_without_room_stays_new(tmp_path, monkeypatch):
    """run.json stayed, so that another try, with float16, was refused as another run."""
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=9))
    with pytest.raises(OSError, match="no room for 704 bytes"):
        fill(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_the_finished_shards_alone(fasta, tiny_folder, tmp_path, monkeypatch, capsys):
    """The message named no file, and run.json stayed half written."""
    full = OSError(errno.ENOSPC, "No space left on device")
    folder = tmp_path / "out"
    given = ["embed", str(fasta), "-o", f"{folder}/", "--model", str(tiny_folder), "--shard_records", "1"]
    for target, name, left in (
        (shards, "put_in_place", []),
        (shards.ParquetVectors, "finish", ["run.json"]),
    ):
        with monkeypatch.context() as disk:
            disk.setattr(target, name, lambda *_: (_ for _ in ()).throw(full))
            assert f"{folder} cannot be written (No space left on device)" in refuse(capsys, *given)
        assert sorted(path.name for path in folder.iterdir()) == left
    main(given)
    assert (folder / "manifest.json").exists()


def test_a_file_that_cannot_be_opened_leaves_no_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(pq, "ParquetWriter", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EMFILE, "files")))
    with pytest.raises(OSError, match="files"):
        shards.ParquetVectors(tmp_path / "a.parquet", 4, "float32")
    assert not list(tmp_path.iterdir())
