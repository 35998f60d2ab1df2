"""Outputs: none destroys an input, each is there whole or not at all, and nobody writes one twice at a time."""

import errno
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from modeling_dnacse.machine.atomic import (
    all_or_none,
    lock_output,
    naming_what_has_no_room,
    partial_path,
    whole_text,
    written_whole,
)
from modeling_dnacse.machine.earlier_outputs import check_replaced, holds_near_start
from modeling_dnacse.machine.file_names import given_path
from modeling_dnacse.machine.locks import Lock, is_held
from modeling_dnacse.machine.outputs import check_folder, check_model_folder, check_new_folder, check_outputs
from modeling_dnacse.machine.scratch import scratch_folder
from modeling_dnacse.machine.signals import Stopped, unwinding_on_signals


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.fasta"
    path.write_text(">a\nACGT\n")
    return path


def names_of_it(source):
    """All the ways in which one file can be named."""
    folder = source.parent
    (folder / "link.tsv").symlink_to(source)
    (folder / "hard.tsv").hardlink_to(source)
    (folder / "there").symlink_to(folder)
    return [
        source,
        folder / "link.tsv",
        folder / "hard.tsv",
        folder / "there" / source.name,
        folder / "." / source.name,
    ]


def test_no_output_is_an_input_whatever_it_is_called(source, tmp_path):
    for name in names_of_it(source):
        with pytest.raises(ValueError, match="is an output, but also an input"):
            check_outputs([tmp_path / "other", name], [source])
        with pytest.raises(ValueError, match="one name for several outputs"):
            check_outputs([source, name])
    check_outputs([tmp_path / "other.tsv", None], [source, None, "owner/model"])


def test_what_is_redirected_into_the_process_is_an_input(source, tmp_path):
    """`dnacse embed - -o in.fasta < in.fasta` would read a copy, and write over the original."""
    former = os.dup(0)
    try:
        with source.open() as file:
            os.dup2(file.fileno(), 0)
        for name in names_of_it(source):
            with pytest.raises(ValueError, match="is an output, but also an input"):
                check_outputs([name])
        with pytest.raises(ValueError, match="might replace it"):
            check_folder(tmp_path, [], suffixes=(".fasta",))
        check_outputs([tmp_path / "other.tsv"])
    finally:
        os.dup2(former, 0)
        os.close(former)


def test_the_files_of_an_input_folder_are_inputs(source, tmp_path):
    with pytest.raises(ValueError, match="also an input"):
        check_outputs([tmp_path / "in.fasta"], [tmp_path])
    with pytest.raises(ValueError, match="also an input"):
        check_folder(tmp_path, [tmp_path / "." / ""])
    with pytest.raises(ValueError, match="might replace it"):
        check_folder(tmp_path, [source], suffixes=(".fasta",))
    check_folder(tmp_path, [source], suffixes=(".json",))


def test_what_cannot_be_written_is_told_at_once(source, tmp_path, monkeypatch):
    for path, words in {
        tmp_path: "is a folder",
        tmp_path / "no" / "out.tsv": "make it first",
        tmp_path / ("x" * 250): "cannot be written .File name too long",
        "/dev/null": "is a device",
    }.items():
        with pytest.raises(ValueError, match=words):
            check_outputs([path])
    with pytest.raises(ValueError, match="is a file"):
        check_folder(source, [])
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(ValueError, match="cannot be written to"):
        check_folder(tmp_path / "new", [])
    assert [path.name for path in tmp_path.iterdir()] == ["in.fasta"]


def test_a_fifo_and_the_standard_output_get_the_whole(tmp_path, capfdbinary):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    for path in (fifo, tmp_path.__class__("-"), tmp_path.__class__("/dev/stdout")):
        check_outputs([path])
        with written_whole(path) as hidden:
            hidden.write_bytes(b"whole")
    reader.join(10)
    assert read == [b"whole"] and stat.S_ISFIFO(fifo.stat().st_mode)
    assert capfdbinary.readouterr().out == b"wholewhole"
    assert list(tmp_path.iterdir()) == [fifo]


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_what_names_no_file_is_told(path):
    with pytest.raises(ValueError, match="give the name of a file or folder"):
        given_path(path)


