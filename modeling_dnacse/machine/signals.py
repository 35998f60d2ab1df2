"""Signals that end a process, such as SIGINT and SIGTERM, become an exception, so that partial files are removed."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from .streams import naming_standard_output

READER_ENDED = 141  # 128 + SIGPIPE, as shells give it to programs whose reader has ended
NAMES = ("SIGINT", "SIGTERM")
if sys.platform != "win32":
    NAMES += ("SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGXCPU")  # SIGUSR1: Slurm's --signal; SIGXCPU: ulimit -t


class Stopped(KeyboardInterrupt):
    """A signal asked the process to end. Libraries that handle Ctrl-C handle it in the same way."""

    def __init__(self, number: int) -> None:
        """Take the signal's number."""
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number  # the exit code, as shells give it


@contextmanager
def unwinding_on_signals() -> Iterator[None]:
    """Raise `Stopped` in the main thread at the first of the signals; later ones wait until the block is left.

    A signal that is ignored, such as SIGHUP under nohup, stays ignored. Python drops an exception that is raised in a
    finaliser or in a callback of C, as while numba compiles; then the signal is sent again.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {name: signal.getsignal(getattr(signal, name)) for name in NAMES}
    former = {getattr(signal, name): handler for name, handler in former.items() if handler is not signal.SIG_IGN}
    hook = sys.unraisablehook

    def stop(number: int, _: FrameType | None) -> None:
        for each in former:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    def send_again(dropped: Any) -> None:
        if not isinstance(dropped.exc_value, Stopped):
            hook(dropped)
            return
        number = dropped.exc_value.code - 128
        signal.signal(number, stop)
        threading.Timer(0.01, os.kill, (os.getpid(), number)).start()

    for number in former:
        signal.signal(number, stop)
    sys.unraisablehook = send_again
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Let one of the signals end a script in one sentence, when what it was writing is removed.

    So does a standard output that is full. A reader of it that has ended, as with `| head`, ends the script silently.
    """
    name = Path(sys.argv[0]).name
    try:
        with unwinding_on_signals():
            yield
        with naming_standard_output():  # which flushes it
            pass
    except Stopped as stop:
        sys.stderr.write(f"{name}: stopped by {stop}\n")
        sys.exit(stop.code)  # as shells give it
    except BrokenPipeError:
        sys.exit(READER_ENDED)
    except OSError as error:
        sys.stderr.write(f"{name}: {error}\n")
        sys.exit(2)
