"""JSON files whose content tables and pictures show: a path in, an object with plain texts and finite numbers out."""

import sys
from pathlib import Path
from typing import Any

from modeling_dnacse.machine.json_files import read_object


def read_json(path: Path, remedy: str) -> dict[str, Any]:
    """Read a file that is shown in tables and pictures.

    Raises:
        ValueError: It holds no object; a number that is none or too large for a float; or a control character.
    """
    value = read_object(path, remedy)
    for leaf in leaves(value):
        if isinstance(leaf, int | float) and not abs(leaf) <= sys.float_info.max:  # NaN is not
            raise ValueError(f"{path} holds {str(leaf)[:20]} where a number belongs; {remedy}")
        if isinstance(leaf, str) and not leaf.isprintable():
            raise ValueError(f"{path} holds a control character in {leaf[:100]!r}; {remedy}")
    return value


def check_shown(name: str, remedy: str) -> None:
    """Check a name that is written to a result, before anything is computed.

    Raises:
        ValueError: `read_json` would refuse it.
    """
    if not name.isprintable():
        raise ValueError(f"the name {name[:100]!r} holds a control character, which tables cannot show; {remedy}")


def leaves(value: Any) -> list[Any]:
    """Collect every text, number and None in a nested value, keys included.

    >>> sorted(leaves({"a": [1, {"b": 2}]}), key=str)
    [1, 2, 'a', 'b']
    """
    found, left = [], [value]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            left += [*item, *item.values()]
        elif isinstance(item, list):
            left += item
        else:
            found.append(item)
    return found
