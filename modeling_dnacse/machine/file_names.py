"""The name of a file in, text that can be drawn and put into a table out."""

import os
from pathlib import Path


def text_of(name: str | Path) -> str:
    """Replace bytes that are no UTF-8, and control characters such as line ends, by the sign for unknown letters.

    >>> text_of("a\\tb.fasta"), text_of(os.fsdecode(b"a\\xff.fasta"))
    ('a\ufffdb.fasta', 'a\ufffd.fasta')
    """
    letters = os.fsencode(name).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in letters)
