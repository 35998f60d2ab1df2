"""Files and folders that appear complete or not at all.

A process writes NAME under the hidden name .NAME.HOST.PID.partial, which becomes NAME by one rename. Meanwhile it
holds the lock .NAME.lock. So a partial file without a lock was left behind by a killed process; the next process that
writes NAME removes it.
"""

import errno
import glob
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TextIO

from .earlier_outputs import check_again
from .locks import Lock
from .scratch import scratch_folder
from .streams import STDOUT, is_stream, naming_standard_output

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
WAITING: ContextVar[list | None] = ContextVar("WAITING", default=None)  # hidden names, names and locks


def partial_path(path: Path) -> Path:
    """The hidden name under which this process writes a file or folder; it is unique even in shared folders."""
    return path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.partial")


def shown(path: Path) -> Path:
    """The name that a hidden file or folder of this process will get; other names as they are.

    >>> shown(partial_path(Path("out/model"))) == Path("out/model"), shown(Path("out/model")) == Path("out/model")
    (True, True)
    """
    hidden = f".{platform.node()}.{os.getpid()}.partial"
    return path.with_name(path.name[1:].removesuffix(hidden)) if path.name.endswith(hidden) else path


def lock_path(path: Path) -> Path:
    """The lock of an output."""
    return path.with_name(f".{path.name}.lock")


def lock_output(path: Path, *beside: Path, wait: bool = False) -> Lock:
    """Lock the name of an output, and remove what killed processes left of it and of files `beside` it.

    Args:
        path: The output.
        beside: Files that are written with it.
        wait: Wait for another process, where the output takes no time to write.

    Raises:
        ValueError: another process is writing it, or there is no folder to write it to.
        OSError: its folder cannot be written to.
    """
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}; make it first")
    busy = f"another process is writing {path}; wait for it, or give the output another name"
    lock = Lock(lock_path(path), None if wait else busy)
    try:
        for file in (path, *beside):
            for leftover in file.parent.glob(f".{glob.escape(file.name)}.*.partial"):
                remove(leftover)
    except BaseException:  # a signal, too
        lock.release()
        raise
    return lock


def synchronise(path: Path) -> None:
    """Force the content of a file, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def give_usual_modes(folder: Path) -> None:
    """Give the files in a folder the mode of any new file; those of safetensors can be read by their owner alone."""
    probe = partial_path(folder / "mode")  # the mask of the process can only be asked for by changing it
    probe.touch()
    mode = probe.stat().st_mode & 0o666
    probe.unlink()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(mode)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a hidden name beside `path` to write to; on success it is renamed to `path`, on an error it is removed.

    Output for a stream is written to a temporary file, which is copied to the stream when it is complete.

    Raises:
        ValueError: another process is writing `path`, `path` is a folder that is not empty, or its parent is none.
        OSError: there is no room, which names `path` even where the system named no file.
    """
    if is_stream(path):
        with scratch_folder() as folder:
            hidden = folder / "output"
            with naming_what_has_no_room(folder.parent):
                yield hidden
            copy_to_stream(hidden, path)
        return
    hidden, waiting = partial_path(path), WAITING.get()
    with ExitStack() as locked:
        locked.enter_context(lock_output(path))
        refuse_full_folder(path)
        try:
            with naming_what_has_no_room(path):
                yield hidden
                if hidden.is_dir():
                    give_usual_modes(hidden)
                if waiting is None:
                    move_to_name(hidden, path)
        except BaseException:
            remove(hidden)
            raise
        if waiting is not None:
            waiting.append((hidden, path, locked.pop_all()))


@contextmanager
def all_or_none() -> Iterator[None]:
    """Put what `written_whole` writes meanwhile in place at the end, or, after an error, nothing of it.

    So the outputs of a command are all of one run, also where the disk of one of them is full.
    """
    waiting: list[tuple[Path, Path, ExitStack]] = []
    former = WAITING.set(waiting)
    try:
        yield
        for _, path, _ in waiting:
            check_again(path)
        for hidden, path, _ in waiting:
            with naming_what_has_no_room(path):
                move_to_name(hidden, path)
    finally:
        WAITING.reset(former)
        for hidden, _, locked in waiting:
            remove(hidden)
            locked.close()


@contextmanager
def whole_text(path: Path) -> Iterator[TextIO]:
    """Open a text file as `written_whole` does."""
    with written_whole(path) as hidden, hidden.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextmanager
def naming_what_has_no_room(path: Path) -> Iterator[None]:
    """Let errors for want of room name the output, also those of libraries.

    Raises:
        OSError: there is no room.
    """
    try:
        yield
    except Exception as error:
        if reason := why_no_room(error):
            raise OSError(
                f"{shown(path)} cannot be written ({reason}); make room, or write to another folder"
            ) from error
        raise


def why_no_room(error: BaseException) -> str | None:
    """Why a write failed, if it was for want of room; safetensors and tokenizers tell the number in their texts only.

    >>> why_no_room(OSError(errno.ENOSPC, "No space left on device")), why_no_room(ValueError("28"))
    ('No space left on device', None)
    """
    if isinstance(error, OSError):
        number = error.errno
    elif type(error).__name__ in ("SafetensorError", "Exception"):
        told = re.search(r"\(os error (\d+)\)", str(error))
        number = int(told[1]) if told else None
    else:
        return None
    return os.strerror(number) if number in NO_ROOM else None


def move_to_name(hidden: Path, path: Path) -> None:
    """Rename what was written, unless another program wrote something else to its place meanwhile.

    Raises:
        ValueError: it did.
    """
    check_again(path)
    refuse_full_folder(path)
    if hidden.is_dir() and path.is_file():
        raise ValueError(f"{path} is a file by now; give a new folder, or remove it first")
    hidden.replace(path)


def refuse_full_folder(path: Path) -> None:
    """Refuse to replace a folder that is not empty.

    Raises:
        ValueError: there is such a folder at `path`.
    """
    if path.is_dir() and any(path.iterdir()):
        raise ValueError(f"{path} is there already; give a new folder, or remove it first")


def copy_to_stream(file: Path, stream: Path) -> None:
    """Copy a file to the standard output or a FIFO."""
    with file.open("rb") as source:
        if stream in STDOUT:
            with naming_standard_output():
                shutil.copyfileobj(source, sys.stdout.buffer)
        else:
            with naming_what_has_no_room(stream), stream.open("wb") as target:
                shutil.copyfileobj(source, target)
