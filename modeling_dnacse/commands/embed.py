"""Embed the sequences of a file: one vector each, in the order of the file.

    dnacse embed IN.fasta -o OUT.parquet
    torchrun --nproc_per_node 8 -m modeling_dnacse.cli embed IN.fasta -o FOLDER/

The input is read twice: first to check and count the records, so that a mistake in line one million is reported before
hours of computing, then to embed them. Memory does not grow with the number of records, except for at most 64 bytes a
record to find repeated ids.

Into a folder, one or many processes write shards. If some are stopped or lost, run the same command again: it makes
the shards that are missing. Several machines need only see the input and the folder. On the second of two machines
with 8 devices each:

    torchrun --nnodes 2 --node_rank 1 --nproc_per_node 8 --master_addr FIRST -m modeling_dnacse.cli embed ...

torchrun stops all processes when one fails. To let the others go on, start one process for each device, with
RANK=0..15, WORLD_SIZE=16 and LOCAL_RANK=0..7 in its environment; under Slurm:

    RANK=$SLURM_PROCID WORLD_SIZE=$SLURM_NTASKS LOCAL_RANK=$SLURM_LOCALID dnacse embed ...
"""

import argparse
import sys
import time
from itertools import islice, tee
from pathlib import Path

from ..vectors.formats import OUTPUT_DTYPES, SHARD_RECORDS
from .options import add_embedding_arguments, add_model_arguments, embed_options, find_device, load_from_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("input", type=Path, help="FASTA, FASTQ, CSV, TSV, .qza or parquet, also compressed; - is standard input")
    add("-o", "--output", required=True, help=".parquet, .npy, .safetensors, or a folder (no suffix, or a last /)")
    add_model_arguments(parser)
    add_embedding_arguments(parser)
    add(
        "--output_dtype",
        choices=OUTPUT_DTYPES,
        default="float32",
        help="of the stored numbers; default: %(default)s",
    )
    add("--shard_records", type=int, default=SHARD_RECORDS, help="records in a shard; default: %(default)s")


def run(args: argparse.Namespace) -> None:
    """Check the input, embed it, and put the output in place."""
    from tqdm.auto import tqdm

    from ..embedding.embed import embed_blocks
    from ..machine.processes import Process
    from ..reading.labels import read_labelled
    from ..reading.sequences import AlphabetCounts
    from ..vectors.files import open_writer
    from ..vectors.shards import MANIFEST, ShardWriter
    from .embed_run import describe_run

    process, output = Process.current(), Path(args.output)
    device = find_device(args.device, process)
    process.take_share(device)
    if args.input.exists() and not args.input.is_file():
        raise ValueError(f"{args.input} is no regular file, and the input is read twice; write it to a file first")
    if args.shard_records < 1:
        raise ValueError(f"--shard_records is {args.shard_records}; it must be at least 1")
    in_shards = args.output.endswith("/") or output.is_dir() or not output.suffix
    if process.world > 1 and not in_shards:
        raise ValueError(f"{process.world} processes cannot write one file, {output}; give a folder: -o FOLDER/")
    options = embed_options(args, device)

    counts, ids_bytes = AlphabetCounts(), 0
    for record in read_labelled(args.input, counts=counts):
        ids_bytes += len(record["id"].encode())
    if process.rank == 0:
        sys.stderr.write(f"{args.input}: {counts.summary()}\n")
    model, tokenizer = load_from_options(args, device)
    width = options.vector_width(model)
    records = read_labelled(args.input)
    if in_shards:
        run_record = describe_run(args, options, counts.records)
        writer = ShardWriter(output, run_record, counts.records, width, args.output_dtype, args.shard_records, process)
        records, rows = writer.select(records), writer.rows
    else:
        writer, rows = open_writer(output, counts.records, width, ids_bytes, args.output_dtype), counts.records

    started = time.perf_counter()
    try:
        records, again = tee(records)  # the two stay within two blocks of each other
        ids = (record["id"] for record in again)
        with tqdm(total=rows, unit="seq", disable=process.rank > 0) as bar:
            sequences = (record["sequence"] for record in records)
            for vectors in embed_blocks(model, tokenizer, sequences, options, report=bar.update):
                writer.write(list(islice(ids, len(vectors))), vectors)
        writer.finish()
    except BaseException:
        writer.discard()
        raise
    seconds = time.perf_counter() - started
    who = f"process {process.rank} of {process.world}: " if process.world > 1 else ""
    complete = not in_shards or (output / MANIFEST).exists()
    sys.stderr.write(
        f"{who}{args.output}: {rows:,} vectors of {width} numbers in {seconds:.1f} s, "
        f"{rows / seconds:,.1f} sequences/s; {'complete' if complete else 'other shards are not there yet'}\n"
    )
