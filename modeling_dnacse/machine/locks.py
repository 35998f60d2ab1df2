"""Locks between processes: a hidden file that one process holds at a time, until it releases it or ends.

The kernel releases a lock however its process ends, so a leftover lock file never blocks another process.
"""

import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import IO


class Lock:
    """A lock that this process holds until `release`, or until it ends."""

    def __init__(self, path: Path, busy: str | None = None) -> None:
        """Take the lock whose file is `path`; its folder must exist. Without `busy`, wait for it.

        If the file system has no locks, a warning says so.

        Raises:
            ValueError: another process holds it, which `busy` says; or its file is a folder.
            OSError: the folder cannot be written to.
        """
        self.path, self.process = path, os.getpid()
        self.file: IO[str] | None = None
        try:
            self.file = _open_locked(path, busy)
            while not _is_current(self.file, path):  # its holder removed it in this moment
                self.file.close()
                self.file = _open_locked(path, busy)
        except BaseException:  # a signal may come at any moment
            self.leave()
            _remove_unheld(path)
            raise

    def release(self) -> None:
        """Remove the file and give the lock back."""
        if self.file is not None and not self.file.closed:
            self.path.unlink(missing_ok=True)
            self.file.close()

    def leave(self) -> None:
        """Give the lock back, but leave its file to the next process."""
        if self.file is not None:
            self.file.close()

    def __enter__(self) -> "Lock":
        """Hold the lock."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release it."""
        self.release()

    def __del__(self) -> None:
        """Release it, also when a signal came before it was in use by `with`; but not in a fork, which has a copy."""
        if os.getpid() == self.process:
            self.release()


def is_held(path: Path) -> bool:
    """Whether a process, this one included, holds the lock whose file is `path`."""
    if not path.is_file():
        return False
    try:
        _open_locked(path, "").close()
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return False


def _is_current(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _remove_unheld(path: Path) -> None:
    """Remove the file of a lock that no process holds."""
    with suppress(OSError, ValueError):
        if path.is_file():
            with _open_locked(path, "") as file:
                if _is_current(file, path):
                    path.unlink()


def _open_locked(path: Path, busy: str | None) -> IO[str]:
    try:
        file = path.open("a")
    except IsADirectoryError:
        raise ValueError(f"{path} is a folder in the place of a lock; remove it, or write to another one") from None
    if sys.platform == "win32":
        return file
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX if busy is None else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ValueError(busy) from None
    except OSError as error:
        warnings.warn(
            f"the file system of {path.parent} has no locks ({error.strerror}); let no other process write there",
            stacklevel=2,
        )
    except BaseException:  # a signal: no other process may find it held
        file.close()
        raise
    return file
