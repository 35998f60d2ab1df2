"""Streams: outputs that cannot be renamed to, as the standard output and FIFOs; and standard error on a full disk."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

STDOUT = (Path("-"), Path("/dev/stdout"), Path("/dev/fd/1"), Path("/proc/self/fd/1"))


def is_stream(path: Path) -> bool:
    """Whether an output is the standard output (`-` or /dev/stdout) or a FIFO, which cannot be renamed to."""
    return path in STDOUT or path.is_fifo()


@contextmanager
def naming_standard_output() -> Iterator[None]:
    """Flush the standard output after what is written to it here, and name it in errors.

    Raises:
        OSError: it cannot be written.
        BrokenPipeError: its reader has ended, which is for `cli.py`.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        drop_standard_output()
        raise
    except OSError as error:
        drop_standard_output()
        reason = error.strerror or error
        raise OSError(f"the standard output cannot be written ({reason}); make room, or write to a file") from error


def drop_standard_output() -> None:
    """Let what is still buffered go nowhere; otherwise Python would fail once more at its end, with exit code 120."""
    with suppress(OSError):  # a stream in memory has no descriptor
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


class Unfailing:
    """Standard error, but where its disk is full, what is written goes nowhere, and no work ends for it."""

    def __init__(self, stream: TextIO) -> None:
        """Take the stream."""
        self.stream = stream

    def write(self, text: str) -> int:
        """Write text.

        Raises:
            BrokenPipeError: its reader has ended.
        """
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            raise
        except OSError:
            with suppress(OSError):  # a stream in memory has no descriptor
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
        return len(text)

    def __getattr__(self, name: str) -> Any:
        """Say whether it is a terminal, and so on, as the other stream does."""
        return getattr(self.stream, name)