def test_leftovers_of_killed_processes_are_swept_and_others_stay(tmp_path):
    output = tmp_path / "out[1].tsv"
    for name in (".out[1].tsv.host.12.partial", ".out[1].tsv.host.13.partial"):
        (tmp_path / name).mkdir() if "13" in name else (tmp_path / name).touch()
    (tmp_path / ".out[1].tsv.lock").touch()
    other = tmp_path / ".out2.tsv.host.12.partial"
    other.touch()
    check_outputs([output])
    assert list(tmp_path.iterdir()) == [other]


def test_two_at_once_is_one_sentence(tmp_path):
    output = tmp_path / "out.tsv"
    with written_whole(output) as hidden:
        hidden.write_text("first")
        with pytest.raises(ValueError, match="another process is writing .*out.tsv; wait for it"):
            check_outputs([output])
        with pytest.raises(ValueError, match="another process"), written_whole(output):
            pass
        assert hidden.exists() and is_held(tmp_path / ".out.tsv.lock")
    assert output.read_text() == "first" and [path.name for path in tmp_path.iterdir()] == ["out.tsv"]
    with lock_output(output):
        pass
    assert not is_held(tmp_path / ".out.tsv.lock")


def test_a_new_folder_replaces_nothing_and_is_locked_while_it_is_made(source, tmp_path):
    made = tmp_path / "made"
    made.mkdir()
    (tmp_path / ".made.host.12.partial").mkdir()
    with written_whole(made) as hidden:  # the folder is empty
        hidden.mkdir()
        (hidden / "content").write_text("first")
        with pytest.raises(ValueError, match="another process is writing .*made; wait for it"):
            check_new_folder(made, [])
    assert (made / "content").read_text() == "first"
    with pytest.raises(ValueError, match="is there already"), written_whole(made):
        pytest.fail("begins the work")
    with pytest.raises(ValueError, match="is there already"), written_whole(tmp_path / "late") as hidden:
        hidden.mkdir()
        shutil.copytree(made, tmp_path / "late")  # by a process that takes no lock
    for folder, words in {made: "is there already", source: "is there already", made / "in": "would lie in"}.items():
        with pytest.raises(ValueError, match=words):
            check_new_folder(folder, [made])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.fasta", "late", "made"]


def test_temporary_folders_of_killed_processes_are_swept(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    abandoned, others = tmp_path / "dnacse-abandoned", tmp_path / "dnacse-no-lock"
    for folder in (abandoned, others):
        folder.mkdir()
    (tmp_path / "dnacse-abandoned.lock").touch()
    (tmp_path / "dnacse-killed-early.lock").touch()  # before its folder was made, or after it was removed
    with scratch_folder() as first, scratch_folder() as second:
        assert first != second and not abandoned.exists() and others.exists() and first.exists()
        monkeypatch.setattr(os, "access", lambda *_: False)  # as those of other users
        with scratch_folder():
            assert first.exists()
    assert list(tmp_path.iterdir()) == [others]


def test_a_temporary_folder_has_a_lock_for_all_its_time(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []

    def watch(doing):
        def watched(path, *arguments, **options):
            seen.append(Path(path).with_suffix(".lock").exists())
            return doing(path, *arguments, **options)

        return watched

    monkeypatch.setattr(Path, "mkdir", watch(Path.mkdir))
    monkeypatch.setattr("modeling_dnacse.machine.scratch.shutil.rmtree", watch(shutil.rmtree))
    with scratch_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
    assert seen == [True, True] and not list(tmp_path.iterdir())


HOLD = """
import sys, time
from pathlib import Path
from modeling_dnacse.machine.locks import Lock
lock = Lock(Path(sys.argv[1]), "busy")
print("held", flush=True)
time.sleep(60)
"""


def test_a_lock_is_free_when_its_holder_was_killed(tmp_path):
    path = tmp_path / ".lock"
    command = [sys.executable, "-X", "importtime", "-c", f"import sys; sys.argv[0] = 'dnacse'\n{HOLD}", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ValueError, match="busy"):
            Lock(path, "busy")
        holder.kill()
    with Lock(path, "busy"):
        assert path.exists()
    assert not path.exists()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGXCPU"])
def test_a_signal_removes_what_is_half_written(tmp_path, name):
    number = getattr(signal, name)
    former = signal.signal(number, signal.SIG_DFL)
    try:
        stops = pytest.raises(Stopped, match=name)
        with stops as stop, unwinding_on_signals(), written_whole(tmp_path / "out.tsv") as hidden:
            hidden.write_text("half")
            os.kill(os.getpid(), number)
        assert stop.value.code == 128 + number and list(tmp_path.iterdir()) == []
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, former)


def test_a_signal_that_is_ignored_stays_ignored(tmp_path):
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with unwinding_on_signals():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, former)


