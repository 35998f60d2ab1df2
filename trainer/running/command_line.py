"""What the small scripts share: arguments in, their work done; a mistake of the user is one sentence and status 2."""

import argparse
import logging
import sys
from collections.abc import Callable


def run_command(run: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> None:
    """Run a script; its ValueError or OSError is told in one sentence, and the process ends with status 2."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        run(options)
    except (ValueError, OSError) as error:
        logging.getLogger(run.__module__).error("error: %s", error)
        sys.exit(2)
