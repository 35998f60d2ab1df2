"""Group sequences into species-like clusters, without names: which barcodes belong together.

    dnacse cluster IN.fasta -o OUT.tsv
    dnacse cluster IN.fasta -o OUT.uc --format uc --representatives OTUS.fasta
    dnacse cluster IN.fasta -o OUT.tsv --identity 0.97 --plot clusters.png
    dnacse cluster MORE.fasta -o OUT2.tsv --add_to OUT.tsv

The shipped models align each sequence to the sites of its marker. Sequences are then compared over the sites that both
cover, on either strand. So fragments cluster with the whole barcodes that they were cut from. The tree of average
linkage is cut into the clusters that most probably contain one species each. The model estimates this probability from
distances, from the barcode gap, and from how much species of the group vary. --identity sets one identity for all
groups instead. A sequence that is not of the model's marker becomes a cluster of its own. More in docs/cluster.md.

If most sequences are not of the model's marker, all are compared by the 7-mers that they share, and clusters end at
the barcode gap of the sample, or at --identity. Fragments cluster with whole sequences here, too.

Models without sites, --threshold, --labelled and options that change vectors compare vectors by their cosine. Two
clusters merge while the average similarity between their members reaches a threshold: --threshold, or the one whose
clusters agree best with the species of --labelled, or else the model's own. The species of --labelled should not be
species that the model was trained on. Sequences should be of one region: a fragment has another vector than the whole.

The table has one line per sequence, in the order of the input: id, cluster (c1 is the largest), size of the cluster,
similarity to its representative, and id of the representative. The similarity is the identity over shared sites (empty
if none are shared), the identity estimated from 7-mers, or a cosine. The representative is the most abundant sequence
(;size= in the headers); among equally abundant ones, the nearest to all sequences of its cluster. --format uc writes
the table of vsearch --uc. With --add_to CLUSTERS, an earlier table, IN contains the sequences of that table and new
ones, and clusters keep their names.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..loading.model_folders import check_model
from ..machine.atomic import all_or_none
from ..machine.earlier_outputs import check_replaced, has_lines, holds_near_start
from ..machine.outputs import check_outputs, check_uncompressed
from .drawing.pictures import add_dark_argument, check_plot
from .options import (
    add_embedding_arguments,
    add_force_argument,
    add_model_arguments,
    check_device,
    embed_options,
    find_device,
    load_from_options,
)
from .threshold_options import add_threshold_arguments

if TYPE_CHECKING:
    from ..clustering.entries import Listing

EARLIER = {  # format -> how an earlier output is recognised
    "tsv": holds_near_start(b"id\tcluster\tsize\tsimilarity\trepresentative\n"),
    "uc": has_lines(*[r"[SHC]\t\d+\t\d+\t[\d.*]+\t[-+*]\t[0*]\t[0*]\t\*\t[^\t]+\t[^\t]+"] * 2),
}
REPRESENTATIVES = has_lines(r">.* cluster=\S.* size=\d+", r">.* cluster=\S.* size=\d+|[A-Z]+")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("input", type=Path, help="FASTA, FASTQ, CSV or TSV, plain or .gz, or parquet")
    add("-o", "--output", type=Path, required=True, help="file to write")
    add("--format", choices=("tsv", "uc"), default="tsv", help="format of the output; default: %(default)s")
    add(
        "--representatives",
        type=Path,
        metavar="FASTA",
        help="write the representative of each cluster, the largest cluster first",
    )
    add(
        "--identity",
        type=identity,
        metavar="SHARE",
        help="average identity at which clusters merge, 0.8 to below 1; default: chosen by group or by sample",
    )
    add(
        "--add_to",
        type=Path,
        metavar="CLUSTERS",
        help="an earlier table of this command: clusters of its sequences keep their names",
    )
    add("--plot", type=Path, metavar="FILE", help="draw sizes and similarities: .png, .svg or .pdf")
    add_dark_argument(parser)
    add_threshold_arguments(parser)
    add_model_arguments(parser, None)
    add_embedding_arguments(parser)
    add_force_argument(parser)


def identity(text: str) -> float:
    """Read a share of equal bases.

    >>> identity("0.98")
    0.98
    """
    if not 0.8 <= float(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text}; an identity is a share from 0.8 to below 1")
    return float(text)


def check(args: argparse.Namespace) -> "tuple[Listing, Listing | None, dict[str, str] | None]":
    """Check the options, the outputs and the model's files, and read the input, --labelled and --add_to once."""
    from ..clustering.entries import check_fasta_ids, list_entries
    from ..clustering.stable_names import read_clusters

    inputs = (args.input, args.labelled, args.model, args.add_to)
    check_outputs((args.output, args.representatives, args.plot), inputs)
    check_uncompressed((args.output, args.representatives))
    check_replaced(args.output, EARLIER[args.format], f"clusters as {args.format}", args.force)
    check_replaced(args.representatives, REPRESENTATIVES, "FASTA of representatives", args.force)
    check_plot(args.plot, args.force)
    check_model(args.model)
    check_device(args.device)
    if args.identity is not None and needs_vectors(args):
        raise ValueError(
            "--identity compares bases, but --threshold, --labelled and options that change vectors compare "
            "vectors; give one or the other"
        )
    if args.add_to is not None and args.format != "tsv":
        raise ValueError(f"--add_to keeps names, but --format {args.format} has only numbers; give one or the other")
    earlier = None if args.add_to is None else read_clusters(args.add_to)
    labelled = None if args.labelled is None else list_entries(args.labelled)
    listing = list_entries(args.input)
    if args.representatives:
        check_fasta_ids(listing, args.representatives)
    return listing, labelled, earlier


