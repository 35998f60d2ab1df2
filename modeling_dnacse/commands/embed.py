"""Embed the sequences of a file: one vector each, in their order.

    dnacse embed IN.fasta -o OUT.parquet
    torchrun --nproc_per_node 8 -m modeling_dnacse.cli embed IN.fasta -o FOLDER/

The input is read twice: first to check and count every record, so that a mistake in line one million is told before
hours of computing, then to embed. Memory does not grow with the number of records, but for the check for repeated ids
(at most 64 bytes a record).

Into a folder, one process or many write shards, and the same command again goes on where they were stopped or lost.
Several machines need only see the input and the folder; on the second of two with 8 devices each:

    torchrun --nnodes 2 --node_rank 1 --nproc_per_node 8 --master_addr FIRST -m modeling_dnacse.cli embed ...

or, where nothing may fail with another, one process a device with the environment RANK=0..15 WORLD_SIZE=16
LOCAL_RANK=0..7, as under Slurm: RANK=$SLURM_PROCID WORLD_SIZE=$SLURM_NTASKS LOCAL_RANK=$SLURM_LOCALID dnacse embed ...
"""

import argparse
import hashlib
import sys
import time
from itertools import islice, tee
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm
from transformers.utils.hub import cached_file

from ..embedding.embed import embed_blocks, vector_width
from ..machine.processes import Process
from ..machine.provenance import sha256_of
from ..reading.labels import read_labelled
from ..reading.sequences import AlphabetCounts
from ..vectors.files import open_writer
from ..vectors.precision import OUTPUT_DTYPES
from ..vectors.shards import MANIFEST, SHARD_RECORDS, ShardWriter
from .options import (
    add_embedding_arguments,
    add_model_arguments,
    check_device,
    embedding_options,
    load_from_options,
)

BATCHING = ("batch_tokens", "device")  # these change a vector by rounding only


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("input", type=Path, help="FASTA, FASTQ, CSV or TSV, plain or .gz, or parquet")
    add("-o", "--output", required=True, help=".parquet, .npy, .safetensors, or a folder (no suffix, or a last /)")
    add_model_arguments(parser)
    add_embedding_arguments(parser)
    add("--output_dtype", choices=OUTPUT_DTYPES, default="float32", help="of what is stored; default: %(default)s")
    add(
        "--shard_records", type=int, default=SHARD_RECORDS, help="records in a shard of a folder; default: %(default)s"
    )


def run(args: argparse.Namespace) -> None:
    """Check the input, embed it, and put the output in place."""
    process, output = Process.current(), Path(args.output)
    args.device = process.device(args.device)
    check_device(args.device)
    process.take_share(args.device)
    if args.input.exists() and not args.input.is_file():
        raise ValueError(f"{args.input} is no regular file, and the input is read twice; write it to a file first")
    if args.shard_records < 1:
        raise ValueError(f"--shard_records is {args.shard_records}; it must be at least 1")
    in_shards = args.output.endswith("/") or output.is_dir() or not output.suffix
    if process.world > 1 and not in_shards:
        raise ValueError(f"{process.world} processes cannot write one file, {output}; give a folder: -o FOLDER/")

    counts, ids_bytes = AlphabetCounts(), 0
    for record in read_labelled(args.input, counts=counts):
        ids_bytes += len(record["id"].encode())
    if process.rank == 0:
        sys.stderr.write(f"{args.input}: {counts.summary()}\n")
    model, tokenizer = load_from_options(args)
    options = embedding_options(args)
    width = vector_width(model, args.dimensions)
    records = read_labelled(args.input)
    if in_shards:
        facts = described(args, options, counts.records)
        writer = ShardWriter(output, facts, counts.records, width, args.output_dtype, args.shard_records, process)
        records, rows = writer.select(records), writer.rows
    else:
        writer, rows = open_writer(output, counts.records, width, ids_bytes, args.output_dtype), counts.records

    started = time.perf_counter()
    try:
        records, again = tee(records)  # the two stay within two blocks of each other
        ids = (record["id"] for record in again)
        with tqdm(total=rows, unit="seq", disable=process.rank > 0) as bar:
            sequences = (record["sequence"] for record in records)
            for vectors in embed_blocks(model, tokenizer, sequences, report=bar.update, **options):
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


def described(args: argparse.Namespace, options: dict[str, Any], records: int) -> dict[str, Any]:
    """What the vectors depend on, as a folder of shards tells it."""
    shaping = {name: value for name, value in options.items() if name not in BATCHING}
    return {
        "input": {"name": str(args.input), "sha256": sha256_of(args.input), "records": records},
        "model": {"name": args.model, "digest": model_digest(args.model)},
        "options": shaping
        | {"dtype": args.dtype, "output_dtype": args.output_dtype, "shard_records": args.shard_records},
    }


def model_digest(name: str) -> str:
    """The commit of a Hub model, or the SHA-256 of the lines that sha256sum writes of a folder's model files."""
    folder = Path(cached_file(name, "tokenizer.json") or name).parent
    if folder.parent.name == "snapshots":
        return f"commit {folder.name}"
    suffixes = (".json", ".safetensors", ".bin", ".onnx", ".data")
    files = sorted(path for path in folder.iterdir() if path.suffix in suffixes)
    return hashlib.sha256("".join(f"{sha256_of(path)}  {path.name}\n" for path in files).encode()).hexdigest()
