"""Group sequences into species-like clusters, without names: which barcodes belong together.

    dnacse cluster IN.fasta -o OUT.tsv
    dnacse cluster IN.fasta -o OUT.uc --format uc --representatives OTUS.fasta
    dnacse cluster IN.fasta -o OUT.tsv --labelled KNOWN.fasta --plot clusters.png

There are two methods.
- gap, the default of models that know sites. Sequences are compared over the sites of the marker that both cover, so
  pieces join the whole barcodes that they were cut from, on either strand. Two groups are one cluster if their nearest
  members are 97 % identical (--identity), or 92 % where all other sequences are at least twice as far away: the
  barcode gap, which is wider in some taxa than in others. What is not of the model's marker is compared by k-mers.
- average_linkage, by cosine of vectors, the default of other models and with --threshold or --labelled: two clusters
  merge while the average similarity between their members reaches a threshold. It is --threshold; or the one whose
  clusters agree best with the species of --labelled, which should not be species that the model was trained on; or the
  model's own. Options that shape vectors are for this method.

The table has one line for each sequence, in the order of the input: id, cluster (c1 is the largest), size of the
cluster, similarity to its representative (gap: identity over shared sites, empty where none are shared), and id of the
representative. That is the most abundant sequence (;size= in the headers), of equals the one nearest to all sequences
of its cluster. --format uc writes what vsearch --uc does.

The time grows with the square of the number of different sequences. gap: 20,000 barcodes take about a minute on one
core, 100,000 some 20 minutes and about 1 GB. average_linkage: 20,000 sequences take 10 s beside embedding them, and
memory is 16 bytes for each number of the vectors.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..loading.model_folders import check_model
from ..machine.outputs import check_outputs
from .options import add_embedding_arguments, add_model_arguments, embed_options, find_device, load_from_options
from .pictures import check_plot
from .threshold_options import add_threshold_arguments, threshold_from_options

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from ..clustering.entries import Listing
    from ..embedding.options import EmbedOptions
    from .cluster_files import Grouping

METHODS = ("gap", "average_linkage")
IDENTITY = 0.97
NOT_FOR_VECTORS = "--identity is for --method gap; for average_linkage give --threshold"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("input", type=Path, help="FASTA, FASTQ, CSV or TSV, plain or .gz, or parquet")
    add("-o", "--output", type=Path, required=True, help="file to write")
    add("--format", choices=("tsv", "uc"), default="tsv", help="of the output; default: %(default)s")
    add(
        "--representatives",
        type=Path,
        metavar="FASTA",
        help="write the representative of each cluster, that of the largest cluster first",
    )
    add("--method", choices=METHODS, help="default: gap for models that know sites, else average_linkage")
    add(
        "--identity",
        type=identity,
        metavar="SHARE",
        help=f"for gap: identity from which on sequences belong together in any case; default: {IDENTITY}",
    )
    add("--plot", type=Path, metavar="FILE", help="draw sizes and similarities: .png, .svg or .pdf")
    add_threshold_arguments(parser)
    add_model_arguments(parser)
    add_embedding_arguments(parser)


def identity(text: str) -> float:
    """Read a share of equal bases.

    >>> identity("0.98")
    0.98
    """
    if not 0.9 <= float(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text}; an identity is a share from 0.9 to below 1")
    return float(text)


def check(args: argparse.Namespace) -> "tuple[Listing, Listing | None]":
    """Check the options, the outputs and the model's files, and read the input and --labelled once."""
    from ..clustering.entries import list_entries

    inputs = (args.input, args.labelled, args.model)
    check_outputs((args.output, args.representatives, args.plot), inputs)
    check_plot(args.plot)
    check_model(args.model)
    if args.method == "gap" and needs_vectors(args):
        raise ValueError("--threshold and --labelled are for --method average_linkage; for gap give --identity")
    if args.identity is not None and (args.method == "average_linkage" or needs_vectors(args)):
        raise ValueError(NOT_FOR_VECTORS)
    labelled = None if args.labelled is None else list_entries(args.labelled)
    return list_entries(args.input), labelled


