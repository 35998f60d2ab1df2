"""Choose a model's own similarity threshold on labelled sequences, and write it into the model's config.json.

    dnacse calibrate KNOWN.fasta --model FOLDER --for species

FOLDER must be your own copy: the shipped models are refused, since all users of the installed package share them.

Without --threshold or --labelled, `dnacse cluster` uses the threshold for species where it compares vectors: with a
model without sites. `dnacse bin --method k_medoid` uses the one for bins.
The labelled sequences should be of species that the model was not trained on: sequences of its training species lie
closer together than others.
"""

import argparse
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..clustering.purposes import FIELDS, SHORTEST_CONTIG, WINDOW_TOKENS
from ..loading.model_folders import ALL_SHIPPED, CONFIG, check_model
from ..machine.outputs import check_outputs, check_plain, same_file
from .options import (
    add_model_arguments,
    check_device,
    embed_options,
    find_device,
    load_from_options,
)

if TYPE_CHECKING:
    from ..clustering.entries import Listing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("input", type=Path, help="sequences of known species: FASTA, FASTQ, CSV, TSV or parquet, plain or compressed")
    add("--split", help="use only the records of this split, given in a column split or as split= in headers")
    add(
        "--for",
        dest="purpose",
        choices=FIELDS,
        required=True,
        help=f"purpose of the threshold; for bins, contigs below {SHORTEST_CONTIG:,} bp are ignored",
    )
    add_model_arguments(parser)


def check(args: argparse.Namespace) -> "Listing":
    """Check that the model is the user's own, and read the input once."""
    from ..clustering.entries import list_entries

    model = Path(args.model)
    if any(same_file(model, shipped) for shipped in ALL_SHIPPED):
        raise ValueError(
            f"{args.model} is a model of the installed package, which all its users share; copy the folder, and give "
            "the copy as --model"
        )
    if not model.is_dir():
        raise ValueError(f"there is no folder {args.model}; --model must be a local folder: download the model first")
    check_plain([model])
    check_model(args.model)
    check_device(args.device)
    check_outputs([model / CONFIG], [args.input])
    if not (model / CONFIG).stat().st_mode & stat.S_IWUSR:
        raise ValueError(f"{model / CONFIG} is read-only; make it writable, or give a copy of the folder")
    return list_entries(args.input, args.split)


def run(args: argparse.Namespace, listing: "Listing") -> None:
    """Choose the threshold and write it; the rest of config.json stays as it is."""
    from ..clustering.thresholds import choose_threshold
    from ..identification.encoding import places
    from ..loading.config_values import change_config

    device, path = find_device(args.device), Path(args.model, CONFIG)
    options = replace(embed_options(args, device), window_tokens=WINDOW_TOKENS)  # windows are longer than any barcode
    model, tokenizer = load_from_options(args, device)
    shortest = SHORTEST_CONTIG if args.purpose == "bins" else 1
    threshold, origin = choose_threshold(listing, args.purpose, model, tokenizer, options, shortest)
    change_config(path, **{FIELDS[args.purpose]: round(threshold, 4)})  # another purpose may have been calibrated
    sys.stderr.write(f"{path}: {FIELDS[args.purpose]} {threshold:.4f}, {origin}\n")
    if args.purpose == "species" and places(model):
        sys.stderr.write(
            f"dnacse cluster compares sites with this model, and vectors only with --threshold {threshold:.4f}\n"
        )
