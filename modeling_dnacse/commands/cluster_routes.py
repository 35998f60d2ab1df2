"""Records and a model in, their clusters out: by bases at sites, by shared k-mers, or by vectors."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cluster_files import Grouping
from .threshold_options import threshold_from_options

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedTokenizerBase

    from ..clustering.entries import Listing
    from ..clustering.tree_cuts import Clusters
    from ..embedding.options import EmbedOptions

MIXED = 1.75  # 90th by 10th percentile of lengths; LOG.md has what mixed lengths cost


def group_by_sites(
    args: argparse.Namespace, listing: "Listing", model: Any, tokenizer: "PreTrainedTokenizerBase"
) -> Grouping | None:
    """Cluster by the identity over shared sites, or by shared k-mers if most sequences are not of the model's marker.

    Draws --plot. None: by neither, since most sequences are not of the marker and too long to compare k-mers.
    """
    import numpy as np

    from ..clustering.copies import cluster_once, distinct
    from ..clustering.entries import place_entries
    from ..clustering.large_samples import grow_tree
    from ..clustering.representatives import identities, representatives
    from ..clustering.site_linkage import FEWEST_SHARED, LEAST_PART
    from ..clustering.species_merges import cluster_species
    from ..clustering.tree_cuts import cut_at
    from ..kmers import OTHER
    from ..vectors.at_sites import LEAST_PLACED
    from .drawing.cluster_pictures import draw_gaps

    entries = listing.entries
    read = place_entries(listing, model, tokenizer)
    foreign = ~read.placed
    if foreign.any():
        few = foreign.mean() <= 1 - LEAST_PLACED
        fate = "each is a cluster of its own" if few else "no sequence is compared by sites"
        sys.stderr.write(
            f"{int(foreign.sum()):,} of {len(entries):,} sequences are not of the marker of {Path(args.model).name}, "
            f"such as {entries[int(foreign.argmax())].id}; {fate}\n"
        )
    if foreign.mean() > 1 - LEAST_PLACED:
        return group_by_kmers(args, listing)
    if args.identity is None:
        clusters = cluster_species(model, read.bases)
        report_lowest(clusters)
    else:
        first = distinct(read.bases, np.any(read.bases < OTHER, axis=1))[1]
        least = args.identity - LEAST_PART / FEWEST_SHARED  # what is added lowers the identity by no more
        clusters = cluster_once(
            first, lambda rows: cut_at(grow_tree(model, read.bases[rows], least, LEAST_PART), least)
        )
    centres = representatives(read.bases, clusters.labels, np.array([entry.size for entry in entries]))
    if args.plot:
        draw_gaps(args.plot, clusters)
    of_row = centres[clusters.labels]
    similarity = identities(read.bases, of_row)
    similarity[centres] = 1.0
    return Grouping(clusters.labels, centres, similarity, read.reverse != read.reverse[of_row])


def group_by_kmers(args: argparse.Namespace, listing: "Listing") -> Grouping | None:
    """Cluster by the k-mers that sequences share and draw --plot; None: most sequences are too long for that."""
    import numpy as np

    from ..clustering.barcode_gap import OVER_KMERS, cut_at_gaps
    from ..clustering.copies import cluster_once, distinct
    from ..clustering.kmer_exponent import fit_exponent, near_pairs
    from ..clustering.kmer_linkage import LONGEST, K, identities_of, kmer_linkage, kmer_sets, representatives_of
    from ..clustering.tree_cuts import cut_at
    from .drawing.cluster_pictures import draw_gaps

    entries = listing.entries
    long = np.array([entry.bp > LONGEST for entry in entries])
    if long.mean() > 0.5:
        return None
    fate = f"; {int(long.sum()):,} of more than {LONGEST:,} bp are clusters of their own" if long.any() else ""
    sys.stderr.write(f"all are compared by the {K}-mers that they share{fate}\n")
    sets = kmer_sets(
        ("" if apart else record.sequence for record, apart in zip(listing.file.read(), long, strict=True))
    )
    has = np.any(sets, axis=1)
    rows, first, _ = distinct(sets, has)
    pairs, containment = near_pairs(sets[rows])
    pairs = rows[pairs]
    wanted = set(pairs.ravel().tolist())
    sequence_of = {row: record.sequence for row, record in enumerate(listing.file.read()) if row in wanted}
    exponent = fit_exponent([(sequence_of[one], sequence_of[other]) for one, other in pairs], containment)

    def clusters_of(kept: "np.ndarray") -> "Clusters":
        if args.identity is None:
            return cut_at_gaps(kmer_linkage(sets[kept], OVER_KMERS.least_identity, exponent), OVER_KMERS)
        return cut_at(kmer_linkage(sets[kept], args.identity, exponent), args.identity)

    clusters = cluster_once(first, clusters_of)
    if args.identity is None:
        report_lowest(clusters)
    centres = representatives_of(sets, clusters.labels, np.array([entry.size for entry in entries]))
    if args.plot:
        draw_gaps(args.plot, clusters)
    similarity = identities_of(sets, centres[clusters.labels], exponent)
    similarity[centres] = 1.0
    return Grouping(clusters.labels, centres, similarity)


def report_lowest(clusters: "Clusters") -> None:
    """Report on stderr how far apart the sequences of a cluster are."""
    import numpy as np

    if (several := clusters.widest[clusters.widest > 0]).size:
        median, least = 1 - np.quantile(several, [0.5, 1])
        sys.stderr.write(f"lowest identity within a cluster: median {median:.3f}, minimum {least:.3f}\n")


def group_by_vectors(
    args: argparse.Namespace,
    listing: "Listing",
    labelled: "Listing | None",
    model: Any,
    tokenizer: "PreTrainedTokenizerBase",
    options: "EmbedOptions",
) -> Grouping:
    """Cluster by average linkage of vectors; draw --plot."""
    import numpy as np

    from ..clustering.average_linkage import cluster, medoids
    from ..clustering.entries import embed_entries
    from .drawing.cluster_pictures import draw_clusters

    entries = listing.entries
    threshold, origin = threshold_from_options(args, labelled, "species", model, tokenizer, options)
    sys.stderr.write(f"similarity {threshold:.4f}, {origin}\n")
    short, long = np.quantile([entry.bp for entry in entries], [0.1, 0.9])
    if long >= MIXED * short:
        sys.stderr.write(
            f"lengths differ (10th to 90th percentile: {short:,.0f} to {long:,.0f} bp), and a fragment has another "
            "vector than the whole sequence, so species may be divided; cut all to one region, or leave --model, "
            "--threshold and --labelled out, so that shared sites or k-mers are compared\n"
        )
    vectors = embed_entries(listing, [True] * len(entries), model, tokenizer, options)
    labels = cluster(vectors, threshold)
    centres = medoids(vectors, labels, np.array([entry.size for entry in entries]))
    if args.plot:
        draw_clusters(args.plot, vectors, labels, threshold)
    similarity = np.einsum("nd,nd->n", vectors, vectors[centres[labels]])
    return Grouping(labels, centres, similarity)
