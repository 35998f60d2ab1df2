"""What the studies share: their files are checked first, and a mistake is one sentence and exit code 2."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.data.splits import read_splits
from benchmarks.methods.method import Split
from modeling_dnacse.commands.options import parsed
from modeling_dnacse.machine.atomic import written_whole
from modeling_dnacse.machine.outputs import check_outputs, check_plain, check_replaced, head, holds_near_start
from modeling_dnacse.machine.plain_messages import sentence_of
from modeling_dnacse.machine.stamps import unchanged

MARKS = (b'"device": ', b'"runs": ', b'"queries_per_second": ')  # near the start of the JSON of a study
PNG = b"\x89PNG"


def run_study(
    study: Callable[[argparse.Namespace], None],
    parser: argparse.ArgumentParser,
    arguments: list[str] | None,
    source: str = "data",
) -> int:
    """Parse the command line and run a study.

    Args:
        study: What to run.
        parser: Of the command line, with --output; --plot and --model, one or several, if there are any.
        arguments: The command line; None: of this process.
        source: The option that names the data.

    Returns:
        The exit code.
    """
    options = parsed(parser, arguments)
    given, data = vars(options), Path(getattr(options, source))
    models = given.get("model") or []
    try:
        check_plain([data])
        check_outputs([options.output, given.get("plot")], [data, *([models] if isinstance(models, str) else models)])
        check_replaced(options.output, is_study, "the JSON of a study", None)
        check_replaced(given.get("plot"), holds_near_start(PNG), "a PNG picture", None)
        with unchanged([data] if data.is_file() else []):
            study(options)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{Path(sys.argv[0]).name}: error: {sentence_of(error)}\n")
        return 2
    return 0


def is_study(path: Path) -> bool:
    """Whether a file begins as the JSON of a study."""
    start = head(path)
    return start.startswith(b"{") and any(mark in start for mark in MARKS)


def write_whole(value: dict[str, Any], path: Path) -> None:
    """Write JSON in one line and one step, since its lists are long."""
    with written_whole(path) as hidden:
        hidden.write_text(json.dumps(value) + "\n")


def splits_of(data: str, *names: str) -> dict[str, Split]:
    """Read the splits of a labelled source that a study needs.

    Raises:
        ValueError: One is missing, or the source cannot be read.
    """
    splits = read_splits(data)
    for name in names:
        if name not in splits:
            there = ", ".join(sorted(splits)) or "none"
            raise ValueError(f"{data} has no record of the split {name}, only of {there}; check its column split")
    return splits
