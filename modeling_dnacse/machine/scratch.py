"""Temporary folders that end with their process; those of killed processes are removed by the next process.

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
            with suppress(ValueError, OSError), Lock(lock, "its folder is in use"):
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
    folder = place / f"{PREFIX}{secrets.token_hex(8)}"
    with Lock(folder.with_suffix(LOCK), f"{folder} is another process's"):
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
