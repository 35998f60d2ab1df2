"""Choose a model's own similarity threshold on labelled sequences, and note it in its config.json.

    dnacse calibrate KNOWN.fasta --model FOLDER --for species

`dnacse cluster` takes that for species where none is given, `dnacse bin` that for bins. The labelled sequences should
be of species that the model was not trained on: those that it knows lie closer together than new ones do.
"""

import argparse
import json
import sys
from pathlib import Path

from ..clustering.thresholds import FIELDS, SHORTEST, WINDOW_TOKENS, choose_threshold
from ..machine.atomic import written_whole
from .options import DTYPES, add_model_arguments, check_device, load_from_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("input", type=Path, help="sequences of known species: FASTA, FASTQ, CSV or TSV, plain or .gz, or parquet")
    add("--split", help="use only the records whose split (a column, or split= in a header) is this")
    add("--for", dest="purpose", choices=FIELDS, required=True, help=f"bins: of contigs of at least {SHORTEST:,} bp")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Choose the threshold and note it, the rest of config.json as it was."""
    check_device(args.device)
    path = Path(args.model, "config.json")
    if not path.is_file():
        raise ValueError(f"there is no {path}; --model must be a folder here: download the model first")
    model, tokenizer = load_from_options(args)
    options = {"device": args.device, "dtype": DTYPES[args.dtype], "batch_tokens": args.batch_tokens}
    options |= {"window_tokens": WINDOW_TOKENS}  # longer than any barcode
    shortest = SHORTEST if args.purpose == "bins" else 1
    threshold, basis = choose_threshold(args.input, args.purpose, model, tokenizer, options, shortest, args.split)
    config = json.loads(path.read_text(encoding="utf-8")) | {FIELDS[args.purpose]: round(threshold, 4)}
    with written_whole(path) as hidden:
        hidden.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    sys.stderr.write(f"{path}: {FIELDS[args.purpose]} {threshold:.4f}, {basis}\n")
