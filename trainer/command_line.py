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
    """Run a script that reads `options.train_file`, files that must not change meanwhile.

    Its ValueError or OSError, and a full memory, are reported in one sentence, with exit code 2.
    """
    from modeling_dnacse.machine.plain_messages import sentence_of, what_is_full
    from modeling_dnacse.machine.signals import Stopped, unwinding_on_signals  # here, since it loads the package
    from modeling_dnacse.machine.stamps import unchanged

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logger = logging.getLogger(run.__module__)
    try:
        with unwinding_on_signals(), unchanged(map(Path, options.train_file)):
            run(options)
    except (ValueError, OSError) as error:
        logger.error("error: %s", sentence_of(error))
        sys.exit(2)
    except (MemoryError, RuntimeError) as error:
        if not (full := what_is_full(error)):
            raise
        logger.error("error: %s; give it more, or fewer sequences", full)
        sys.exit(2)
    except Stopped as stop:
        logger.error("stopped by %s; nothing half written is left", stop)
        sys.exit(stop.code)
