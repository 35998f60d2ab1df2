"""The command `dnacse`: sequence files in; vectors, names, clusters or bins out.

    dnacse embed IN.fasta -o OUT.parquet

Each command is a module with `add_arguments(parser)` and `run(args)`; here is what they share.
"""

import argparse
import sys
from types import ModuleType

from transformers.utils import logging

from .commands import bin as bin_command
from .commands import calibrate as calibrate_command
from .commands import cluster as cluster_command
from .commands import embed as embed_command
from .commands import export as export_command
from .commands import identify as identify_command
from .machine.cpu import prepare_cpu

COMMANDS: dict[str, tuple[ModuleType, str]] = {
    "embed": (embed_command, "one vector for each sequence of a file"),
    "identify": (identify_command, "species of sequences after a labelled library, how sure, and what is new"),
    "cluster": (cluster_command, "species-like clusters of sequences, without names"),
    "bin": (bin_command, "genome bins of a metagenome's contigs"),
    "calibrate": (calibrate_command, "find a model's own threshold for clusters or bins"),
    "export": (export_command, "the model as an ONNX graph, checked"),
}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a mistake of the user's is one sentence on stderr and exit code 2."""
    args = command_line().parse_args(arguments)
    prepare_cpu()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        args.run(args)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"dnacse {args.command}: error: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write(f"\ndnacse {args.command}: stopped\n")
        sys.exit(130)


def command_line() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser("dnacse", description="Species-aware vectors of DNA.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (module, purpose) in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=module.__doc__, allow_abbrev=False)
        command.formatter_class = argparse.RawDescriptionHelpFormatter
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    main()
