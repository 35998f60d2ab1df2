"""Options that the commands share: the model, where it runs and how its input is batched."""

import argparse
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast

from ..loading.checkpoints import first_line
from ..loading.encoders import load_encoder

SHIPPED = Path(__file__).parents[1] / "dnacse-barcode-mini"  # what a command takes where no --model is given
SHIPPED_FOR_GENOMES = Path(__file__).parents[1] / "dnacse-genome-mini"  # what `dnacse bin` takes
# the autocast of each computation; int8 is the model's own (int8.py)
DTYPES = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16, "int8": None}
# of a vector with float32's, by autocast: what the tests hold a random model to. Measured on 200 barcodes of
# benchmarks/data/simulate.py, the shipped model on a CPU: 1 - 9e-6 in bfloat16, 1 - 2e-8 in float16, at worst
LEAST_COSINES = {"bfloat16": 0.9999, "float16": 0.99999}


def add_model_arguments(parser: argparse.ArgumentParser, shipped: Path = SHIPPED) -> None:
    """Add --model, by default `shipped`, --device, --dtype and --batch_tokens."""
    add = parser.add_argument
    add(
        "--model",
        default=str(shipped),
        help=f"folder or Hub id of a DNACSE, DNABERT-2 or DNABERT-S model; default: the shipped {shipped.name}",
    )
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="default: %(default)s")
    close = ", ".join(f"{dtype} {cosine}" for dtype, cosine in LEAST_COSINES.items())
    add(
        "--dtype",
        choices=DTYPES,
        default="float32",
        help=f"of the computation; int8 on CPU; least cosine with float32, as tested: {close}; default: %(default)s",
    )
    add("--batch_tokens", type=int, help="tokens in a batch, padding included; default: found for the device")


def add_embedding_arguments(parser: argparse.ArgumentParser) -> None:
    """Add, beside `add_model_arguments`, what shapes the vectors; `embedding_options` reads both."""
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
        help="cut longer sequences into windows of so many tokens; default: %(default)s (None: never)",
    )
    add("--overlap_tokens", type=int, default=0, help="tokens that neighbouring windows share; default: %(default)s")
    add("--dimensions", type=int, help="keep the first so many numbers of each vector; default: all")


def load_from_options(args: argparse.Namespace) -> tuple[Any, PreTrainedTokenizerFast]:
    """The encoder that --model, --device and --dtype name, and its tokenizer.

    Raises:
        ValueError: there is no such encoder, or it cannot be run there.
    """
    return load_encoder(args.model, args.device, int8=args.dtype == "int8")


def embedding_options(args: argparse.Namespace) -> dict[str, Any]:
    """The keyword arguments of `embed` and `embed_blocks` that the options give."""
    return {
        "batch_tokens": args.batch_tokens,
        "device": args.device,
        "dtype": DTYPES[args.dtype],
        "normalize": args.normalize,
        "both_strands": args.both_strands,
        "window_tokens": args.window_tokens,
        "overlap_tokens": args.overlap_tokens,
        "dimensions": args.dimensions,
    }


def check_device(name: str) -> None:
    """Try the device before hours are spent on reading.

    Raises:
        ValueError: torch does not know it or cannot use it here.
    """
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # AssertionError: a build without CUDA
        raise ValueError(f"--device {name} cannot be used here: {first_line(error)}") from error
