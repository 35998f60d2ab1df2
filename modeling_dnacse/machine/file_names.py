"""The name of a file in, text that can be drawn and put into a table out; and what callers in Python give as names."""

import os
from pathlib import Path
from typing import Any


def text_of(name: str | Path) -> str:
    """Replace bytes that are no UTF-8, and control characters such as line ends, by the sign for unknown letters.

    >>> text_of("a\\tb.fasta"), text_of(os.fsdecode(b"a\\xff.fasta"))
    ('a\ufffdb.fasta', 'a\ufffd.fasta')
    """
    letters = os.fsencode(name).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in letters)


def given_path(path: Any) -> str:
    """The path that a caller in Python gives.

    Raises:
        ValueError: it is neither text nor a `Path`, or no file can have this name.

    >>> given_path(Path("a.fasta"))
    'a.fasta'
    """
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise ValueError(f"got {path!r:.60} as a path; give the name of a file or folder, as text or as a Path")
    if not text or "\0" in text:
        raise ValueError(f"got {text!r:.60} as a path; give the name of a file or folder")
    return text
