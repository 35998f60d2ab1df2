"""Clusters or bins in, a picture out that shows how clear they are.

The pictures show sizes and similarities. They are not maps, since a map in two dimensions distorts distances.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...clustering.average_linkage import separation
from ...clustering.tree_cuts import Clusters
from .pictures import BLUE, GREY, ORANGE, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_BINS = 40  # bars in a picture
MOST_CLUSTERS = 12  # bars beside those of all others
PALE = "#7FB2D9"


def draw_clusters(path: Path, vectors: np.ndarray, labels: np.ndarray, threshold: float) -> None:
    """Draw the sizes of clusters, and how similar sequences are to their own and to other clusters.

    Args:
        path: The picture.
        vectors: Unit vectors (n, d) float32.
        labels: Cluster of each (n,), the largest first.
        threshold: The cosine of the cut.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_sizes(left, np.bincount(labels))
    draw_separation(right, *separation(vectors, labels), threshold)
    figure.legend(frameon=False, loc="outside lower right", ncols=3)
    save(figure, path)


def draw_gaps(path: Path, clusters: Clusters) -> None:
    """Draw the sizes of clusters, and how far apart sequences are within a cluster and between clusters."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    sizes = np.bincount(clusters.labels)
    draw_sizes(left, sizes)
    within, between = clusters.widest[sizes > 1], clusters.outside[np.isfinite(clusters.outside)]
    edges = np.linspace(0, max(within.max(initial=0), between.max(initial=0), 0.01), 61)
    own = f"largest step within a cluster ({len(within):,} clusters)"
    far = f"; {len(sizes) - len(between):,} have none near" if len(between) < len(sizes) else ""
    other = f"to the nearest other cluster ({len(between):,} clusters{far})"
    draw_both(right, edges, {own: within, other: between})
    right.set(xlabel="share of different bases", ylabel="clusters")
    right.set_title("Barcode gap: distances within clusters lie left", loc="left")
    figure.legend(frameon=False, loc="outside lower right", ncols=3)
    save(figure, path)


def draw_sizes(axes: "Axes", sizes: np.ndarray) -> None:
    """Draw a bar for each of the largest clusters, one for all smaller ones and one for those of one sequence.

    Args:
        axes: Where to draw.
        sizes: Sequences of each cluster (k,), descending.
    """
    several = sizes[sizes > 1]
    alone, shown = len(sizes) - len(several), several[:MOST_CLUSTERS]
    rows = [(f"c{number}", int(size), f"{size:,}", BLUE) for number, size in enumerate(shown, 1)]
    if rest := several[MOST_CLUSTERS:].tolist():
        rows.append(
            (
                f"{len(rest):,} smaller",
                sum(rest),
                f"{sum(rest):,}, {rest[-1]:,} to {rest[0]:,} each"
                if rest[-1] < rest[0]
                else f"{sum(rest):,}, {rest[0]:,} each",
                PALE,
            )
        )
    if alone:
        rows.append(("clusters of one", alone, f"{alone:,}", GREY))
    names, widths, texts, colours = zip(*rows, strict=True)
    bars = axes.barh(names, widths, color=colours)
    axes.bar_label(bars, texts, padding=3)
    axes.invert_yaxis()
    axes.set(xlabel="sequences", xlim=(0, 1.45 * max(widths)))
    axes.margins(y=0.02)
    axes.set_title(f"{sizes.sum():,} sequences in {len(sizes):,} clusters", loc="left")


def draw_separation(axes: "Axes", within: np.ndarray, between: np.ndarray, threshold: float) -> None:
    """Draw the similarity of each sequence to the rest of its own and to the nearest other cluster (n,); NaN: none."""
    within, between = (values[np.isfinite(values)].clip(max=1) for values in (within, between))
    lowest = min(within.min(initial=threshold), between.min(initial=threshold)) - 0.01
    edges = np.linspace(lowest, 1, 61)
    own, other = f"to its own cluster ({len(within):,})", f"to its nearest other ({len(between):,})"
    draw_both(axes, edges, {own: within, other: between})
    axes.axvline(threshold, color=GREY, linestyle="--", linewidth=1, label=f"the cut, {threshold:.4f}")
    axes.set(xlabel="average cosine of a sequence to the members", ylabel="sequences")
    axes.set_title("Clear clusters: blue right of the cut, orange left of it", loc="left")


def draw_both(axes: "Axes", edges: np.ndarray, values: dict[str, np.ndarray]) -> None:
    """Draw two histograms over each other, by their labels: within clusters, and between clusters."""
    for (label, numbers), colour, hatch in zip(values.items(), (BLUE, ORANGE), ("///", None), strict=True):
        axes.hist(
            numbers, edges.tolist(), histtype="stepfilled", fc=colour, ec=colour, alpha=0.7, hatch=hatch, label=label
        )


def draw_bins(path: Path, bins: np.ndarray, bp: np.ndarray) -> None:
    """Draw the total length and number of contigs of each bin, and of the contigs in no bin.

    Args:
        path: The picture.
        bins: Bin of each contig (n,), from 1; -1: in none.
        bp: Its length (n,).
    """
    from matplotlib.figure import Figure

    counts = np.bincount(bins[bins > 0], minlength=1)[1:]
    mega = np.bincount(bins[bins > 0], bp[bins > 0], minlength=1)[1:] / 1e6
    shown = min(len(counts), MOST_BINS)
    names = [f"bin_{number}" for number in range(1, shown + 1)]
    widths, contigs, colours = mega[:shown].tolist(), counts[:shown].tolist(), [BLUE] * shown
    for name, members, colour in (
        (f"{len(counts) - shown:,} smaller bins", bins > shown, BLUE),
        ("in no bin", bins < 0, GREY),
    ):
        if members.any():
            names.append(name)
            widths.append(bp[members].sum() / 1e6)
            contigs.append(int(members.sum()))
            colours.append(colour)
    figure = Figure(figsize=(8, 1.5 + 0.25 * len(names)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(names, widths, color=colours)
    axes.bar_label(bars, [f"{count:,}" for count in contigs], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.1, y=0.02)
    axes.set(xlabel="total length, Mbp (beside the bars: contigs)")
    axes.set_title(
        f"{len(counts):,} bins hold {100 * bp[bins > 0].sum() / bp.sum():.0f} % of {bp.sum():,} bp", loc="left"
    )
    save(figure, path)
