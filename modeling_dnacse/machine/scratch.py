"""Temporary folders that end with their process, and folders that stay if something was written to them.

Temporary folders of killed processes are removed by the next process.
Each has a lock beside it, which is there before the folder and after it. So nothing is left without a lock, whenever
a process is killed.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .locks import Lock

PREFIX, LOCK = "dnacse-", ".lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a temporary folder, and remove it when the block is left; remove those that killed processes left.

    Raises:
        OSError: the folder for temporary files cannot be written to.
    """
    place = Path(tempfile.gettempdir())
    for lock in place.glob(f"{PREFIX}*{LOCK}"):
        if os.access(lock, os.W_OK):
            with suppress(ValueError, OSError):
                _remove(lock.with_suffix(""), Lock(lock, "its folder is in use"))
    folder = place / f"{PREFIX}{secrets.token_hex(8)}"
    lock = Lock(folder.with_suffix(LOCK), f"{folder} is another process's")
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        _remove(folder, lock)


@contextmanager
def new_folder(folder: Path, *copies: Path) -> Iterator[None]:
    """Make a folder; if the block fails, remove `copies` of inputs in it, and the folder if it was made and is empty.

    Raises:
        OSError: it cannot be made.
    """
    is_new = not folder.exists()
    folder.mkdir(exist_ok=True)
    try:
        yield
    except BaseException:  # a refusal of a command, and a signal, too
        for path in copies:
            path.unlink(missing_ok=True)
        if is_new:
            with suppress(OSError):  # it holds what was made before the failure
                folder.rmdir()
        raise


def _remove(folder: Path, lock: Lock) -> None:
    """Remove a folder and give its lock back; the file of the lock stays where the folder does, for the next process.

    A process that may open no further file cannot list a folder.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        lock.leave()
    else:
        lock.release()
