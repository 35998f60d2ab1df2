"""Temporary folders that end with their process; those of killed processes are removed by the next process."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .locks import Lock, is_held

PREFIX, LOCK = "dnacse-", ".lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a temporary folder, and remove it when the block is left; remove those that killed processes left."""
    for leftover in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        is_ours = os.access(leftover, os.W_OK | os.X_OK)
        if is_ours and (leftover / LOCK).exists() and not is_held(leftover / LOCK):
            shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with Lock(folder / LOCK, f"{folder} is another process's"):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
