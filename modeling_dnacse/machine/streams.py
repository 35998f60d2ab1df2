"""Streams: outputs that cannot be renamed to, as the standard output and FIFOs; and standard error on a full disk."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

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
        drop(sys.stdout)
        raise
    except OSError as error:
        drop(sys.stdout)
        reason = error.strerror or error
        raise OSError(f"the standard output cannot be written ({reason}); make room, or write to a file") from error


def drop(stream: TextIO) -> None:
    """Let what is still buffered go nowhere; otherwise Python would fail once more at its end, with exit code 120."""
    with suppress(OSError):  # a stream in memory has no descriptor
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def tell(stream: TextIO, text: str) -> None:
    """Write to standard error; where its disk is full, this and what follows go nowhere, and no work ends for it.

    Raises:
        BrokenPipeError: its reader has ended.
    """
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError:
        drop(stream)
