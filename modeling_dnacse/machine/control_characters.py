"""Text for tables in; the same text, or an error, out: no character of it breaks a line or a display."""

import unicodedata

_BREAKS = ("Cc", "Zl", "Zp")  # categories that end a line or a column, or control a terminal
_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")  # show the text after them in another order
CONTROLS = r"[\p{Cc}\p{Zl}\p{Zp}\x{202A}-\x{202E}\x{2066}-\x{2069}]"  # the same, for Arrow


def refuse_controls(place: str, text: str, what: str) -> None:
    """Refuse control characters in text that is written to tables.

    Args:
        place: The file, and the line or row.
        text: The text.
        what: What it is, in the message.

    Raises:
        ValueError: there is one.
    """
    if not text.isprintable() and (control := next(filter(is_control, text), "")):
        raise ValueError(f"{place}: control character {control!r} in {what}; remove it")


def without_controls(text: str) -> str:
    """The text, with a space in place of each control character.

    >>> without_controls("two\\tcolumns")
    'two columns'
    """
    return text if text.isprintable() else "".join(" " if is_control(mark) else mark for mark in text)


def is_control(character: str) -> bool:
    """Whether a character breaks a line or a column, controls a terminal, or turns the direction of text.

    >>> [is_control(mark) for mark in "a\\u00a0\\n\\x1b\\u202e"]
    [False, False, True, True, True]
    """
    return unicodedata.category(character) in _BREAKS or unicodedata.bidirectional(character) in _TURNS
