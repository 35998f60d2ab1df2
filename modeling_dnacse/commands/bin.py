"""Sort the contigs of a metagenome into genome bins.

    dnacse bin CONTIGS.fasta -o DIR
    dnacse bin CONTIGS.fasta -o DIR --coverage DEPTHS.tsv --plot bins.png

Bins are communities of the graph that joins each contig to its nearest contigs. The number of genomes need not be
known, and there is no threshold to choose. --coverage takes tables of coverm contig, jgi_summarize_bam_contig_depths
or strobealign --aemb (no header; one per sample). The format is recognised by the first line. Contigs with different
depths are then less similar. More in docs/bin.md.

--method k_medoid is the greedy K-medoid clustering of DNABERT-S. It counts two contigs as neighbours when their
similarity reaches a threshold: --threshold, or one chosen on the contigs of --labelled, or else the model's own.
The species of --labelled are known, and should not be species that the model was trained on.

The folder DIR must not exist yet. It gets
- bin_1.fasta, bin_2.fasta, ...: the bins, the one with most bp first;
- unbinned.fasta: the contigs in no bin, and those shorter than --min_length;
- bins.tsv: the bin of each binned contig, in CAMI's binning format, which AMBER reads;
- contigs2bin.tsv: the same without header and lengths, in the format of DAS_Tool;
- sizes.tsv: contigs, bp, N50 and longest contig of each bin, and its consistency: the share of its contigs'
  nearest neighbours that are in the bin, weighted by bp. Check a bin with less than about 0.8.
Sequences are written in upper case, with ambiguous bases as N.

A contig with more than --window_tokens (default: 2048, about 10 kb) is embedded in windows, and its vector is their
mean.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..clustering.purposes import FEWEST_CONTIGS, SHORTEST_CONTIG, WINDOW_TOKENS
from ..loading.model_folders import check_model
from ..machine.file_names import text_of
from ..machine.outputs import check_new_folder, check_outputs, lies_in
from .drawing.pictures import add_dark_argument, check_plot
from .options import (
    SHIPPED_FOR_GENOMES,
    add_embedding_arguments,
    add_model_arguments,
    at_least,
    check_device,
    embed_options,
    find_device,
    load_from_options,
)
from .threshold_options import add_threshold_arguments, threshold_from_options

if TYPE_CHECKING:
    import numpy as np

    from ..clustering.entries import Entry, Listing

REMEDIES = {  # if no bin was found
    "communities": "genomes may have too few contigs: lower --min_contigs or --min_length",
    "k_medoid": "short contigs are less similar: lower --threshold, or leave --method out",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("input", type=Path, help="contigs: FASTA, FASTQ, CSV or TSV, plain or .gz, or parquet")
    add("-o", "--output", type=Path, required=True, help="folder to create")
    add(
        "--min_length",
        type=at_least(1),
        default=SHORTEST_CONTIG,
        metavar="BP",
        help="do not bin contigs shorter than this; default: %(default)s",
    )
    add(
        "--min_contigs",
        type=at_least(1),
        default=FEWEST_CONTIGS,
        metavar="N",
        help="fewest contigs of a bin; default: %(default)s",
    )
    add(
        "--method",
        choices=("communities", "k_medoid"),
        default="communities",
        help="binning method; default: %(default)s",
    )
    add(
        "--coverage",
        type=Path,
        nargs="+",
        metavar="TABLE",
        help="tables with the depth of each contig in one or more samples; for --method communities",
    )
    add(
        "--sample_id", type=sample_id, metavar="NAME", help="name of the sample in bins.tsv; default: the input's name"
    )
    add("--plot", type=Path, metavar="FILE", help="draw the sizes of the bins: .png, .svg or .pdf")
    add_dark_argument(parser)
    add_threshold_arguments(parser)
    add_model_arguments(parser, SHIPPED_FOR_GENOMES)
    add_embedding_arguments(parser)
    parser.set_defaults(window_tokens=WINDOW_TOKENS)


def sample_id(text: str) -> str:
    """Read a name that fits into a line of CAMI's table.

    >>> sample_id("marine_1")
    'marine_1'
    """
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError(f"got {text!r}; the name of a sample is one line of printable characters")
    return text.strip()


def check(args: argparse.Namespace) -> "tuple[Listing, Listing | None, np.ndarray | None]":
    """Check the options, the outputs and the model's files, and read the inputs once."""
    from ..clustering.entries import check_fasta_ids, list_entries
    from ..reading.coverage_tables import read_depths, telling_samples

    if args.method != "k_medoid" and (args.threshold is not None or args.labelled is not None):
        raise ValueError(
            "--threshold and --labelled are for --method k_medoid, and --method communities needs no threshold; add "
            "--method k_medoid, or leave them out"
        )
    if args.method == "k_medoid" and args.coverage:
        raise ValueError("--coverage is for --method communities; leave --coverage or --method out")
    inputs = (args.input, args.labelled, args.model, *(args.coverage or ()))
    check_new_folder(args.output, inputs)
    check_outputs((args.plot,) if args.output.is_dir() else (args.output, args.plot), inputs)  # it may be empty
    if args.plot is not None and lies_in(args.plot, args.output):
        raise ValueError(f"{args.plot} would lie in {args.output}, the folder to create; give another place")
    check_plot(args.plot)
    check_model(args.model)
    check_device(args.device)
    labelled = None if args.labelled is None else list_entries(args.labelled)
    listing = list_entries(args.input)
    check_fasta_ids(listing, args.output)
    longest = max(entry.bp for entry in listing.entries)
    if longest < args.min_length:
        raise ValueError(
            f"{args.input}: none of {len(listing.entries):,} contigs has {args.min_length:,} bp, the longest "
            f"{longest:,}; give longer ones, or lower --min_length"
        )
    depths = None
    if args.coverage:
        long = [entry for entry in listing.entries if entry.bp >= args.min_length]
        depths, samples = read_depths(args.coverage, [entry.id for entry in long], [entry.bp for entry in long])
        kept, others = telling_samples(depths, samples)
        depths = depths[:, kept] if kept else None
        told = ", ".join(samples[column] for column in kept) or "none is compared"
        sys.stderr.write(f"depths in {len(kept):,} sample{'s' * (len(kept) != 1)}: {told}\n")
        if others:
            sys.stderr.write(f"left out, since they tell nothing more: {'; '.join(others)}\n")
    return listing, labelled, depths


