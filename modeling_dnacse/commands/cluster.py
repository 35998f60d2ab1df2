"""Sort sequences into species-like clusters without names: which barcodes belong together.

    dnacse cluster IN.fasta -o OUT.tsv
    dnacse cluster IN.fasta -o OUT.tsv --labelled KNOWN.fasta --plot clusters.png

Average linkage by cosine, cut at a similarity: two clusters merge while the average similarity between their members
reaches it. The table has a line a sequence, in the order of the input: its id, its cluster (c1 is the largest), how
many sequences that has, the similarity to its medoid, and the medoid's id. The medoid is the sequence with the highest
average similarity to all of its cluster.

The similarity is --threshold; or the one whose clusters agree best with the species of --labelled, which should be
species that the model was not trained on; or else the model's own.

Time: some 10 s for 20,000 sequences on one core, growing with the square, beside embedding them. Memory: 16 bytes a
number of the vectors: 0.4 GB for 100,000 sequences of 256 numbers.
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

from ..clustering.average_linkage import cluster, medoids
from ..clustering.entries import Entry, embed_entries, list_entries
from ..clustering.thresholds import add_threshold_arguments, find_threshold
from ..machine.atomic import check_writable, written_whole
from ..reading.labels import read_labelled
from .cluster_pictures import draw_clusters
from .options import (
    add_embedding_arguments,
    add_model_arguments,
    check_device,
    embedding_options,
    load_from_options,
)
from .pictures import check_plot

COLUMNS = ("id", "cluster", "size", "similarity", "medoid")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("input", type=Path, help="FASTA, FASTQ, CSV or TSV, plain or .gz, or parquet")
    add("-o", "--output", type=Path, required=True, help="table, tab-separated")
    add("--representatives", type=Path, metavar="FASTA", help="write the medoid of each cluster, the largest first")
    add("--plot", type=Path, metavar="FILE", help="picture of sizes and similarities: .png, .svg or .pdf")
    add_threshold_arguments(parser)
    add_model_arguments(parser)
    add_embedding_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Check everything, embed, cluster, and put the outputs in place."""
    check_device(args.device)
    check_writable(args.output, args.representatives, args.plot)
    check_plot(args.plot)
    entries = list_entries(args.input)
    model, tokenizer = load_from_options(args)
    options = embedding_options(args)
    threshold, basis = find_threshold(args, "species", model, tokenizer, options)
    sys.stderr.write(f"similarity {threshold:.4f}, {basis}\n")
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


def write_clusters(
    path: Path, entries: list[Entry], labels: np.ndarray, centres: np.ndarray, similarities: np.ndarray
) -> None:
    """Write the table of `COLUMNS`.

    Args:
        path: The table.
        entries: Records (n,).
        labels: Cluster of each (n,), from 0.
        centres: Row of each cluster's medoid (k,).
        similarities: Of each record to that (n,).
    """
    sizes = np.bincount(labels)
    with written_whole(path) as hidden, hidden.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(COLUMNS)
        for entry, label, similarity in zip(entries, labels.tolist(), similarities.tolist(), strict=True):
            medoid = entries[centres[label]].id
            table.writerow((entry.id, f"c{label + 1}", sizes[label], f"{min(similarity, 1):.4f}", medoid))


def write_representatives(path: Path, source: Path, labels: np.ndarray, centres: np.ndarray) -> None:
    """Write the medoids of the clusters as FASTA, in the order of clusters, reading their sequences again."""
    wanted = set(centres.tolist())
    records = {row: record for row, record in enumerate(read_labelled(source)) if row in wanted}
    sizes = np.bincount(labels)
    with written_whole(path) as hidden, hidden.open("w", encoding="utf-8") as file:
        for label, row in enumerate(centres.tolist()):
            record = records[row]
            file.write(f">{record['id']} cluster=c{label + 1} size={sizes[label]}\n{record['sequence']}\n")
