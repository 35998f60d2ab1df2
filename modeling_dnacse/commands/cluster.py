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

from .options import add_embedding_arguments, add_model_arguments, embed_options, find_device, load_from_options
from .pictures import check_plot
from .threshold_options import add_threshold_arguments, threshold_from_options


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


def run(args: argparse.Namespace) -> None:
    """Check everything, embed, cluster, and put the outputs in place."""
    import numpy as np

    from ..clustering.average_linkage import cluster, medoids
    from ..clustering.entries import embed_entries, list_entries
    from ..machine.atomic import check_writable
    from .cluster_files import write_clusters, write_representatives
    from .cluster_pictures import draw_clusters

    device = find_device(args.device)
    check_writable(args.output, args.representatives, args.plot)
    check_plot(args.plot)
    options = embed_options(args, device)
    entries = list_entries(args.input)
    model, tokenizer = load_from_options(args, device)
    threshold, origin = threshold_from_options(args, "species", model, tokenizer, options)
    sys.stderr.write(f"similarity {threshold:.4f}, {origin}\n")
    vectors = embed_entries(args.input, [True] * len(entries), model, tokenizer, options)
    labels = cluster(vectors, threshold)
    centres = medoids(vectors, labels)
    if args.plot:
        draw_clusters(args.plot, vectors, labels, threshold)
    if args.representatives:
        write_representatives(args.representatives, args.input, labels, centres)
    similarities = np.einsum("nd,nd->n", vectors, vectors[centres[labels]])
    write_clusters(args.output, entries, labels, centres, similarities)
    sizes = np.bincount(labels)
    sys.stderr.write(
        f"{args.output}: {len(entries):,} sequences in {len(sizes):,} clusters, {int((sizes == 1).sum()):,} of them "
        f"of one sequence; the largest has {sizes[0]:,}\n"
    )