def run(args: argparse.Namespace, checked: "tuple[Listing, Listing | None, np.ndarray | None]") -> None:
    """Make the folder of bins; its name is locked meanwhile."""
    from ..machine.atomic import all_or_none, written_whole

    with all_or_none(), written_whole(args.output) as folder:
        report = make_bins(args, checked, folder)
    sys.stderr.write(report)


def make_bins(
    args: argparse.Namespace, checked: "tuple[Listing, Listing | None, np.ndarray | None]", folder: Path
) -> str:
    """Embed, bin, and write to a new folder; return the line that reports it."""
    import numpy as np

    from ..clustering.communities import consistency
    from ..clustering.depths import scale_depths
    from ..clustering.entries import embed_entries
    from ..clustering.k_medoid import k_medoid
    from .bin_files import number_by_size, write_bins, write_contigs2bin, write_sizes, write_table
    from .drawing.cluster_pictures import draw_bins

    device = find_device(args.device)
    options = embed_options(args, device)
    listing, labelled, depths = checked
    entries = listing.entries
    long = np.array([entry.bp >= args.min_length for entry in entries])
    model, tokenizer = load_from_options(args, device)
    threshold = None
    if args.method == "k_medoid":
        threshold, origin = threshold_from_options(args, labelled, "bins", model, tokenizer, options, args.min_length)
        sys.stderr.write(f"similarity {threshold:.4f}, {origin}\n")
    vectors = embed_entries(listing, long, model, tokenizer, options)
    if depths is not None:
        depths = scale_depths(vectors, depths)
    bins = np.full(len(entries), -1)
    if threshold is None:
        bins[long] = communities_in_any_order(
            vectors, depths, [entry for entry in entries if entry.bp >= args.min_length], args.min_contigs
        )
    else:
        bins[long] = k_medoid(vectors, threshold, args.min_contigs)
    inside_share = np.zeros(len(entries))
    inside_share[long] = consistency(vectors, depths, bins[long])
    bp = np.array([entry.bp for entry in entries])
    bins = number_by_size(bins, bp)
    if args.plot:
        draw_bins(args.plot, bins, bp)
    folder.mkdir()
    write_table(folder / "bins.tsv", args.sample_id or text_of(args.input.name), entries, bins)
    write_contigs2bin(folder / "contigs2bin.tsv", entries, bins)
    write_sizes(folder / "sizes.tsv", bins, bp, inside_share)
    write_bins(folder, listing.file, bins)
    inside = bins > 0
    report = (
        f"{args.output}: {max(bins.max(), 0):,} bins of {int(inside.sum()):,} contigs, {bp[inside].sum():,} bp; "
        f"{int((~inside).sum()):,} contigs in no bin, {bp[~inside].sum():,} bp, of which {int((~long).sum()):,} are "
        f"shorter than {args.min_length:,} bp\n"
    )
    if not inside.any():
        report += f"no bin has {args.min_contigs:,} contigs; {REMEDIES[args.method]}\n"
    return report


def communities_in_any_order(
    vectors: "np.ndarray", depths: "np.ndarray | None", entries: "list[Entry]", min_contigs: int
) -> "np.ndarray":
    """Communities of contigs (n,), -1 for none; neither their order nor a large `min_contigs` changes those found.

    The Louvain method goes through contigs in their order, so they are sorted. Communities of fewer than twice the
    least size are not divided, so with more than FEWEST_CONTIGS genomes would stay together; small bins go afterwards.
    """
    import numpy as np

    from ..clustering.communities import communities

    order = sorted(range(len(entries)), key=lambda row: (-entries[row].bp, entries[row].id))
    bins = np.empty(len(entries), np.int64)
    bins[order] = communities(
        vectors[order], None if depths is None else depths[order], min(min_contigs, FEWEST_CONTIGS)
    )
    bins[np.isin(bins, np.flatnonzero(np.bincount(np.maximum(bins, 0)) < min_contigs))] = -1
    return bins
