"""Maps: sequences of one split in, a figure out; a panel per model, dots coloured by order, an outline per species.

A dot is a sequence; whole species are drawn at random, with at most five sequences each, since large species
would cover the others. The outline around two or more sequences of a species is their convex hull, a little wider:
a small outline is a compact species, a wide one a scattered species. Wider outlines are fainter, so that scattered
species do not hide the others.

Two projections of the L2-normalised vectors' first 50 principal components, both seeded: t-SNE (van der Maaten &
Hinton 2008), perplexity 30, and UMAP (McInnes et al. 2018), 15 neighbours; each axis is stretched to fill the panel.
t-SNE is the default: UMAP of barcodes places a few species far away and the others close together. Distances between
groups mean nothing in either. So the titles state a measure of the vectors themselves: how often the nearest sequence
of another species belongs to the same genus, among genera with two species in the picture.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from scipy.spatial import ConvexHull
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from benchmarks.methods.method import Method, Split, normalise, vectors
from benchmarks.report.plots.style import GREY, GROUPS
from benchmarks.scoring.queries import draw_question
from benchmarks.tasks.zero_shot_clustering import project as project_by_umap

COMPONENTS = 50
MARGIN = 0.006  # of an outline, as a share of the map's width
COMPACT = 2.0  # width up to which an outline is drawn at full strength, in mean distances of neighbouring points


def genus_accuracy(vectors: np.ndarray, species: np.ndarray, genera: np.ndarray) -> float:
    """Share of records whose nearest record of another species is of their genus, over genera of two or more.

    Args:
        vectors: (n, d).
        species: (n,) str.
        genera: (n,) str.

    Returns:
        The share, NaN where no genus has two species.
    """
    unit = normalise(vectors)
    pairs = {(genus, name) for genus, name in zip(genera, species, strict=True) if genus}
    names, counts = np.unique([genus for genus, _ in pairs], return_counts=True)
    rows = np.flatnonzero(np.isin(genera, names[counts > 1]))
    right = 0
    for part in np.array_split(rows, max(1, len(rows) // 512)):  # blocks bound the memory
        similarities = unit[part] @ unit.T
        similarities[species[part][:, None] == species] = -np.inf
        right += int((genera[similarities.argmax(axis=1)] == genera[part]).sum())
    return right / len(rows) if len(rows) else float("nan")


def project(vectors: np.ndarray, projection: str, seed: int) -> np.ndarray:
    """Lay vectors (n, d) out in two dimensions, (n, 2), both from 0 to 1, by "tsne" or "umap"."""
    components = PCA(min(COMPONENTS, *vectors.shape), random_state=seed).fit_transform(vectors)
    if projection == "umap":
        settings = {"n_neighbors": min(15, len(vectors) - 1), "min_dist": 0.3}
        points = project_by_umap(components, settings, seed)
    else:
        perplexity = min(30.0, (len(vectors) - 1) / 3)
        points = TSNE(init="pca", perplexity=perplexity, random_state=seed).fit_transform(components)
    points = points - points.min(axis=0)
    return points / np.maximum(points.max(axis=0), 1e-12)


def outline(points: np.ndarray, margin: float) -> np.ndarray:
    """Corners (k, 2) of the convex hull of points (n, 2) and of a circle of this radius around each.

    >>> corners = outline(np.array([[0.0, 0.0], [2.0, 0.0]]), margin=1.0)
    >>> corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    ([-1.0, -1.0], [3.0, 1.0])
    """
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    circle = margin * np.column_stack([np.cos(angles), np.sin(angles)])
    around = (points[:, None] + circle).reshape(-1, 2)
    return around[ConvexHull(around).vertices]


def draw_map_panel(
    axes: Axes, points: np.ndarray, species: np.ndarray, groups: np.ndarray, named: Mapping[str, tuple[str, str]]
) -> None:
    """Draw points (n, 2), the named groups in their colour and marker over all others in grey, and the outlines."""
    for name in np.unique(species):
        rows = np.flatnonzero(species == name)
        if len(rows) < 2:
            continue
        corners = outline(points[rows], MARGIN)
        width = float(np.ptp(corners, axis=0).max())
        colour = named.get(str(groups[rows[0]]), (GREY, ""))[0]
        strength = min(1.0, (COMPACT / np.sqrt(len(points)) / width) ** 1.3)
        axes.add_patch(Polygon(corners, facecolor=colour, edgecolor="none", alpha=0.3 * strength, zorder=1))
        axes.add_patch(
            Polygon(corners, fill=False, edgecolor="#333333", linewidth=0.5, alpha=max(0.08, 0.9 * strength), zorder=3)
        )
    others = ~np.isin(groups, list(named))
    if others.any():
        axes.scatter(*points[others].T, s=5, color=GREY, linewidths=0, label="others", zorder=2)
    for name, (colour, marker) in named.items():
        axes.scatter(
            *points[groups == name].T, s=16, color=colour, marker=marker, linewidths=0.2, edgecolors="white",
            label=name, zorder=2,
        )  # fmt: skip
    axes.set(xticks=[], yticks=[], xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    axes.set_box_aspect(1)


def plot_map(
    methods: Sequence[Method], split: Split, *, projection: str, colour_by: str, max_sequences: int, seed: int
) -> Figure:
    """Embed a part of a split with each method and draw a panel each.

    Args:
        methods: What embeds.
        split: Labelled sequences.
        projection: "tsne" or "umap".
        colour_by: Rank of the colours.
        max_sequences: Whole species are drawn up to this number of sequences.
        seed: Seed of the draw and of the projection.

    Raises:
        ValueError: Fewer than three sequences have a species, or all have the same vector.
        Unsuited: A method gives no vectors.
    """
    drawn = draw_question(split, "species", seed=seed, queries=max_sequences)
    if len(drawn.rows) < 3:
        raise ValueError(f"got {len(drawn.rows)} sequences with a species, but a map needs three: give more data.")
    groups, genera = split.labels[colour_by][drawn.rows], split.labels["genus"][drawn.rows]
    names, counts = np.unique(groups[groups != ""], return_counts=True)
    largest = names[np.argsort(-counts, kind="stable")][: len(GROUPS)]
    named = {name: style[:2] for name, style in zip(largest.tolist(), GROUPS, strict=False)}
    legend_columns = min(4, 2 * len(methods))
    legend_rows = -(-(len(named) + 1) // legend_columns)
    figure, panels = plt.subplots(
        1, len(methods), figsize=(5.4 * len(methods), 6.6 + 0.25 * legend_rows), squeeze=False, layout="constrained"
    )
    for axes, method in zip(panels[0], methods, strict=True):
        embedded = vectors(method, drawn.sequences)
        if not np.ptp(embedded, axis=0).any():
            raise ValueError(f"{method.name} gives all sequences the same vector, so there is no map to draw of it.")
        draw_map_panel(axes, project(normalise(embedded), projection, seed), drawn.species, groups, named)
        share = genus_accuracy(embedded, drawn.species, genera)
        note = "" if np.isnan(share) else f"\nnearest other species: same genus {share:.0%}"
        axes.set_title(method.name + note, fontsize=13)
    handles, texts = panels[0, 0].get_legend_handles_labels()
    about = f"{len(drawn.rows)} sequences of {len(np.unique(drawn.species))} species (outlined), by {colour_by}"
    figure.legend(
        handles, texts, loc="outside lower center", ncols=legend_columns, frameon=False, markerscale=1.6,
        fontsize=11.5, title=about, title_fontsize=11.5,
    )  # fmt: skip
    return figure
