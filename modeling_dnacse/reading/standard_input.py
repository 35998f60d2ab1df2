"""Standard input in; a temporary file with its content out, since each command reads its input twice."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..machine.plain_messages import SHOWN_AS
from ..machine.scratch import scratch_folder


@contextmanager
def copy_of_standard_input() -> Iterator[Path]:
    """Copy standard input to a temporary file, which is removed when the block is left.

    Raises:
        ValueError: nothing is piped in, it is closed or empty, or several processes would have to share it.
    """
    if (world := os.environ.get("WORLD_SIZE", "1")) != "1":
        raise ValueError(
            f"several processes cannot read one standard input (WORLD_SIZE={world[:30]}); write it to a file first"
        )
    if sys.stdin is None:
        raise ValueError("the input is '-', but the standard input is closed; give a file, or pipe one in")
    if sys.stdin.isatty():
        raise ValueError("the input is '-', but nothing is piped in; give a file, or pipe: zcat IN.gz | dnacse ... -")
    with scratch_folder() as folder:
        path = folder / "standard_input"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        if not path.stat().st_size:
            raise ValueError("the input is '-', but the standard input is empty; pipe a file in")
        SHOWN_AS[str(path)] = "standard input"  # stays, for the error that ends the command
        yield path
