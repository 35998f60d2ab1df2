"""The command `dnacse`: sequence files in; vectors, names, clusters or bins out.

    dnacse embed IN.fasta -o OUT.parquet

Each command is a module with `add_arguments(parser)`, `check(args)` and `run(args, checked)`. `check` looks at files
and must not import torch, so that --help, --version and mistakes in arguments or files are reported at once; its
result is passed to `run`. A module whose `run` is None has done everything in `check`.
"""

import argparse
import os
import sys
from contextlib import ExitStack, redirect_stderr
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from .commands import adapt as adapt_command
from .commands import bin as bin_command
from .commands import calibrate as calibrate_command
from .commands import cluster as cluster_command
from .commands import embed as embed_command
from .commands import export as export_command
from .commands import identify as identify_command
from .commands import index as index_command
from .commands import info as info_command
from .commands import map as map_command
from .commands.drawing.pictures import colours_of_pages
from .commands.options import between, parsed
from .machine.json_logs import JsonLines, NamedJsonLines, json_on_stderr
from .machine.plain_messages import plain, plain_messages, sentence_of, what_is_full
from .machine.signals import READER_ENDED, Stopped, unwinding_on_signals
from .machine.streams import naming_standard_output
from .reading.standard_input import read_dashes

COMMANDS: dict[str, tuple[ModuleType, str]] = {
    "embed": (embed_command, "turn each sequence of a file into a vector"),
    "identify": (
        identify_command,
        "identify sequences with a labelled library, with probabilities, and find new species",
    ),
    "index": (index_command, "prepare a labelled library, so that identify opens it at once"),
    "cluster": (cluster_command, "group sequences into species-like clusters, without a library"),
    "bin": (bin_command, "group the contigs of a metagenome into genome bins"),
    "map": (map_command, "draw a map of sequences, as an interactive page or a picture"),
    "adapt": (adapt_command, "fit a model to your own marker, and compare it with 7-mers"),
    "calibrate": (calibrate_command, "choose a model's own similarity threshold for clusters or bins"),
    "export": (export_command, "write a model as an ONNX graph, and check the graph"),
    "info": (info_command, "show what a model was trained on, its markers, limits, results and licence"),
}
LONGEST_MESSAGE = 1000  # letters
MOST_THREADS = 1024  # OpenMP crashes when the system cannot start its threads
EPILOG = """
files:
  -    the standard input, wherever a file is read, or the standard output after -o; ./- is a file of that name

exit codes:
  0    done; all outputs are complete
  2    a mistake in options or files, reported in one sentence; no output was changed
  130  stopped by Ctrl-C; other signals: 128 plus their number. Nothing half-written is left

shell completion (pip install 'dnacse[completion]'):
  eval "$(register-python-argcomplete dnacse)"
"""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a mistake of the user is one sentence on stderr and exit code 2."""
    hold_standard_streams()
    given = sys.argv[1:] if arguments is None else arguments
    with plain_messages(given) as raw:
        try:
            run_command(arguments, raw)
        except KeyboardInterrupt:  # before the command is known
            sys.stderr.write("dnacse: stopped\n")
            sys.exit(130)


def run_command(arguments: list[str] | None, raw: TextIO) -> None:
    """Read the arguments, check them and run the command; `raw`: stderr, for JSON."""
    parser = command_line()
    if "_ARGCOMPLETE" in os.environ:  # the shell asks for completions
        from argcomplete import autocomplete

        autocomplete(parser)
    args = parsed(parser, arguments)
    errors = NamedJsonLines(raw, args.command) if args.json_logs else sys.stderr
    try:
        check_working_folder()
        with unwinding_on_signals(), ExitStack() as stack:
            if args.quiet:
                stack.enter_context(redirect_stderr(stack.enter_context(open(os.devnull, "w"))))  # noqa: PTH123
            elif isinstance(errors, JsonLines):
                stack.enter_context(json_on_stderr(errors))
            read_dashes(args, stack)
            checked = args.check(args)
            picture = args.plot if "plot" in args else args.output if "dark" in args else None
            stack.enter_context(colours_of_pages("dark" in args and args.dark, picture))
            if args.run is not None:
                prepare(args.threads)
                args.run(args, checked)
    except BrokenPipeError:  # `| head` has read enough
        sys.exit(READER_ENDED)
    except (ValueError, OSError) as error:
        report_end(errors, args.command, f"error: {sentence_of(error)}")
        sys.exit(2)
    except (MemoryError, RuntimeError) as error:
        if not (full := what_is_full(error)):
            raise
        remedy = "give it more, or fewer sequences at once; --batch_tokens 1024 needs less for networks"
        report_end(errors, args.command, f"error: {full}; {remedy}")
        sys.exit(2)
    except Stopped as stop:
        report_end(errors, args.command, f"stopped by {stop}; nothing half written is left")
        sys.exit(stop.code)
    except KeyboardInterrupt:
        report_end(errors, args.command, "stopped")
        sys.exit(130)


def check_working_folder() -> None:
    """Check that names of files have a folder to start from.

    Raises:
        ValueError: The working folder was removed.
    """
    try:
        Path.cwd()
    except FileNotFoundError:
        raise ValueError("the working folder has been removed; change to another one") from None


def hold_standard_streams() -> None:
    """Open the null device in place of standard streams that are closed.

    Otherwise the next file that is opened gets the number of standard error, and what a library writes there goes
    into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115


