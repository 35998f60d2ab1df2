"""Detect that a file changed: a path in, a stamp of its state out, and later an error if the stamp differs."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

Stamp = tuple[int, int, int, int]


def stamp_of(path: Path) -> Stamp:
    """The stamp of a file: device, inode, size, and time of the last change in ns.

    Raises:
        ValueError: the file does not exist, or is a pipe, a device or a folder, which cannot be read twice.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; give the path of a readable file") from None
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the name of a file")
    if not path.is_file():
        raise ValueError(f"{path} is no regular file, and it is read twice; write it to a file first")
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def check_stamp(path: Path, stamp: Stamp) -> None:
    """Check that a file has not changed since `stamp_of` looked at it.

    Raises:
        ValueError: it changed, or it is gone.
    """
    try:
        same = stamp_of(path) == stamp
    except ValueError:
        same = False
    if not same:
        raise changed(path)


@contextmanager
def unchanged(paths: Iterable[Path]) -> Iterator[None]:
    """Check that files, and all files in folders, are the same when the block is left as when it was entered.

    Raises:
        ValueError: one is no regular file, or it changed, which also explains an error of the block.
    """
    files = [file for path in paths for file in (files_in(path) if path.is_dir() else [path])]
    stamps = {file: stamp_of(file) for file in files}
    try:
        yield
    except Exception:
        for path, stamp in stamps.items():
            check_stamp(path, stamp)
        raise
    for path, stamp in stamps.items():
        check_stamp(path, stamp)


def files_in(folder: Path) -> list[Path]:
    """What a folder and its folders hold, in order."""
    return sorted(path for path in folder.rglob("*") if not path.is_dir())


def changed(path: Path) -> ValueError:
    """The error of a file that changed."""
    return ValueError(f"{path} changed while it was being read; start again when no program writes to it")
