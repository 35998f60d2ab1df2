"""Standard input in; a temporary file with its content out, since each command reads its input twice.

Wherever a command reads a file, `-` is the standard input. Several options may name it: a table of ASVs is queries and
counts.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..machine.atomic import naming_what_has_no_room
from ..machine.plain_messages import SHOWN_AS
from ..machine.scratch import scratch_folder

DASH = ("-", Path("-"))
READ = ("input", "reference", "taxonomy", "counts", "coverage", "add_to", "labelled", "labels", "calibrate_for")


def read_dashes(args: argparse.Namespace, stack: ExitStack) -> None:
    """Replace `-` among the files that a command reads, `READ`, by a copy of the standard input.

    Args:
        args: The options of the command.
        stack: Keeps the copy until it is left.

    Raises:
        ValueError: as `copy_of_standard_input`.
    """
    given = {name: value for name, value in vars(args).items() if name in READ}
    listed = {name: value if isinstance(value, list) else [value] for name, value in given.items()}
    if not any(path in DASH for paths in listed.values() for path in paths):
        return
    copy = stack.enter_context(copy_of_standard_input())
    for name, paths in listed.items():
        read = [type(path)(copy) if path in DASH else path for path in paths]
        setattr(args, name, read if isinstance(given[name], list) else read[0])


@contextmanager
def copy_of_standard_input() -> Iterator[Path]:
    """Copy standard input to a temporary file, which is removed when the block is left.

    Raises:
        OSError: the folder for temporary files has no room for it.
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
        with naming_what_has_no_room(folder.parent), path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        if not path.stat().st_size:
            raise ValueError("the input is '-', but the standard input is empty; pipe a file in")
        SHOWN_AS[str(path)] = "standard input"  # stays, for the error that ends the command
        yield path