def report_end(stream: TextIO | JsonLines, command: str, why: str) -> None:
    """Say why a command ends before it is done, in one line whatever the names of files."""
    why = plain(why)
    why = "".join(letter if letter.isprintable() or "\udc80" <= letter <= "\udcff" else "?" for letter in why)
    why = why if len(why) <= LONGEST_MESSAGE else f"{why[: LONGEST_MESSAGE // 2]} ... {why[-LONGEST_MESSAGE // 2 :]}"
    if isinstance(stream, JsonLines):
        stream.report("error", message=why.removeprefix("error: "))
    else:
        stream.write(f"{'' if why.startswith('error') else chr(10)}dnacse {command}: {why}\n")


class Parser(argparse.ArgumentParser):
    """A parser that fails if its help cannot be written, where argparse says nothing."""

    def print_help(self, file: Any = None) -> None:
        """Write the help to standard output, or to another file."""
        if file is not None:
            return super().print_help(file)
        try:
            with naming_standard_output():
                sys.stdout.write(self.format_help())
        except BrokenPipeError:
            sys.exit(READER_ENDED)
        except OSError as error:
            self.exit(2, f"{self.prog}: error: {error}\n")


def command_line() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = Parser("dnacse", description="DNA embeddings that group by species.", allow_abbrev=False)
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--version", action="version", version=f"dnacse {installed_version()}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (module, purpose) in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=module.__doc__, allow_abbrev=False)
        command.formatter_class = argparse.RawDescriptionHelpFormatter
        module.add_arguments(command)
        command.add_argument(
            "--threads",
            type=between(1, MOST_THREADS),
            metavar="N",
            help="number of CPU threads; default: all available cores",
        )
        command.add_argument("--quiet", action="store_true", help="write nothing to stderr but errors")
        command.add_argument(
            "--json_logs", action="store_true", help="write messages and progress on stderr as JSON lines"
        )
        command.set_defaults(check=module.check, run=module.run)
    return parser


def installed_version() -> str:
    """The version of the installed package; a checkout that is not installed has none."""
    try:
        return version("dnacse")
    except PackageNotFoundError:
        return "of a checkout that is not installed"


def prepare(threads: int | None = None) -> None:
    """Load torch and transformers, set the CPU up, and keep transformers quiet.

    Args:
        threads: CPU threads for torch and for the tokenizer; None: as machine/cpu.py finds them.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # modeling_dnacse/machine/cpu.py says why
    if threads is not None:
        os.environ |= {"OMP_NUM_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}
    from transformers.utils import logging

    from .machine.cpu import prepare_cpu

    prepare_cpu(threads)
    logging.set_verbosity_error()
    logging.disable_progress_bar()


if __name__ == "__main__":
    main()
