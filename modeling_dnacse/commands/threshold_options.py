"""The options --threshold and --labelled of `dnacse cluster` and `dnacse bin`, and the threshold that they ask for."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..clustering.purposes import FIELDS, Purpose

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from ..clustering.entries import Listing
    from ..embedding.options import EmbedOptions


def add_threshold_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --threshold and --labelled."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--threshold",
        type=cosine,
        metavar="COSINE",
        help="least similarity of sequences in one group; default: the model's own",
    )
    either.add_argument(
        "--labelled",
        type=Path,
        metavar="FILE",
        help="sequences of known species, on which the threshold is chosen",
    )


def cosine(text: str) -> float:
    """Read a number from -1 to 1.

    >>> cosine("0.9")
    0.9
    """
    if not -1 <= float(text) <= 1:
        raise argparse.ArgumentTypeError(f"got {text}; a cosine is from -1 to 1")
    return float(text)


def threshold_from_options(
    args: argparse.Namespace,
    labelled: "Listing | None",
    purpose: Purpose,
    model: Any,
    tokenizer: "PreTrainedTokenizerBase",
    options: "EmbedOptions",
    shortest: int = 1,
) -> tuple[float, str]:
    """The threshold that --threshold, --labelled or the model gives, and a phrase that says where it comes from.

    Args:
        args: Options of `add_threshold_arguments` and `add_model_arguments`.
        labelled: The records of --labelled, if it is given.
        purpose: What the threshold is for.
        model: As in `embed`.
        tokenizer: The tokenizer of the model.
        options: How to embed labelled sequences.
        shortest: Least length of labelled sequences (bp).

    Raises:
        ValueError: neither the options nor the model give a threshold.
    """
    from ..clustering.thresholds import choose_threshold

    if args.threshold is not None:
        return args.threshold, "as given"
    if labelled is not None:
        return choose_threshold(labelled, purpose, model, tokenizer, options, shortest)
    field = FIELDS[purpose]
    own = getattr(model.config, field)
    if own is None:
        raise ValueError(
            f"{args.model} has no {field} in its config.json; give --threshold, or --labelled with "
            "sequences of known species to choose it on"
        )
    if options.dimensions is not None or options.both_strands not in (None, model.config.both_strands):
        raise ValueError(
            f"the {field} of {args.model} holds for its vectors as they are; with --dimensions or "
            "--both_strands give --threshold, or --labelled"
        )
    return own, f"the {field} of {args.model}"
