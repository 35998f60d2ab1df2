"""A JSON file from any source in; the object in it, or a clear error, out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def read_object(path: Path, remedy: str) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Args:
        path: The file.
        remedy: What the user should do about an error.

    Raises:
        ValueError: It holds no object, or cannot be read.
    """
    if path.exists() and not path.is_file() and not path.is_dir():  # a FIFO would be waited for
        raise ValueError(f"{path} is no regular file; {remedy}")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; {remedy}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: no JSON ({error}); {remedy}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path}: a JSON {type(value).__name__} where an object belongs; {remedy}")
    return value


@contextmanager
def naming(path: Path, remedy: str) -> Iterator[None]:
    """Turn any error that the content of a file causes into one sentence that names the file, with a remedy.

    Raises:
        ValueError: there was an error.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, StopIteration) as error:
        if str(error).startswith(str(path)):
            raise
        reason = (str(error).splitlines() or [""])[0][:100]
        raise ValueError(f"{path} holds other values than this package writes ({reason}); {remedy}") from None
