"""Replace an existing file only if it is an earlier output of the same command and format.

This is checked before the work (`check_replaced`), and again when the output is put in place (`check_again`), since
another program may have written there meanwhile.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .streams import is_stream

Recogniser = Callable[[Path], bool]  # whether a file is an earlier output
CHECKS: dict[Path, Callable[[], object]] = {}  # of each output that `check_replaced` let pass
HEAD = 1 << 16  # bytes at the start of a file that are looked at


def check_replaced(path: Path | None, is_earlier: Recogniser, what: str, force: bool | None) -> None:
    """Check that an existing file with the name of an output is an earlier output of the same command and format.

    The same is checked again when the output is put in place (atomic.py).

    Args:
        path: The output; None: not requested.
        is_earlier: Whether a file, which is not empty, is such an output.
        what: The kind of output, as in "a table of calls".
        force: Replace any file; None: the command has no --force.

    Raises:
        ValueError: It is another file.
    """
    if path is None or is_stream(path):
        return
    CHECKS[path] = partial(check_replaced, path, is_earlier, what, force)
    if not force and path.is_file() and path.stat().st_size and not is_earlier(path):
        remedy = "" if force is None else ", or add --force to replace it"
        raise ValueError(f"{path} exists and is not {what}; give another name{remedy}")


def check_again(path: Path) -> None:
    """Check what is in the place of an output as `check_replaced` did before the work."""
    if check := CHECKS.get(path):
        check()


def holds_near_start(*marks: bytes) -> Recogniser:
    """Recognise files that begin with the first of the marks, and hold the others near their start."""

    def is_earlier(path: Path) -> bool:
        start = head(path)
        return start.startswith(marks[0]) and all(mark in start for mark in marks)

    return is_earlier


def has_lines(first: str, others: str) -> Recogniser:
    """Recognise texts by regular expressions for the first line and for the others, within the first 64 KiB."""

    def is_earlier(path: Path) -> bool:
        lines = head(path).decode(errors="replace").split("\n")
        whole = lines[:-1]  # the last one is empty, or cut
        return bool(whole) and bool(re.fullmatch(first, whole[0])) and all(re.fullmatch(others, x) for x in whole[1:])

    return is_earlier


def head(path: Path) -> bytes:
    """The first 64 KiB of a file."""
    with path.open("rb") as file:
        return file.read(HEAD)
