"""Embed the sequences of a file: one vector each, in their order.

    dnacse embed IN.fasta -o OUT.parquet --model FOLDER_OR_HUB_ID

The input is read twice: first to check and count every record, so that a mistake in line one million is told before
hours of computing, then to embed. Memory does not grow with the number of records, but for the check for repeated ids
(about 130 bytes a record).
"""

import argparse
import sys
import time
from itertools import islice, tee
from pathlib import Path

from tqdm.auto import tqdm

from .checkpoints import load_checkpoint
from .command_options import add_embedding_arguments, add_model_arguments, check_device, embedding_options
from .embedding import embed_blocks
from .labels import read_labelled
from .modeling_dnacse import DnacseModel
from .sequences import AlphabetCounts
from .vectors import open_writer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("input", type=Path, help="FASTA, FASTQ, CSV or TSV, plain or .gz, or parquet")
    add("-o", "--output", type=Path, required=True, help=".parquet, .npy or .safetensors")
    add_model_arguments(parser)
    add_embedding_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Check the input, embed it, and put the output in place."""
    check_device(args.device)
    if args.input.exists() and not args.input.is_file():
        raise ValueError(f"{args.input} is no regular file, and the input is read twice; write it to a file first")
    counts, ids_bytes = AlphabetCounts(), 0
    for record in read_labelled(args.input, counts=counts):
        ids_bytes += len(record["id"].encode())
    sys.stderr.write(f"{args.input}: {counts.summary()}\n")
    model, tokenizer = load_checkpoint(DnacseModel, args.model)
    writer = open_writer(args.output, counts.records, model.config.hidden_size, ids_bytes)
    started = time.perf_counter()
    try:
        records, again = tee(read_labelled(args.input))  # the two stay within one window of each other
        ids = (record["id"] for record in again)
        with tqdm(total=counts.records, unit="seq") as bar:
            for vectors in embed_blocks(
                model,
                tokenizer,
                (record["sequence"] for record in records),
                report=bar.update,
                **embedding_options(args),
            ):
                writer.write(list(islice(ids, len(vectors))), vectors)
        writer.finish()
    except BaseException:
        writer.discard()
        raise
    seconds = time.perf_counter() - started
    sys.stderr.write(
        f"{args.output}: {counts.records:,} vectors of {model.config.hidden_size} numbers; "
        f"{counts.bases:,} bp in {seconds:.1f} s, {counts.records / seconds:,.1f} sequences/s\n"
    )
