"""Files and folders that appear complete or not at all."""

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def partial(path: Path) -> Path:
    """The hidden name of a file or folder that this process writes; machines may share the folder it is in."""
    return path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.partial")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a hidden name beside `path` to write a file or folder at; all went well: it moves there, else it goes."""
    hidden = partial(path)
    try:
        yield hidden
        hidden.replace(path)
    except BaseException:
        if hidden.is_dir():
            shutil.rmtree(hidden)
        hidden.unlink(missing_ok=True)
        raise


def check_writable(*paths: Path | None) -> None:
    """Look at the outputs before hours of computing.

    Raises:
        ValueError: the folder of one does not exist, one is itself a folder, or two are the same.
    """
    given = [path for path in paths if path is not None]
    for path in given:
        if path.is_dir():
            raise ValueError(f"{path} is a folder; give the name of a file")
        if not path.parent.is_dir():
            raise ValueError(f"{path}: there is no folder {path.parent}; make it first")
    if len({path.resolve() for path in given}) < len(given):
        raise ValueError(f"got one name for several outputs ({given[0]}, ...); give each its own")
