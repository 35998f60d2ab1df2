"""Links that lead nowhere, closed streams, full disks, special files and strange names: a sentence, or a result."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors import SafetensorError

from modeling_dnacse.cli import hold_standard_streams, main, report_end
from modeling_dnacse.commands import info as info_command
from modeling_dnacse.identification.queries import sample_of
from modeling_dnacse.loading.config_values import check_config
from modeling_dnacse.machine.atomic import written_whole
from modeling_dnacse.machine.json_files import read_object
from modeling_dnacse.machine.processes import Process
from modeling_dnacse.reading.labels import read_records
from modeling_dnacse.reading.standard_input import copy_of_standard_input
from modeling_dnacse.vectors.files import open_writer, read_vectors
from modeling_dnacse.vectors.shards import ShardWriter
from tests.support.marker import simulate_marker
from tests.support.refusals import refuse


def write_records(path: Path) -> Path:
    path.write_text(
        "".join(f">{record['id']}\n{record['sequence']}\n" for record in simulate_marker(seed=1, genera=2))
    )
    return path


@pytest.mark.parametrize("role", ["input", "model", "reference"])
def test_a_link_to_itself_is_no_traceback(role, tmp_path, capsys):
    (tmp_path / "loop").symlink_to("loop")
    records = write_records(tmp_path / "a.fasta")
    given = {"input": records, "model": None, "reference": records} | {role: tmp_path / "loop"}
    model = ["--model", given["model"]] if given["model"] else []
    error = refuse(
        capsys, "identify", given["input"], "--reference", given["reference"], "-o", tmp_path / "o.tsv", *model
    )
    assert "loop" in error and not (tmp_path / "o.tsv").exists()


def test_an_output_that_is_a_link_to_itself_is_replaced(tmp_path, site_folder):
    (tmp_path / "o.tsv").symlink_to("o.tsv")
    records = write_records(tmp_path / "a.fasta")
    main(["cluster", str(records), "-o", str(tmp_path / "o.tsv"), "--model", str(site_folder)])
    assert (tmp_path / "o.tsv").read_text().startswith("id\t")


def test_closed_streams_are_told_or_done_without(tmp_path, site_folder, capsys, monkeypatch):
    records = write_records(tmp_path / "a.fasta")
    monkeypatch.setattr(sys, "stdin", None)
    assert "standard input is closed" in refuse(capsys, "cluster", "-", "-o", tmp_path / "o.tsv")
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stdout", None)
        assert "standard output, which is closed" in refuse(capsys, "cluster", records, "-o", "-")
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stderr", None)
        main(["cluster", str(records), "-o", str(tmp_path / "o.tsv"), "--model", str(site_folder)])
    assert (tmp_path / "o.tsv").exists()


def test_a_closed_stream_gives_its_number_to_no_output(monkeypatch):
    """What a library writes to standard error would go into the file with the number 2."""
    opened = []
    with monkeypatch.context() as closed:
        closed.setattr(os, "fstat", lambda number: (_ for _ in ()).throw(OSError()) if number == 2 else None)
        closed.setattr(os, "open", lambda path, _: opened.append(path))
        hold_standard_streams()
    assert opened == [os.devnull]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        Exception("No space left on device (os error 28)"),  # of tokenizers
    ],
)
def test_a_full_disk_names_the_output(error, tmp_path):
    told = "ix cannot be written \\(No space left on device\\); make room, or write"
    with pytest.raises(OSError, match=told), written_whole(tmp_path / "ix") as hidden:
        hidden.mkdir()
        raise error
    assert not [path for path in tmp_path.iterdir() if not path.name.endswith(".lock")]


def test_standard_input_that_does_not_fit_names_the_temporary_folder(tmp_path, monkeypatch):
    """The message named the disks of input and output, which had room."""

    def fail(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b">a\nACGT\n")))
    monkeypatch.setattr("shutil.copyfileobj", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(OSError, match=rf"{tmp_path} cannot be written \(No space left"), copy_of_standard_input():
        pass


@pytest.mark.parametrize("error", [OSError(errno.ENOENT, "x"), SafetensorError("header too large"), ValueError("y")])
def test_other_errors_stay_what_they_are(error, tmp_path):
    with pytest.raises(type(error)) as raised, written_whole(tmp_path / "ix"):
        raise error
    assert raised.value is error


def test_a_model_with_a_fifo_is_not_waited_for(tmp_path, site_folder, capsys):
    folder = shutil.copytree(site_folder, tmp_path / "m")
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    assert "config.json is no regular file" in refuse(capsys, "info", folder)
    with pytest.raises(ValueError, match="no regular file; write it again"):
        read_object(folder / "config.json", "write it again")


def test_values_of_a_configuration_that_info_told_as_they_were(tmp_path, site_folder, capsys):
    """It said that a model had {'a': 1} layers, and all was well; training began with a configuration of GPT-2."""
    folder = shutil.copytree(site_folder, tmp_path / "m")
    config = json.loads((site_folder / "config.json").read_text())
    for field, value in {"num_hidden_layers": {"a": 1}, "sites": True, "pooling": [], "model_type": "gpt2"}.items():
        (folder / "config.json").write_text(json.dumps(config | {field: value}))
        assert f"config.json: {field} is " in refuse(capsys, "info", folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"site_block": -1}, "site_block is -1; it must be from 0 to 65,536"),
        ({"site_reach": 10**9}, "site_reach is 1000000000; it must be from 0 to 500"),
        ({"site_support": 10**9}, "site_support is 1000000000; it must be from 0 to 65,536"),
        ({"least_share": 5}, "least_share is 5; it must be from 0 to 2"),
        ({"site_blocks": [-1, 25]}, r"site_blocks is \[-1, 25\]; all must be above 0"),
        ({"marker_starts": [5]}, r"marker_starts is \[5\]; it must rise from 0 to less than gene_sites"),
        ({"marker_starts": [0, 9, 9]}, "it must rise from 0"),
        ({"marker_starts": [0, "9"]}, "it must rise from 0"),
        ({"marker_starts": []}, "it must rise from 0"),
    ],
)
def test_numbers_of_sites_are_checked_before_anything_is_made_of_them(changes, message, tmp_path, site_folder):
    path = tmp_path / "config.json"
    config = json.loads((site_folder / "config.json").read_text())
    path.write_text(json.dumps(config))
    check_config(str(path))
    path.write_text(json.dumps(config | changes))
    with pytest.raises(ValueError, match=message):
        check_config(str(path))


def test_names_of_files_that_are_no_text_become_names_of_samples():
    """A byte that is no UTF-8 cannot be drawn, and a line end would break a table."""
    names = [os.fsdecode(b"a\xff.fasta"), "b\nc.fasta.gz", "d.fasta"]
    assert [sample_of(Path(name)) for name in names] == ["a\ufffd", "b\ufffdc", "d"]


@pytest.mark.parametrize("output", ["o\udcff.parquet", "sh\udcff"])
def test_arrow_writes_and_reads_names_that_are_no_utf8(output, tmp_path):
    """A file, and shards in a folder; their vectors come back."""
    path, ids = tmp_path / output, ["a", "b"]
    vectors = np.ones((2, 4), np.float32)
    if path.suffix:
        writer = open_writer(path, 2, 4, 2, "float32")
    else:
        run = {"input": {"name": "a.fasta", "sha256": "1"}, "options": {"shard_records": 2}}
        writer = ShardWriter(path, run, 2, 4, "float32", 2, Process())
    writer.write(ids, vectors)
    writer.finish()
    ((found, numbers),) = read_vectors(path)
    assert list(found) == ids and np.array_equal(numbers, vectors)
    records = tmp_path / os.fsdecode(b"r\xff.parquet")
    with records.open("wb") as file:
        pq.write_table(pa.table({"id": ids, "sequence": ["ACGT", "GGCC"]}), file)
    assert [record.sequence for record in read_records(records)] == ["ACGT", "GGCC"]


def test_a_removed_working_folder_is_told(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(SystemExit, match="2"):
        main(["bin", "a.fasta", "-o", "bins"])
    assert "the working folder has been removed; change to another one" in capsys.readouterr().err


def test_a_limit_of_threads_is_told(monkeypatch, capsys):
    def check(args):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(info_command, "check", check)
    with pytest.raises(SystemExit, match="2"):
        main(["info"])
    assert "error: no more threads can be started; give it more" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), RuntimeError("bug")],
)
def test_a_full_memory_is_told_and_other_errors_stay(error, monkeypatch, capsys):
    def check(args):
        raise error

    monkeypatch.setattr(info_command, "check", check)
    with pytest.raises(RuntimeError if str(error) == "bug" else SystemExit, match="bug|2"):
        main(["info"])
    assert ("the memory is full; give it more" in capsys.readouterr().err) == (str(error) != "bug")


def test_a_device_that_computes_nothing_is_refused(tmp_path, capsys, tiny_folder):
    records = write_records(tmp_path / "a.fasta")
    command = ("embed", records, "-o", tmp_path / "o.npy", "--device", "meta", "--model", tiny_folder)
    assert "--device meta cannot be used here" in refuse(capsys, *command)


def test_a_message_is_one_line_of_some_length(capsys):
    report_end(sys.stderr, "embed", "error: a\nb\x1b[2J" + "x" * 5000)
    message = capsys.readouterr().err
    assert message.startswith("dnacse embed: error: a?b?[2Jxxx") and message.count("\n") == 1 and len(message) < 1100


def test_info_says_that_standard_output_is_closed(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(SystemExit, match="2"):
        main(["info"])
    assert "info writes, is closed" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["info", "cluster", "--help"])
def test_a_full_or_closed_reader_of_standard_output_is_no_number(command, tmp_path, site_folder, monkeypatch):
    """`info` and outputs named - said "[Errno 28] No space left on device" and "[Errno 32] Broken pipe".

    The exit code was 120 where Python keeps standard output in a buffer, and that of --help could be 0.
    """
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    if not Path("/dev/full").exists():
        pytest.skip("there is no device that is always full")
    records = write_records(tmp_path / "a.fasta")
    model = ["--model", str(site_folder)]
    given = ["info", str(site_folder)] if command == "info" else ["cluster", str(records), "-o", "-", *model]
    given = [command] if command == "--help" else given
    line = [sys.executable, "-m", "modeling_dnacse.cli", *given]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 2
    said = "the standard output cannot be written (No space left on device); make room, or write to a file"
    named = "dnacse" if command == "--help" else f"dnacse {command}"
    assert ended.stderr.splitlines()[-1] == f"{named}: error: {said}"
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(line, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert ended.returncode == 141 and "error" not in ended.stderr.lower()


@pytest.mark.parametrize("logs", [[], ["--json_logs"]])
def test_a_full_disk_of_messages_ends_no_work(logs, tmp_path, tiny_folder):
    """The command ended with 1, without a word and without its output."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no device that is always full")
    given = ["embed", str(write_records(tmp_path / "a.fasta")), "-o", str(tmp_path / "a.npy"), *logs]
    line = [sys.executable, "-m", "modeling_dnacse.cli", *given, "--model", str(tiny_folder)]
    with Path("/dev/full").open("wb") as full:
        assert subprocess.run(line, stderr=full, check=False).returncode == 0
    assert (tmp_path / "a.npy").stat().st_size


def test_an_error_of_the_system_has_file_and_remedy(tmp_path, fasta, capsys):
    with pytest.raises(SystemExit):
        main(["embed", str(fasta), "-o", str(tmp_path / f"{'x' * 300}.npy")])
    assert "x.npy: File name too long; check this path and its disk" in capsys.readouterr().err


def test_ctrl_c_before_the_command_is_known_is_no_traceback(monkeypatch, capsys):
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("modeling_dnacse.cli.command_line", interrupted)
    with pytest.raises(SystemExit, match="130"):
        main(["info"])
    assert capsys.readouterr().err == "dnacse: stopped\n"