def test_a_full_disk_under_a_hidden_folder_names_the_output(tmp_path):
    """adapt named .m.HOST.PID.partial."""
    full = OSError(errno.ENOSPC, "No space left on device")
    model, with_room = tmp_path / "m", naming_what_has_no_room
    with pytest.raises(OSError, match=r"/m cannot be written"), written_whole(model) as hidden, with_room(hidden):
        raise full


def test_the_hidden_name_is_beside_the_output(tmp_path):
    assert partial_path(tmp_path / "a.npy").parent == tmp_path


def test_a_link_to_a_folder_and_a_stream_are_no_folder_to_create(source, tmp_path):
    (tmp_path / "made").mkdir()
    link = tmp_path / "link"
    link.symlink_to("made")
    with pytest.raises(ValueError, match="link is a link to a folder; give the folder itself"):
        check_new_folder(link, [source])
    for stream in ("-", "/dev/stdout"):
        with pytest.raises(ValueError, match="is the standard output, and the output is a folder|is there already"):
            check_new_folder(Path(stream), [source])
    check_folder(link, [source])  # for files beside others


def test_the_folder_of_a_model_is_named_in_utf8(tmp_path):
    with pytest.raises(ValueError, match="is not UTF-8, and models and indexes need one"):
        check_model_folder(tmp_path / os.fsdecode(b"n\xff"), [])
    check_model_folder(tmp_path / "new" / "é", [], parents=True)
    with pytest.raises(ValueError, match="there is no folder"):
        check_model_folder(tmp_path / "new" / "é", [])
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_that_cannot_be_removed_keeps_its_lock_for_the_next_process(tmp_path, monkeypatch):
    """Without a free file descriptor a folder cannot be listed; the copy of standard input stayed for ever."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with monkeypatch.context() as limited, scratch_folder() as folder:
        (folder / "standard_input").write_text(">a\nACGT\n")
        limited.setattr(shutil, "rmtree", lambda *_, **__: None)
    assert folder.exists()
    with scratch_folder():
        assert not folder.exists()
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_place_of_a_lock_is_named(tmp_path):
    """The output "cannot be written (Is a directory)", it said."""
    (tmp_path / ".a.npy.lock").mkdir()
    with pytest.raises(ValueError, match=r"\.a\.npy\.lock is a folder in the place of a lock; remove it"):
        check_outputs([tmp_path / "a.npy"])
    assert not is_held(tmp_path / ".a.npy.lock")


def test_a_missing_parent_folder_is_named(tmp_path):
    """It was a FileNotFoundError of the hidden lock."""
    (tmp_path / "file").touch()
    for parent in (tmp_path / "a" / "b", tmp_path / "file"):
        said = rf"{parent}/index: there is no folder {parent}; make it first"
        with pytest.raises(ValueError, match=said), written_whole(parent / "index"):
            pytest.fail("begins the work")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_signal_while_a_lock_is_taken_leaves_no_file(tmp_path, monkeypatch, moment):
    flock = fcntl.flock

    def interrupted(file, how):
        monkeypatch.undo()
        if moment == "after":
            flock(file, how)
        raise KeyboardInterrupt

    monkeypatch.setattr(fcntl, "flock", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Lock(tmp_path / "lock")
    assert not list(tmp_path.iterdir())


def test_a_lock_that_nobody_uses_is_given_back_by_its_own_process_alone(tmp_path):
    """A signal can come between taking a lock and the `with` that would release it."""
    lock = Lock(tmp_path / "lock", "busy")
    if not (child := os.fork()):
        del lock
        os._exit(0)
    os.waitpid(child, 0)
    assert is_held(tmp_path / "lock")
    del lock
    assert not list(tmp_path.iterdir())


def test_a_signal_while_left_overs_are_removed_leaves_no_lock(tmp_path, monkeypatch):
    def stop(_: Path) -> None:
        raise KeyboardInterrupt

    (tmp_path / ".out.tsv.host.1.partial").touch()
    monkeypatch.setattr("modeling_dnacse.machine.atomic.remove", stop)
    with pytest.raises(KeyboardInterrupt), written_whole(tmp_path / "out.tsv"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".out.tsv.host.1.partial"]


def test_files_in_a_folder_have_the_mode_that_the_mask_says(tmp_path):
    """safetensors wrote those of an index and of a model for their owner alone."""
    mask = os.umask(0o027)
    try:
        with written_whole(tmp_path / "out") as hidden:
            (hidden / "inner").mkdir(parents=True)
            for path in (hidden / "a", hidden / "inner" / "b"):
                path.touch(0o600)
    finally:
        os.umask(mask)
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert [(path.name, path.stat().st_mode & 0o777) for path in sorted(files)] == [("a", 0o640), ("b", 0o640)]


def test_after_an_error_all_outputs_of_a_command_are_those_before(tmp_path):
    """With the disk of one output full, the table of hits was of another run than the table of calls."""
    calls, hits = tmp_path / "calls.tsv", tmp_path / "hits.tsv"
    calls.write_text("before\n")
    with pytest.raises(OSError, match="calls.tsv cannot be written"), all_or_none():
        with whole_text(hits) as file:
            file.write("after\n")
        assert not hits.exists()
        with whole_text(calls):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert [path.name for path in tmp_path.iterdir()] == ["calls.tsv"] and calls.read_text() == "before\n"
    with all_or_none():
        for path in (calls, hits):
            with whole_text(path) as file:
                file.write("after\n")
        with pytest.raises(ValueError, match="another process is writing"):
            lock_output(hits)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        ("calls.tsv", "hits.tsv"), "after\n"
    )


def write_beside(table):
    with all_or_none(), whole_text(table) as file:
        file.write("id\tcall\n")
        table.write_text("mine\n")


def test_what_another_program_writes_meanwhile_is_kept(tmp_path):
    """It was replaced without --force; in place of a folder, a message named a hidden file."""
    table, folder = tmp_path / "calls.tsv", tmp_path / "index"
    check_replaced(table, holds_near_start(b"id\tcall"), "a table of calls", False)
    with pytest.raises(ValueError, match=r"calls.tsv exists and is not a table of calls; .* or add --force"):
        write_beside(table)
    with pytest.raises(ValueError, match="index is a file by now; give a new folder"), written_whole(folder) as hidden:
        hidden.mkdir()
        folder.write_text("mine\n")
    assert {path.read_text() for path in tmp_path.iterdir()} == {"mine\n"}
    check_replaced(table, holds_near_start(b"id\tcall"), "a table of calls", True)
    with whole_text(table) as file:
        file.write("id\tcall\n")
    assert table.read_text() == "id\tcall\n"
