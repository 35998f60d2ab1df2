"""Group sequences into species-like clusters, without names: which barcodes belong together.

    dnacse cluster IN.fasta -o OUT.tsv
    dnacse cluster IN.fasta -o OUT.tsv --labelled KNOWN.fasta --plot clusters.png

The method is average linkage by cosine: two clusters merge while the average similarity between their members reaches
a threshold. The threshold is --threshold; or the one whose clusters agree best with the species of --labelled, which
should not be species that the model was trained on; or else the model's own.

The table has one line for each sequence, in the order of the input: id, cluster (c1 is the largest), size of the
cluster, similarity to the cluster's medoid, and id of the medoid. The medoid is the sequence with the highest average
similarity to all sequences of its cluster.

Clustering 20,000 sequences takes some 10 s on one core, beside embedding them; the time grows with the square of their
number. Memory is 16 bytes for each number of the vectors: 0.4 GB for 100,000 sequences of 256 numbers.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..loading.model_folders import check_model
from ..machine.outputs import check_outputs, check_replaced
from .options import (
    add_embedding_arguments,
    add_force_argument,
    add_model_arguments,
    check_device,
    embed_options,
    find_device,
    load_from_options,
)
from .pictures import check_plot
from .threshold_options import add_threshold_arguments, threshold_from_options

if TYPE_CHECKING:
    from ..clustering.entries import Listing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("input", type=Path, help="FASTA, FASTQ, CSV or TSV, plain or .gz, or parquet")
    add("-o", "--output", type=Path, required=True, help="table to write, tab-separated")
    add(
        "--representatives",
        type=Path,
        metavar="FASTA",
        help="write the medoid of each cluster, that of the largest cluster first",
    )
    add("--plot", type=Path, metavar="FILE", help="draw sizes and similarities: .png, .svg or .pdf")
    add_threshold_arguments(parser)
    add_model_arguments(parser)
    add_embedding_arguments(parser)
    add_force_argument(parser)


def check(args: argparse.Namespace) -> "tuple[Listing, Listing | None]":
    """Check the outputs and the model's files, and read the input and --labelled once."""
    from ..clustering.entries import list_entries

    inputs = (args.input, args.labelled, args.model)
    check_outputs((args.output, args.representatives, args.plot), inputs)
    check_replaced(args.output, b"id\t", "a table of clusters", args.force)
    check_replaced(args.representatives, b">", "FASTA", args.force)
    check_plot(args.plot, args.force)
    check_model(args.model)
    check_device(args.device)
    labelled = None if args.labelled is None else list_entries(args.labelled)
    return list_entries(args.input), labelled


def run(args: argparse.Namespace, listings: "tuple[Listing, Listing | None]") -> None:
    """Embed, cluster, and put the outputs in place."""
    import numpy as np

    from ..clustering.average_linkage import cluster, medoids
    from ..clustering.entries import embed_entries
    from .cluster_files import write_clusters, write_representatives
    from .cluster_pictures import draw_clusters

    device = find_device(args.device)
    options = embed_options(args, device)
    listing, labelled = listings
    entries = listing.entries
    model, tokenizer = load_from_options(args, device)
    threshold, origin = threshold_from_options(args, labelled, "species", model, tokenizer, options)
    sys.stderr.write(f"similarity {threshold:.4f}, {origin}\n")
    vectors = embed_entries(listing, [True] * len(entries), model, tokenizer, options)
    labels = cluster(vectors, threshold)
    centres = medoids(vectors, labels)
    if args.plot:
        draw_clusters(args.plot, vectors, labels, threshold)
    if args.representatives:
        write_representatives(args.representatives, listing.file, labels, centres)
    similarities = np.einsum("nd,nd->n", vectors, vectors[centres[labels]])
    write_clusters(args.output, entries, labels, centres, similarities)
    sizes = np.bincount(labels)
    sys.stderr.write(
        f"{args.output}: {len(entries):,} sequences in {len(sizes):,} clusters, {int((sizes == 1).sum()):,} of them "
        f"of one sequence; the largest has {sizes[0]:,}\n"
    )
