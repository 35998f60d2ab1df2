"""What the scripts of trainer/ share: a mistake of the user is one sentence on stderr and exit code 2."""

import argparse
import logging
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

INSTALL = "pip install -c constraints.txt -e '.[train]'"


def require(*modules: str) -> None:
    """Make sure that these modules can be imported; otherwise end the process with one sentence and exit code 2."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        sys.stderr.write(
            f"{Path(sys.argv[0]).name}: error: Python cannot find {', '.join(missing)}; install DNACSE with the extra "
            f"`train`, in its folder: {INSTALL}\n"
        )
        sys.exit(2)


def run_command(run: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> None:
    """Run a script; report its ValueError or OSError in one sentence and end with exit code 2."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        run(options)
    except (ValueError, OSError) as error:
        logging.getLogger(run.__module__).error("error: %s", error)
        sys.exit(2)
