"""Write a Markdown table from rows of cells."""

from collections.abc import Iterable, Sequence


def markdown(heads: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Write headings and rows of cells as a table.

    >>> markdown(["way", "wall, s"], [["vsearch", "8.2"]]).splitlines()
    ['| way | wall, s |', '|---|---|', '| vsearch | 8.2 |']
    """
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *(f"| {' | '.join(cells)} |" for cells in rows)])
