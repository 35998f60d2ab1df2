"""Sort the contigs of a metagenome into genome bins.

    dnacse bin CONTIGS.fasta -o DIR
    dnacse bin CONTIGS.fasta -o DIR --labelled KNOWN.fasta --plot bins.png

The greedy K-medoid of DNABERT-S (see binning.py): contigs are alike when their similarity reaches a threshold, which
is --threshold; or comes from the contigs of --labelled, genomes whose species are known, best not those that the model
was trained on; or else is the model's own. Bins are numbered by their bp, the largest first.

DIR, which must not exist yet, gets bin_1.fasta, bin_2.fasta, ...; unbinned.fasta, the contigs in no bin and those
shorter than --min_length; and bins.tsv, the contigs in bins in CAMI's binning format, which AMBER reads. Sequences are
written as they were understood: upper-case, ambiguous bases as N.

A contig of more than --window_tokens (2048 where not given, about 10 kb) is the average of its windows.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from ..clustering.entries import Entry, embed_entries, list_entries
from ..clustering.k_medoid import k_medoid
from ..clustering.thresholds import FEWEST, SHORTEST, WINDOW_TOKENS, add_threshold_arguments, find_threshold
from ..machine.atomic import check_writable, written_whole
from ..reading.labels import read_labelled
from .cluster_pictures import draw_bins
from .options import (
    SHIPPED_FOR_GENOMES,
    add_embedding_arguments,
    add_model_arguments,
    check_device,
    embedding_options,
    load_from_options,
)
from .pictures import check_plot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("input", type=Path, help="contigs: FASTA, FASTQ, CSV or TSV, plain or .gz, or parquet")
    add("-o", "--output", type=Path, required=True, help="folder to make")
    add(
        "--min_length", type=int, default=SHORTEST, metavar="BP", help="shorter contigs stay out; default: %(default)s"
    )
    add("--min_contigs", type=int, default=FEWEST, metavar="N", help="fewest of a bin; default: %(default)s")
    add("--plot", type=Path, metavar="FILE", help="picture of the bins' sizes: .png, .svg or .pdf")
    add_threshold_arguments(parser)
    add_model_arguments(parser, SHIPPED_FOR_GENOMES)
    add_embedding_arguments(parser)
    parser.set_defaults(window_tokens=WINDOW_TOKENS)


def run(args: argparse.Namespace) -> None:
    """Check everything, embed, bin, and put the folder in place."""
    check_device(args.device)
    if args.output.exists():
        raise ValueError(f"{args.output} exists; give a folder that does not, or remove it")
    check_writable(args.output, args.plot)
    check_plot(args.plot)
    entries = list_entries(args.input)
    long = np.array([entry.bp >= args.min_length for entry in entries])
    if not long.any():
        raise ValueError(
            f"{args.input}: none of {len(entries):,} contigs has {args.min_length:,} bp, the longest "
            f"{max(entry.bp for entry in entries):,}; give longer ones, or lower --min_length"
        )
    model, tokenizer = load_from_options(args)
    options = embedding_options(args)
    threshold, basis = find_threshold(args, "bins", model, tokenizer, options, args.min_length)
    sys.stderr.write(f"similarity {threshold:.4f}, {basis}\n")
    vectors = embed_entries(args.input, long, model, tokenizer, options)
    bins = np.full(len(entries), -1)
    bins[long] = k_medoid(vectors, threshold, args.min_contigs)
    bp = np.array([entry.bp for entry in entries])
    bins = by_size(bins, bp)
    if args.plot:
        draw_bins(args.plot, bins, bp)
    with written_whole(args.output) as folder:
        folder.mkdir()
        write_table(folder / "bins.tsv", args.input.name, entries, bins)
        write_bins(folder, args.input, bins)
    inside = bins > 0
    sys.stderr.write(
        f"{args.output}: {max(bins.max(), 0):,} bins of {int(inside.sum()):,} contigs, {bp[inside].sum():,} bp; "
        f"{int((~inside).sum()):,} contigs in none, {bp[~inside].sum():,} bp, of which {int((~long).sum()):,} are "
        f"shorter than {args.min_length:,} bp\n"
    )


def by_size(bins: np.ndarray, bp: np.ndarray) -> np.ndarray:
    """Number bins from 1, the one of most bp first: (n,) with -1 for in none, (n,) -> (n,).

    >>> by_size(np.array([1, 2, -1, 2]), np.array([5, 3, 9, 3])).tolist()
    [2, 1, -1, 1]
    """
    numbers, members = np.unique(bins[bins > 0], return_inverse=True)
    order = np.argsort(-np.bincount(members, bp[bins > 0], len(numbers)), kind="stable")
    numbered = np.full(len(bins), -1)
    numbered[bins > 0] = np.argsort(order)[members] + 1
    return numbered


def write_table(path: Path, sample: str, entries: list[Entry], bins: np.ndarray) -> None:
    """Write which contig is in which bin, as CAMI's tools read it."""
    with path.open("w", encoding="utf-8") as file:
        file.write(f"@Version:0.9.1\n@SampleID:{sample}\n@@SEQUENCEID\tBINID\t_LENGTH\n")
        for entry, number in zip(entries, bins.tolist(), strict=True):
            if number > 0:
                file.write(f"{entry.id}\tbin_{number}\t{entry.bp}\n")


def write_bins(folder: Path, source: Path, bins: np.ndarray) -> None:
    """Write the contigs of each bin as FASTA, reading them again; files are opened one by one, as bins may be many."""
    (folder / "unbinned.fasta").touch()
    for record, number in zip(read_labelled(source), bins.tolist(), strict=True):
        name = f"bin_{number}.fasta" if number > 0 else "unbinned.fasta"
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(f">{record['id']}\n{record['sequence']}\n")
