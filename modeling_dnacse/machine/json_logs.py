"""Messages on stderr as JSON lines (`--json_logs`): text, warnings and progress bars in, one object per line out.

| key | holds |
|---|---|
| time | UTC, as 2026-01-31T12:00:00+00:00 |
| command | as in `identify` |
| level | info, warning, error or progress |
| message | the text; progress has `what`, `done`, `total` (null: unknown) and `unit` instead |
"""

import io
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from datetime import UTC, datetime
from typing import Any, TextIO

SECONDS = 1.0  # between two reports of progress, at least


class JsonLines(io.TextIOBase):
    """A stream that turns each line into a JSON object."""

    def __init__(self, stream: TextIO, command: str) -> None:
        """Take the stream that gets the objects."""
        self.stream, self.command, self.begun = stream, command, ""

    def write(self, text: str) -> int:
        """Report the lines that end in this text; the rest waits for its end."""
        *lines, self.begun = (self.begun + text).split("\n")
        for line in lines:
            if said := line.rpartition("\r")[2].strip():
                self.report("info", message=said)
        return len(text)

    def isatty(self) -> bool:
        """Whether bars are wanted."""
        return True

    def report(self, level: str, **told: Any) -> None:
        """Write one object."""
        time = datetime.now(UTC).isoformat(timespec="seconds")
        self.stream.write(json.dumps({"time": time, "command": self.command, "level": level, **told}) + "\n")
        self.stream.flush()


@contextmanager
def json_on_stderr(stream: JsonLines) -> Iterator[None]:
    """Send what is written to stderr, warnings and tqdm's bars to a stream meanwhile."""
    from tqdm.std import tqdm

    bars: Any = tqdm  # its methods are replaced meanwhile

    def warn(message: Warning | str, *_: Any, **__: Any) -> None:
        stream.report("warning", message=str(message))

    bars: Any = tqdm  # whose methods are replaced

    def display(bar: Any, *_: Any, **__: Any) -> None:
        told = bar.format_dict
        stream.report("progress", what=told["prefix"], done=told["n"], total=told["total"], unit=told["unit"])

    shown, begin = bars.display, bars.__init__

    def seldom(bar: Any, *args: Any, **options: Any) -> None:
        begin(bar, *args, **options | {"mininterval": SECONDS})

    bars.display, bars.__init__ = display, seldom
    try:
        with redirect_stderr(stream), warnings.catch_warnings():
            warnings.showwarning = warn
            yield
    finally:
        bars.display, bars.__init__ = shown, begin
