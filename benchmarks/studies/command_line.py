"""What the studies share: their files are checked first, and a mistake is one sentence and exit code 2.

An output replaces nothing but an earlier one of the same study.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.data.splits import read_splits
from benchmarks.methods.method import Split
from modeling_dnacse.commands.drawing.pictures import check_plot
from modeling_dnacse.commands.options import parsed
from modeling_dnacse.machine.atomic import written_whole
from modeling_dnacse.machine.earlier_outputs import Recogniser, check_replaced
from modeling_dnacse.machine.json_files import read_object
from modeling_dnacse.machine.outputs import check_outputs, check_plain
from modeling_dnacse.machine.plain_messages import sentence_of
from modeling_dnacse.machine.stamps import unchanged


def run_study(
    study: Callable[[argparse.Namespace], None],
    parser: argparse.ArgumentParser,
    arguments: list[str] | None,
    is_earlier: Recogniser,
    source: str = "data",
) -> int:
    """Parse the command line and run a study.

    Args:
        study: What to run.
        parser: Of the command line, with --output; --plot and --model, one or several, if there are any.
        arguments: The command line; None: of this process.
        is_earlier: Whether a file at --output is an earlier result of the study.
        source: The option that names the data.

    Returns:
        The exit code.
    """
    options = parsed(parser, arguments)
    given, data = vars(options), Path(getattr(options, source))
    models = given.get("model") or []
    name = Path(sys.argv[0]).name
    try:
        check_plain([data])
        check_outputs([options.output, given.get("plot")], [data, *([models] if isinstance(models, str) else models)])
        check_replaced(options.output, is_earlier, f"a result of {name}", None)
        check_plot(given.get("plot"))
        with unchanged([data] if data.is_file() else []):
            study(options)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{name}: error: {sentence_of(error)}\n")
        return 2
    return 0


def has_keys(*keys: str) -> Recogniser:
    """Recognise a JSON object by keys that it has."""

    def is_earlier(path: Path) -> bool:
        return set(keys) <= object_in(path).keys()

    return is_earlier


def has_parts(*keys: str) -> Recogniser:
    """Recognise a JSON object by keys that all of its values have; notes, which are texts, may lie beside them."""

    def is_earlier(path: Path) -> bool:
        parts = [part for part in object_in(path).values() if not isinstance(part, str)]
        return bool(parts) and all(isinstance(part, dict) and set(keys) <= part.keys() for part in parts)

    return is_earlier


def object_in(path: Path) -> dict[str, Any]:
    """The object of a JSON file; an empty one where there is none."""
    try:
        return read_object(path, "")
    except ValueError:
        return {}


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
