"""Options that the commands share: the model, its device, precision and batches, and what changes its vectors.

Nothing here imports torch before a command runs, so that --help and wrong arguments are answered at once.
"""

import argparse
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..loading.model_folders import SHIPPED, SHIPPED_FOR_GENOMES, shipped_by_name

__all__ = [
    "DTYPES",
    "LEAST_COSINES",
    "SHIPPED",
    "SHIPPED_FOR_GENOMES",
    "add_embedding_arguments",
    "add_model_arguments",
    "embed_options",
    "find_device",
    "load_from_options",
]

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedTokenizerFast

    from ..embedding.options import EmbedOptions
    from ..machine.processes import Process

# Least cosine between a vector under autocast and its float32 version, which the tests require of a random model. The
# shipped model comes closer on a CPU: at worst 1 - 9e-6 in bfloat16 and 1 - 2e-8 in float16, for 200 barcodes of
# benchmarks/data/simulate.py.
LEAST_COSINES = {"bfloat16": 0.9999, "float16": 0.99999}
DTYPES = ("float32", *LEAST_COSINES, "int8")


def between(least: float, most: float) -> "Callable[[str], Any]":
    """Make a reader of numbers from `least` to `most`, for argparse: of whole ones if `least` is whole.

    >>> between(1, 9)("4"), between(0.0, 1)("0.5")
    (4, 0.5)
    """
    kind = type(least)

    def number(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:  # NaN is not
            whole = "whole number" if kind is int else "number"
            raise argparse.ArgumentTypeError(f"{text[:100]!r} is no {whole} from {least} to {most}")
        return value

    return number


def at_least(least: int) -> "Callable[[str], int]":
    """Make a reader of whole numbers from `least` to 2**32 - 1, for argparse."""
    return between(least, 2**32 - 1)


def parsed(parser: argparse.ArgumentParser, arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse a command line, as `parser` does, without empty arguments."""
    return parser.parse_args([with_folder(argument) for argument in without_empty(parser, arguments)])


def with_folder(argument: str) -> str:
    """An argument; `./-` gets the path of the working folder, since `Path` would take it for `-`, a stream.

    >>> with_folder("-"), Path(with_folder("./-")) == Path.cwd() / "-"
    ('-', True)
    """
    if found := re.fullmatch(r"(--\w+=)?(\./+)+-", argument):
        with suppress(FileNotFoundError):  # the command says that there is no working folder
            return f"{found[1] or ''}{Path.cwd() / '-'}"
    return argument


def without_empty(parser: argparse.ArgumentParser, arguments: list[str] | None = None) -> list[str]:
    """The arguments; end the process if one is empty: as a path it would be the working folder."""
    given = sys.argv[1:] if arguments is None else arguments
    if empty := next((text for text in given if re.fullmatch(r"--\w+=", text)), None):
        parser.error(f"{empty} has no value; give one")
    if "" in given:
        parser.error("an argument is empty, as an unset variable of the shell makes it; give it a value")
    return given


def add_model_arguments(parser: argparse.ArgumentParser, shipped: Path | None = SHIPPED) -> None:
    """Add --model (default: `shipped`; None: the barcode model of the marker), --device, --dtype, --batch_tokens."""
    default = "the shipped model for the marker of the sequences" if shipped is None else f"the shipped {shipped.name}"
    add = parser.add_argument
    add(
        "--model",
        type=shipped_by_name,
        default=None if shipped is None else str(shipped),
        help=f"folder, Hub id, or name of a shipped model: DNACSE, DNABERT-2 or DNABERT-S; default: {default}",
    )
    add("--device", help="device to compute on, such as cpu or cuda:1; default: cuda if there is a GPU, else cpu")
    cosines = ", ".join(f"{dtype} {cosine}" for dtype, cosine in LEAST_COSINES.items())
    add(
        "--dtype",
        choices=DTYPES,
        default="float32",
        help="precision of the computation; int8 runs on a CPU only; default: %(default)s. Least cosine with float32 "
        f"in the tests: {cosines}",
    )
    add(
        "--batch_tokens",
        type=int,
        help="number of tokens in a batch, padding included; default: chosen for the device",
    )


def add_embedding_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that change vectors; `embed_options` reads them together with those of `add_model_arguments`."""
    add = parser.add_argument
    add("--normalize", action="store_true", help="scale each vector to length 1")
    add(
        "--both_strands",
        action=argparse.BooleanOptionalAction,
        help="average the vectors of a sequence and its reverse complement; default: as the model says",
    )
    add(
        "--window_tokens",
        type=int,
        help="cut longer sequences into windows of at most this many tokens; default: never",
    )
    add(
        "--overlap_tokens",
        type=int,
        default=0,
        help="number of tokens that neighbouring windows share; default: %(default)s",
    )
    add("--dimensions", type=int, help="number of leading dimensions to keep of each vector; default: all")


def add_force_argument(parser: argparse.ArgumentParser) -> None:
    """Add --force."""
    parser.add_argument("--force", action="store_true", help="replace any file that has the name of an output")


def check_device(name: str | None) -> None:
    """Check --device before files are read; torch is loaded only for a device that is not the CPU.

    Raises:
        ValueError: as `find_device`.
    """
    if name not in (None, "cpu"):
        find_device(name)


def find_device(name: str | None, process: "Process | None" = None) -> str:
    """The device of --device, or the default; of several processes, the device of this one.

    Raises:
        ValueError: torch does not know the device or cannot use it here.
    """
    import torch

    from ..embedding.given import check_device as check_usable

    name = name or ("cuda" if torch.cuda.is_available() else "cpu")
    if process is not None:
        name = process.device(name)
    check_usable(name, "--device")
    return name


def load_from_options(args: argparse.Namespace, device: str) -> "tuple[Any, PreTrainedTokenizerFast]":
    """Load the encoder that --model and --dtype name, and its tokenizer.

    Raises:
        ValueError: there is no such encoder, or the device cannot run it.
    """
    from ..loading.encoders import load_encoder

    return load_encoder(args.model, device, int8=args.dtype == "int8")


def embed_options(args: argparse.Namespace, device: str) -> "EmbedOptions":
    """The options of `add_model_arguments` and, if the command has them, of `add_embedding_arguments`, as one record.

    Raises:
        ValueError: one is out of its range.
    """
    import torch

    from ..embedding.options import EmbedOptions

    shaping = ("normalize", "both_strands", "window_tokens", "overlap_tokens", "dimensions")
    return EmbedOptions(
        batch_tokens=args.batch_tokens,
        device=device,
        dtype=getattr(torch, args.dtype) if args.dtype in LEAST_COSINES else None,  # int8 is the model's own
        **{name: getattr(args, name) for name in shaping if name in args},
    )