def needs_vectors(args: argparse.Namespace) -> bool:
    """Whether an option applies to vectors only."""
    changed = args.dimensions is not None or args.window_tokens is not None or args.both_strands is not None
    return args.threshold is not None or args.labelled is not None or changed


def run(args: argparse.Namespace, checked: "tuple[Listing, Listing | None, dict[str, str] | None]") -> None:
    """Cluster, put the outputs in place, and say what they hold."""
    with all_or_none():
        report = make_clusters(args, checked)
    sys.stderr.write(report)


def make_clusters(args: argparse.Namespace, checked: "tuple[Listing, Listing | None, dict[str, str] | None]") -> str:
    """Cluster, and write the outputs; return the line that reports them."""
    import numpy as np

    from ..clustering.stable_names import name_clusters
    from ..vectors.model_choice import choose_model
    from .cluster_files import FORMATS, write_representatives
    from .cluster_routes import group_by_sites, group_by_vectors

    device = find_device(args.device)
    options = embed_options(args, device)
    listing, labelled, earlier = checked
    entries = listing.entries
    args.model = choose_model(
        args.model,
        lambda: (record.sequence for record in listing.file.read()),
        lambda line: sys.stderr.write(line + "\n"),
    )
    model, tokenizer = load_from_options(args, device)
    found = None
    sites = getattr(model, "sites", None)
    if sites is not None and sites.can_place and not needs_vectors(args):
        found = group_by_sites(args, listing, model.to(device).eval(), tokenizer)
    if found is None and args.identity is not None:
        raise ValueError(
            f"--identity compares barcodes, and {args.model} has no sites, or most sequences are of more than "
            "3,000 bp; give a model of their marker (dnacse adapt makes one), or --threshold"
        )
    if found is None:
        found = group_by_vectors(args, listing, labelled, model, tokenizer, options)
    names = found.numbers
    if earlier is not None:
        named = name_clusters([entry.id for entry in entries], found.labels, found.centres, earlier)
        names = named.names
        sys.stderr.write(
            f"{args.add_to}: {named.kept:,} clusters keep their names, {len(names) - named.kept:,} are new, "
            f"{named.merged:,} were merged into others; {named.missing:,} of its sequences are not in {args.input}\n"
        )
    if args.representatives:
        write_representatives(args.representatives, listing, found, names)
    FORMATS[args.format](args.output, listing, found, names)
    sizes = np.bincount(found.labels)
    clusters = f"{len(sizes):,} {'cluster' if len(sizes) == 1 else 'clusters'}"
    return (
        f"{args.output}: {len(entries):,} sequences in {clusters}, {int((sizes == 1).sum()):,} of them "
        f"of one sequence; the largest has {sizes[0]:,}\n"
    )
