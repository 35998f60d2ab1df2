"""Embed the sequences of a file: one vector for each, in the order of the file.

    dnacse embed IN.fasta -o OUT.parquet
    torchrun --nproc_per_node 8 -m modeling_dnacse.cli embed IN.fasta -o FOLDER/

The input is read twice: first to check and count the records, then to embed them. So a mistake in line one million is
reported before hours of computing. Memory does not grow with the number of records, except for at most 64 bytes per
record to find repeated ids. The outputs .npz (arrays of NumPy) and .h5ad (AnnData for scanpy) are exceptions: they are
built in memory. They also hold the names of the records at each rank.

If the output is a folder, one or many processes write shards into it. If some processes are stopped or lost, run the
same command again: it makes the missing shards. Several machines need to share only the input and the folder. On the
second of two machines with 8 devices each:

    torchrun --nnodes 2 --node_rank 1 --nproc_per_node 8 --master_addr FIRST -m modeling_dnacse.cli embed ...

torchrun stops all processes when one fails. To let the others go on, start one process for each device, with
RANK=0..15, WORLD_SIZE=16 and LOCAL_RANK=0..7 in its environment; under Slurm:

    RANK=$SLURM_PROCID WORLD_SIZE=$SLURM_NTASKS LOCAL_RANK=$SLURM_LOCALID dnacse embed ...
"""

import argparse
import sys
import time
from importlib.util import find_spec
from itertools import islice, tee
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..loading.model_folders import check_model
from ..machine.atomic import naming_what_has_no_room
from ..machine.earlier_outputs import check_replaced
from ..machine.outputs import check_folder, check_outputs, check_plain
from ..machine.streams import is_stream
from ..vectors.earlier_files import is_earlier
from ..vectors.formats import LONGEST_TEXT, OUTPUT_DTYPES, SHARD_RECORDS, SUFFIXES, WHOLE, files_beside
from .options import (
    add_embedding_arguments,
    add_force_argument,
    add_model_arguments,
    check_device,
    embed_options,
    find_device,
    load_from_options,
)

if TYPE_CHECKING:
    from ..reading.rereading import RecordFile
    from ..reading.sequences import AlphabetCounts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add(
        "input",
        type=Path,
        help="sequences: FASTA, FASTQ, CSV, TSV, .qza or parquet, plain or compressed; - reads standard input",
    )
    add(
        "-o",
        "--output",
        required=True,
        help="file to write: .parquet, .npy, .safetensors, .npz or .h5ad (AnnData); or a folder: no suffix, or / at "
        "the end",
    )
    add_model_arguments(parser)
    add_embedding_arguments(parser)
    add_force_argument(parser)
    add(
        "--output_dtype",
        choices=OUTPUT_DTYPES,
        default="float32",
        help="type of the stored numbers; default: %(default)s",
    )
    add("--shard_records", type=int, help=f"records in a shard of an output folder; default: {SHARD_RECORDS:,}")


class EmbedInput(NamedTuple):
    """What the first reading of the input found."""

    file: "RecordFile"
    counts: "AlphabetCounts"
    ids_bytes: int  # of all ids in UTF-8
    names: dict[str, list[str]]  # of all records at each rank; only for files that hold them
    ends: list[tuple[str, str]]  # first and last id of each shard


