"""Files and folders that appear complete or not at all."""

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def partial_path(path: Path) -> Path:
    """The hidden name under which this process writes a file or folder, unique in a folder that machines share."""
    return path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.partial")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a hidden name beside `path` to write to; on success it is renamed to `path`, on an error it is removed."""
    hidden = partial_path(path)
    try:
        yield hidden
        hidden.replace(path)
    except BaseException:
        if hidden.is_dir():
            shutil.rmtree(hidden)
        hidden.unlink(missing_ok=True)
        raise


def check_writable(*paths: Path | None) -> None:
    """Check the outputs before hours of computing.

    Raises:
        ValueError: the folder of an output does not exist, an output is itself a folder, or two outputs are the same.
    """
    given = [path for path in paths if path is not None]
    for path in given:
        if path.is_dir():
            raise ValueError(f"{path} is a folder; give the name of a file")
        if not path.parent.is_dir():
            raise ValueError(f"{path}: there is no folder {path.parent}; make it first")
    if len({path.resolve() for path in given}) < len(given):
        raise ValueError(f"got one name for several outputs ({given[0]}, ...); give each its own")
