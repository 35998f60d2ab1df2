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

from .plain_messages import SHOWN_AS, plain


class JsonLines(io.TextIOBase):
    """A stream that turns each line into a JSON object."""

    def __init__(self, stream: TextIO, command: str) -> None:
        """Take the stream that receives the objects."""
        self.stream, self.command, self.begun = stream, command, ""

    def write(self, text: str) -> int:
        """Report the lines that this text completes; keep the rest."""
        *lines, self.begun = (self.begun + text).split("\n")
        for line in lines:
            if said := line.rpartition("\r")[2].strip():
                self.report("info", message=plain(said))
        return len(text)

    def isatty(self) -> bool:
        """Show progress, as on a terminal."""
        return True

    def report(self, level: str, **facts: Any) -> None:
        """Write one object."""
        time = datetime.now(UTC).isoformat(timespec="seconds")
        self.stream.write(json.dumps({"time": time, "command": self.command, "level": level, **facts}) + "\n")
        self.stream.flush()


class NamedJsonLines(JsonLines):
    """JsonLines that show arguments as plain_messages.py does, before lines are told apart: they may hold some."""

    def write(self, text: str) -> int:
        """As JsonLines."""
        for name, shown in SHOWN_AS.items():
            text = text.replace(name, shown)
        return super().write(text)


@contextmanager
def json_on_stderr(stream: JsonLines) -> Iterator[None]:
    """Send what is written to stderr, and warnings, to a stream within this context; progress.py adds the bars."""

    def warn(message: Warning | str, *_: Any, **__: Any) -> None:
        stream.report("warning", message=plain(str(message)))

    with redirect_stderr(stream), warnings.catch_warnings():
        warnings.showwarning = warn
        yield