def check(args: argparse.Namespace) -> EmbedInput:
    """Check the output and the model's files, and read the input once."""
    from ..reading.label_policy import RANK_ORDER
    from ..reading.rereading import RecordFile
    from ..reading.sequences import AlphabetCounts

    output, inputs = Path(args.output), (args.input, args.model)
    if args.shard_records is not None and args.shard_records < 1:
        raise ValueError(f"--shard_records is {args.shard_records}; it must be at least 1")
    if is_stream(output):
        raise ValueError(f"{output}: vectors cannot be written to a stream; give the name of a file or folder")
    if args.shard_records is not None and not writes_shards(args):
        raise ValueError(
            f"{output} is one file, and --shard_records is for a folder of shards; omit it, or write to a folder: "
            "-o FOLDER/"
        )
    args.shard_records = args.shard_records or SHARD_RECORDS
    if writes_shards(args):
        check_plain(inputs)
        check_folder(output, inputs, suffixes=(".parquet",))
    elif output.suffix in WHOLE:
        if output.suffix == ".h5ad" and find_spec("anndata") is None:
            raise ValueError(f"{output} needs anndata, which is not installed: pip install 'dnacse[anndata]'")
        check_outputs([output], inputs)
        check_replaced(output, is_earlier, f"a {output.suffix} file of vectors alone", args.force)
        if args.output_dtype != "float32":
            raise ValueError(
                f"{output} holds float32; --output_dtype {args.output_dtype} is for {', '.join(SUFFIXES)} and folders"
            )
    elif output.suffix not in SUFFIXES:
        known = ", ".join((*SUFFIXES, *WHOLE))
        raise ValueError(f'{output}: the suffix "{output.suffix}" is unknown; write to {known}, or a folder')
    else:
        beside = files_beside(output)
        check_outputs([output, *beside], inputs)
        check_replaced(output, is_earlier, f"a {output.suffix} file of vectors", args.force)
        stray = next((path for path in beside if path.exists() and not output.exists()), None)
        if stray and not args.force:
            raise ValueError(
                f"{stray} exists without {output}, and the command would replace it; move it away, give the output "
                "another name, or add --force"
            )
    check_model(args.model)
    check_device(args.device)
    file, counts, ids_bytes = RecordFile(args.input), AlphabetCounts(), 0
    labels, ends = [], []
    for number, record in enumerate(file.read(counts)):
        if not record.sequence.strip("N"):
            raise ValueError(f"{args.input}: record {record.id!r} holds nothing but N, so it has no vector; remove it")
        ids_bytes += len(record.id.encode())
        if not number % args.shard_records:
            ends.append((record.id, record.id))
        ends[-1] = (ends[-1][0], record.id)
        if output.suffix in WHOLE:
            labels.append(record.labels)
        if output.suffix == ".npz":
            check_length(output, record.id, *record.labels.values())
    ranks = [rank for rank in RANK_ORDER if any(rank in one for one in labels)]
    return EmbedInput(file, counts, ids_bytes, {rank: [one.get(rank, "") for one in labels] for rank in ranks}, ends)


def check_length(output: Path, *texts: str) -> None:
    """Check that an id and names are short enough for .npz, which gives each the room of the longest.

    Raises:
        ValueError: one is too long.
    """
    longest = max(texts, key=len)
    if len(longest) > LONGEST_TEXT:
        raise ValueError(
            f"{output}: an id or name has {len(longest):,} letters ({longest[:30]!r}...), and .npz would give all as "
            f"much room; shorten it to {LONGEST_TEXT:,}, or write to .parquet"
        )


def writes_shards(args: argparse.Namespace) -> bool:
    """Whether the output is a folder of shards."""
    return args.output.endswith("/") or Path(args.output).is_dir() or not Path(args.output).suffix


def run(args: argparse.Namespace, first: EmbedInput) -> None:
    """Embed the input, and put the output in place."""
    from ..embedding.embed import embed_blocks
    from ..machine.processes import Process
    from ..machine.progress import progress_bar
    from ..vectors.files import open_writer
    from ..vectors.shards import MANIFEST, ShardWriter
    from ..vectors.whole_files import WholeFile
    from .embed_run import describe_run

    process, output = Process.current(), Path(args.output)
    device = find_device(args.device, process)
    process.take_share(device)
    in_shards = writes_shards(args)
    if process.world > 1 and not in_shards:
        raise ValueError(f"{process.world} processes cannot write one file, {output}; give a folder: -o FOLDER/")
    options = embed_options(args, device)

    counts = first.counts
    if process.rank == 0:
        sys.stderr.write(f"{args.input}: {counts.summary()}\n")
    model, tokenizer = load_from_options(args, device)
    width = options.vector_width(model)
    with naming_what_has_no_room(output):
        records = first.file.read()
        if in_shards:
            first.file.check()  # its digest would wait for a FIFO that took its place
            run_record = describe_run(args, options, counts.records)
            layout = (counts.records, width, args.output_dtype, args.shard_records)
            writer = ShardWriter(output, run_record, *layout, process, first.file.check, first.ends)
            records, rows = writer.select(records), writer.rows
        elif output.suffix in WHOLE:
            rows = counts.records
            writer = WholeFile(output, rows, width, first.names)
        else:
            rows = counts.records
            writer = open_writer(output, rows, width, first.ids_bytes, args.output_dtype)

        started = time.perf_counter()
        try:
            records, again = tee(records)  # the two stay within two blocks of each other
            ids = (record.id for record in again)
            with progress_bar(rows, quiet=process.rank > 0) as bar:
                sequences = (record.sequence for record in records)
                for vectors in embed_blocks(model, tokenizer, sequences, options, report=bar.update):
                    writer.write(list(islice(ids, len(vectors))), vectors)
            writer.finish()
        except BaseException:
            writer.discard()
            raise
    seconds = max(time.perf_counter() - started, 1e-6)  # a clock may stand still
    who = f"process {process.rank} of {process.world}: " if process.world > 1 else ""
    complete = not in_shards or (output / MANIFEST).exists()
    sys.stderr.write(
        f"{who}{args.output}: {rows:,} vectors of {width} numbers in {seconds:.1f} s, "
        f"{rows / seconds:,.1f} sequences/s; {'complete' if complete else 'other shards are not there yet'}\n"
    )