def needs_vectors(args: argparse.Namespace) -> bool:
    """Whether there is an option that is for average_linkage only."""
    return args.threshold is not None or args.labelled is not None


def run(args: argparse.Namespace, listings: "tuple[Listing, Listing | None]") -> None:
    """Cluster, and put the outputs in place."""
    import numpy as np

    from .cluster_files import FORMATS, write_representatives

    device = find_device(args.device)
    options = embed_options(args, device)
    listing, labelled = listings
    entries = listing.entries
    model, tokenizer = load_from_options(args, device)
    knows_sites = getattr(model, "sites", None) is not None
    if args.method == "gap" and not knows_sites:
        raise ValueError(f"{args.model} knows no sites; give a model of trainer/fit_sites.py, or leave --method out")
    if knows_sites and args.method != "average_linkage" and not needs_vectors(args):
        found = group_by_gap(args, listing, model.to(device).eval(), tokenizer)
    elif args.identity is not None:
        raise ValueError(NOT_FOR_VECTORS)
    else:
        found = group_by_vectors(args, listing, labelled, model, tokenizer, options)
    if args.representatives:
        write_representatives(args.representatives, listing.file, entries, found)
    FORMATS[args.format](args.output, entries, found)
    sizes = np.bincount(found.labels)
    sys.stderr.write(
        f"{args.output}: {len(entries):,} sequences in {len(sizes):,} clusters, {int((sizes == 1).sum()):,} of them "
        f"of one sequence; the largest has {sizes[0]:,}\n"
    )


def group_by_gap(
    args: argparse.Namespace, listing: "Listing", model: Any, tokenizer: "PreTrainedTokenizerBase"
) -> "Grouping":
    """Cluster by the identity over shared sites and the barcode gap; draw --plot."""
    import numpy as np

    from ..clustering.barcode_gap import cluster_by_gap, identities, representatives
    from ..clustering.distances import K
    from ..clustering.entries import place_entries
    from .cluster_files import Grouping
    from .cluster_pictures import draw_gaps

    entries = listing.entries
    read, kmers = place_entries(listing, model, tokenizer)
    strange = ~read.placed
    if strange.any():
        sys.stderr.write(
            f"{int(strange.sum()):,} of {len(entries):,} sequences are not of the marker of {args.model}, such as "
            f"{entries[int(strange.argmax())].id}; they are compared by their {K}-mers, which is less exact\n"
        )
    certain = args.identity or IDENTITY
    sys.stderr.write(f"identity {certain:g}, less where there is a barcode gap\n")
    clusters = cluster_by_gap(read.bases, kmers, 1 - certain)
    centres = representatives(read.bases, clusters.labels, np.array([entry.size for entry in entries]))
    if args.plot:
        draw_gaps(args.plot, clusters, 1 - certain)
    of_row = centres[clusters.labels]
    similarity = identities(read.bases, read.bases[of_row])
    similarity[centres] = 1.0
    return Grouping(clusters.labels, centres, similarity, read.reverse != read.reverse[of_row])


def group_by_vectors(
    args: argparse.Namespace,
    listing: "Listing",
    labelled: "Listing | None",
    model: Any,
    tokenizer: "PreTrainedTokenizerBase",
    options: "EmbedOptions",
) -> "Grouping":
    """Cluster by average linkage of vectors; draw --plot."""
    import numpy as np

    from ..clustering.average_linkage import cluster, medoids
    from ..clustering.entries import embed_entries
    from .cluster_files import Grouping
    from .cluster_pictures import draw_clusters

    entries = listing.entries
    threshold, origin = threshold_from_options(args, labelled, "species", model, tokenizer, options)
    sys.stderr.write(f"similarity {threshold:.4f}, {origin}\n")
    vectors = embed_entries(listing, [True] * len(entries), model, tokenizer, options)
    labels = cluster(vectors, threshold)
    centres = medoids(vectors, labels, np.array([entry.size for entry in entries]))
    if args.plot:
        draw_clusters(args.plot, vectors, labels, threshold)
    similarity = np.einsum("nd,nd->n", vectors, vectors[centres[labels]])
    return Grouping(labels, centres, similarity, np.zeros(len(labels), bool))  # no strand is known
