"""What the scripts of trainer/ share: a mistake of the user is one sentence on stderr and exit code 2."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
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


def refuse_given_twice(files: Sequence[str], harm: str) -> None:
    """Check that files of training data are not the same, under whatever names.

    Args:
        files: names of files and folders.
        harm: what would come of it.

    Raises:
        ValueError: two of them are.
    """
    from modeling_dnacse.machine.outputs import same_file  # here, since it loads the package

    for number, path in enumerate(files):
        if any(same_file(Path(path), Path(other)) for other in files[:number]):
            raise ValueError(f"{path} is given twice, and {harm}; give it once")


def run_command(
    run: Callable[[argparse.Namespace], None], options: argparse.Namespace, joins_files: bool = True
) -> None:
    """Run a script that reads `options.train_file`, files that must not change meanwhile.

    Its ValueError or OSError, and a full memory, are reported in one sentence, with exit code 2.

    Args:
        run: the script.
        options: its options.
        joins_files: whether it reads all files as one, so that each may be given once.
    """
    from modeling_dnacse.machine.plain_messages import sentence_of, what_is_full
    from modeling_dnacse.machine.signals import Stopped, unwinding_on_signals  # here, since it loads the package
    from modeling_dnacse.machine.stamps import unchanged

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logger = logging.getLogger(run.__module__)
    try:
        if joins_files:
            refuse_given_twice(options.train_file, "each of its records would count twice")
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
