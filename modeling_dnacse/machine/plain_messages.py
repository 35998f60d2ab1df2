"""Text for standard error in, the same text without control characters and without endless words out.

What a command writes there holds names of files and arguments, which may come from a stranger: a control character
could move the cursor, or recolour or hide lines of the terminal.
"""

import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from typing import Any, TextIO

from .streams import Unfailing

LONGEST_WORD, SHOWN = 255, 100  # letters: the longest name of a file; what stays at both ends of a longer word
SHOWN_AS: dict[str, str] = {}  # path of a temporary file, or a long or strange argument -> what messages show of it
NO_THREAD = "can't start new thread"  # the memory is full, or the processes of the user are limited
LAYOUT = "\n\r\t"  # lines, and the progress bars that return to the start of one
UPWARDS = r"(\x1b\[A)+"  # the cursor
NO_LAYOUT = dict.fromkeys(map(ord, LAYOUT), "?")


def plain(text: str) -> str:
    r"""Replace control characters by question marks, and cut long words in their middle.

    Bytes of a name that are no UTF-8 become escapes, as Python writes them to standard error.

    >>> plain("e\x1b[31mvil\n"), plain("n\udcff"), len(plain("--" + "Q" * 3000))
    ('e?[31mvil\n', 'n\\udcff', 203)
    """
    for path, known in SHOWN_AS.items():
        text = text.replace(path, known)
    if not text.isprintable():
        text = "".join(letter if shows(letter) else "?" for letter in text).encode(errors="backslashreplace").decode()
    return re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda word: f"{word[0][:SHOWN]}...{word[0][-SHOWN:]}", text)


def shown_arguments(arguments: Sequence[str]) -> dict[str, str]:
    """What messages show of long arguments, and of those that would break a message into lines.

    >>> shown_arguments(["embed", "a\\nb.fasta", "--model=c\\nd/"])
    {'a\\nb.fasta': 'a?b.fasta', 'c\\nd': 'c?d'}
    """
    shown = {text: f"{text[:SHOWN]}...{text[-SHOWN:]}" for text in arguments if len(text) > LONGEST_WORD}
    names = [text.partition("=")[2] if text.startswith("--") else text for text in arguments]
    names = [name.strip().rstrip("/") for name in names]  # as a path shows itself; a line may end after it
    return shown | {name: name.translate(NO_LAYOUT) for name in names if any(letter in name for letter in LAYOUT)}


def sentence_of(error: Exception) -> str:
    """What an error says; an error of the system is told with its file and a remedy, and without its number.

    >>> sentence_of(OSError(36, "File name too long", "x.npy"))
    'x.npy: File name too long; check this path and its disk, or give another one'
    """
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    if error.filename is None:
        return f"{error.strerror}; check the disks of the files that are read and written"
    return f"{error.filename}: {error.strerror}; check this path and its disk, or give another one"


def what_is_full(error: Exception) -> str:
    """What an error of Python, of numpy, or of torch on any device says about memory; "" for other errors.

    >>> what_is_full(MemoryError()), what_is_full(RuntimeError("CUDA out of memory")), what_is_full(ValueError())
    ('the memory is full', 'the memory is full', '')
    """
    said = str(error).lower()
    if NO_THREAD in said:
        return "no more threads can be started"
    full = isinstance(error, MemoryError) or "can't allocate memory" in said or "out of memory" in said
    return "the memory is full" if full else ""


def shows(letter: str) -> bool:
    """Whether a letter may be written to a terminal as it is."""
    return letter.isprintable() or letter in LAYOUT or "\udc80" <= letter <= "\udcff"


class PlainStream:
    """A stream that writes plain text to another one, and is like it in all else."""

    def __init__(self, stream: TextIO) -> None:
        """Take the stream that receives the text."""
        self.stream = stream

    def write(self, text: str) -> int:
        """Write plain text; tqdm's way to an upper bar, which it writes alone, is not of a name."""
        self.stream.write(text if re.fullmatch(UPWARDS, text) else plain(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several plain texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        """Flush, say whether it is a terminal, and so on, as the other stream does."""
        return getattr(self.stream, name)


def one_line(message: Warning | str, *_: Any) -> str:
    """A warning without the line of code that gave it."""
    return f"warning: {message}\n"


@contextmanager
def plain_messages(arguments: Sequence[str] | None = None) -> Iterator[TextIO | Any]:
    """Keep what is written to standard error plain, in this context or in the function that it decorates.

    Args:
        arguments: Of the command; None: of this process. Where messages repeat them, long ones are cut, also if they
            hold blanks, and line feeds in them become question marks.

    Yields:
        Standard error as it was, for who writes plain text anyway; None where it is closed.
    """
    former = sys.stderr
    if former is None or isinstance(former, PlainStream):
        yield getattr(former, "stream", None)
        return
    known = shown_arguments(sys.argv[1:] if arguments is None else arguments)
    SHOWN_AS.update(known)
    format_before, warnings.formatwarning = warnings.formatwarning, one_line
    unfailing: Any = Unfailing(former)
    try:
        with redirect_stderr(PlainStream(unfailing)):  # pyright: ignore[reportArgumentType]
            yield unfailing
    finally:
        warnings.formatwarning = format_before
        for text in known:
            SHOWN_AS.pop(text, None)
