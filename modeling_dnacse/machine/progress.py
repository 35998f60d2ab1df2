"""Progress bars of the commands: on a terminal they are drawn, in a pipe they are silent, in JSON logs they report."""

import sys
from typing import Any

from tqdm import std
from tqdm.auto import tqdm

from .json_logs import JsonLines

SECONDS = 1.0  # between two reports of a bar, at least


class JsonBar(std.tqdm):
    """A bar that reports its progress to the JSON lines on stderr instead of drawing itself."""

    def display(self, *_: Any, **__: Any) -> None:
        """Report what is done."""
        facts, stream = self.format_dict, self.fp  # the JsonLines
        stream.report("progress", what=facts["prefix"], done=facts["n"], total=facts["total"], unit=facts["unit"])


def progress_bar(total: int, desc: str | None = None, quiet: bool = False) -> std.tqdm:
    """Open a bar for `total` sequences; `desc` says what is done to them, `quiet` hides it."""
    options: Any = {"total": total, "unit": "seq", "desc": desc, "disable": quiet or None}  # None: only on a terminal
    return JsonBar(**options, mininterval=SECONDS) if isinstance(sys.stderr, JsonLines) else tqdm(**options)
