"""What the studies share: their files are checked first, and a mistake is one sentence and exit code 2."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.data.splits import read_splits
from benchmarks.methods.method import Split
from modeling_dnacse.commands.options import parsed
from modeling_dnacse.machine.outputs import check_outputs, check_plain
from modeling_dnacse.machine.plain_messages import sentence_of
from modeling_dnacse.machine.stamps import unchanged


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
        with unchanged([data] if data.is_file() else []):
            study(options)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{Path(sys.argv[0]).name}: error: {sentence_of(error)}\n")
        return 2
    return 0


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
