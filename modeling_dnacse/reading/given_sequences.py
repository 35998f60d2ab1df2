"""What a caller gives as sequences in Python in; one text after the other out."""

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

SHOWN = 60  # letters of an entry that messages repeat


def each_sequence(given: Any) -> Iterator[str]:
    """Yield the entries of a list, an array, a column of a table or a generator of texts.

    Raises:
        ValueError: it is one text, a table, or has no order; or an entry is not text. The message gives its number.

    >>> list(each_sequence(["ACGT", "AC-GT"]))
    ['ACGT', 'AC-GT']
    """
    one = isinstance(given, str | bytes) or not isinstance(given, Iterable)
    if one or isinstance(given, Mapping | Set) or getattr(given, "ndim", 1) != 1:
        shape = getattr(given, "shape", None)
        what = type(given).__name__ + (f" of shape {shape}" if shape is not None else "")
        raise ValueError(f"got one {what} as sequences; give a list or a column of texts, such as [sequence]")
    for number, sequence in enumerate(given):
        if not isinstance(sequence, str):
            shown = f"{sequence!r:.{SHOWN}}"
            raise ValueError(
                f"sequence {number} is {shown}, which is not text; give sequences, without missing values"
            )
        yield sequence
