"""The command `dnacse`: sequence files in, vectors out.

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

import torch
from tqdm.auto import tqdm
from transformers.utils import logging

from .checkpoints import first_line, load_checkpoint
from .embedding import BATCH_TOKENS, embed_blocks
from .labels import read_labelled
from .modeling_dnacse import DnacseModel
from .sequences import AlphabetCounts
from .vectors import open_writer

DTYPES = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a mistake of the user's is one sentence on stderr and exit code 2."""
    args = command_line().parse_args(arguments)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        args.run(args)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"dnacse {args.command}: error: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write(f"\ndnacse {args.command}: stopped; nothing was written\n")
        sys.exit(130)


def command_line() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser("dnacse", description="Species-aware vectors of DNA.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    embedding = commands.add_parser("embed", help="one vector for each sequence of a file", allow_abbrev=False)
    embedding.set_defaults(run=run_embed)
    embedding.add_argument("input", type=Path, help="FASTA, FASTQ, CSV or TSV, plain or .gz, or parquet")
    embedding.add_argument("-o", "--output", type=Path, required=True, help=".parquet, .npy or .safetensors")
    embedding.add_argument("--model", required=True, help="folder or Hub id of a DNACSE, DNABERT-2 or DNABERT-S model")
    embedding.add_argument(
        "--device", default="cuda" if torch.cuda.is_available() else "cpu", help="default: %(default)s"
    )
    embedding.add_argument(
        "--dtype", choices=DTYPES, default="float32", help="of the computation; default: %(default)s"
    )
    embedding.add_argument(
        "--batch_tokens", type=int, default=BATCH_TOKENS, help="tokens in a batch; default: %(default)s"
    )
    embedding.add_argument("--normalize", action="store_true", help="scale each vector to length 1")
    return parser


def check_device(name: str) -> None:
    """Try the device before hours are spent on reading.

    Raises:
        ValueError: torch does not know it or cannot use it here.
    """
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # AssertionError: a build without CUDA
        raise ValueError(f"--device {name} cannot be used here: {first_line(error)}") from error


def run_embed(args: argparse.Namespace) -> None:
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
                batch_tokens=args.batch_tokens,
                device=args.device,
                dtype=DTYPES[args.dtype],
                normalize=args.normalize,
                report=bar.update,
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


if __name__ == "__main__":
    main()
