"""Pictures: a map of embeddings, and the result tables as bars; models or result files in, a PNG out.

    python benchmarks/plots.py map --model tnf checkpoints/coi --data coi.tsv.gz --split unseen_test --output map.png
    python benchmarks/plots.py bars --results benchmarks/results --output bars.png

The map is a t-SNE (van der Maaten & Hinton 2008; scikit-learn) of the L2-normalised vectors' first 50 principal
components, perplexity 30, seeded, of at most 5 records a species: with all of them, piled-up species are what one
sees. UMAP was tried: its islands of near-identical barcodes leave the rest a knot. A map shows which groups hold
together; distances between groups mean nothing. Its titles give what the vectors themselves say: how often the
nearest record of another species belongs to the same genus, among genera with two species in the picture.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from benchmarks.embedders import load_method
from benchmarks.headlines import COLUMNS, TITLES
from benchmarks.methods import normalise, vectors
from benchmarks.result_files import read_results
from benchmarks.species_clustering import choose
from modeling_dnacse.labels import RANKS, read_labelled

# Okabe and Ito's palette without yellow, which is lost on white, each with a marker of its own: it reads in grey too
STYLES = [
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#56B4E9", "v"),
    ("#E69F00", "P"),
    ("#000000", "X"),
    ("#882255", "<"),
    ("#44AA99", ">"),
    ("#999933", "p"),
]
GREY = "#C8C8C8"
MOST = 5  # records a species in a map


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
    pairs = {(genus, name) for genus, name in zip(genera, species, strict=True)}
    names, counts = np.unique([genus for genus, _ in pairs], return_counts=True)
    rows = np.flatnonzero(np.isin(genera, names[counts > 1]))
    right = 0
    for part in np.array_split(rows, max(1, len(rows) // 512)):  # blocks bound the memory
        similarities = unit[part] @ unit.T
        similarities[species[part][:, None] == species] = -np.inf
        right += int((genera[similarities.argmax(axis=1)] == genera[part]).sum())
    return right / len(rows) if len(rows) else float("nan")


def project(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Lay vectors (n, d) out in two dimensions, (n, 2); see the head of this file."""
    components = PCA(min(50, *vectors.shape), random_state=seed).fit_transform(vectors)
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    return TSNE(init="pca", perplexity=perplexity, random_state=seed).fit_transform(components)


def draw_map(axes: Axes, points: np.ndarray, labels: np.ndarray, named: Sequence[str]) -> None:
    """Draw points (n, 2), the named groups in their style over all others in grey."""
    others = ~np.isin(labels, named)
    if others.any():
        axes.scatter(*points[others].T, s=4, color=GREY, linewidths=0, label="others")
    for name, (colour, marker) in zip(named, STYLES, strict=False):
        axes.scatter(
            *points[labels == name].T,
            s=16,
            color=colour,
            marker=marker,
            linewidths=0.2,
            edgecolors="white",
            label=name,
        )
    axes.set(xticks=[], yticks=[])
    axes.set_box_aspect(1)


def plot_map(options: argparse.Namespace) -> None:
    """Embed a split with each model and draw one panel a model."""
    if not options.data.is_file():
        raise ValueError(f"no file {options.data}: check --data, or make one with benchmarks/simulate.py.")
    records = list(read_labelled(options.data, split=options.split))
    if not records:
        raise ValueError(f"{options.data} has no record of the split {options.split}: check --split.")
    species = np.array([record["species"] for record in records])
    chosen = choose(species, fewest=1, most=MOST, seed=options.seed)
    chosen = np.sort(np.random.default_rng(options.seed).permutation(chosen)[: options.max_sequences])
    labels = {rank: np.array([records[i][rank] for i in chosen]) for rank in RANKS}
    groups, counts = np.unique(labels[options.colour_by], return_counts=True)
    ranked = groups[np.argsort(-counts, kind="stable")]
    named = ranked[ranked != ""][: len(STYLES)].tolist()
    size = (4.4 * len(options.model), 6.2)
    figure, panels = plt.subplots(1, len(options.model), figsize=size, squeeze=False, layout="constrained")
    for axes, model in zip(panels[0], options.model, strict=True):
        method = load_method(model, device=options.device, trust_remote_code=options.trust_remote_code)
        embedded = vectors(method, [records[i]["sequence"] for i in chosen])
        points = project(normalise(embedded), options.seed)
        draw_map(axes, points, labels[options.colour_by], named)
        share = genus_accuracy(embedded, labels["species"], labels["genus"])
        note = "" if np.isnan(share) else f"\nnearest other species: same genus {share:.0%}"
        axes.set_title(method.name + note, fontsize=11)
    handles, texts = panels[0, 0].get_legend_handles_labels()
    columns = 4 if len(options.model) > 1 else 3
    figure.legend(handles, texts, loc="outside lower center", ncols=columns, frameon=False, title=options.colour_by)
    figure.savefig(options.output, dpi=150)


def draw_bars(axes: Axes, results: Sequence[Mapping[str, Any]], metric: str) -> None:
    """Draw one metric of several models as horizontal bars with intervals (or the range over seeds)."""
    for row, result in enumerate(results):
        if metric not in result["metrics"]:
            continue
        entry = result["metrics"][metric]
        value = 100 * entry["value"]
        bounds = entry.get("interval") or [f(entry.get("per_seed", [entry["value"]])) for f in (min, max)]
        low, high = (100 * bound for bound in bounds)
        axes.barh(row, value, color=STYLES[0][0], height=0.62)
        if high > low:
            axes.errorbar(
                value, row, xerr=[[max(0, value - low)], [max(0, high - value)]], color="black", capsize=2, lw=1
            )
        axes.text(max(high, value) + 1.5, row, f"{value:.1f}", va="center", fontsize=9)
    axes.set(xlim=(0, 115), xticks=[0, 50, 100], yticks=range(len(results)), ylim=(len(results) - 0.4, -0.6))
    axes.spines[["top", "right"]].set_visible(False)


def plot_bars(options: argparse.Namespace) -> None:
    """Draw the headline metrics of one table, a row of panels a task."""
    tables = read_results(options.results)
    name = options.name or next(iter(tables))
    if name not in tables or (not options.name and len(tables) > 1):
        raise ValueError(f"{options.results} has the results {', '.join(tables)}: choose one of them with --name.")
    tasks = [task for task in COLUMNS if any(result["task"] == task for result in tables[name])]
    models = sorted({result["model"] for result in tables[name]})
    width = max(len(COLUMNS[task]) for task in tasks)
    figure, panels = plt.subplots(
        len(tasks), width, figsize=(2.7 * width + 1, (0.9 + 0.34 * len(models)) * len(tasks) + 0.4), squeeze=False
    )
    for row, task in zip(panels, tasks, strict=True):
        results = sorted((r for r in tables[name] if r["task"] == task), key=lambda r: models.index(r["model"]))
        for axes, (metric, heading) in zip(row, COLUMNS[task].items(), strict=False):
            draw_bars(axes, results, metric)
            axes.set_title(heading, fontsize=10)
            axes.set_yticklabels([result["model"] for result in results] if axes is row[0] else [])
        row[0].set_ylabel(TITLES[task].replace(" of ", "\nof ").replace(" acc", "\nacc"), fontsize=9)
    figure.suptitle(f"{name} (per cent)", fontsize=11)
    figure.tight_layout()
    figure.savefig(options.output, dpi=150)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Draw embeddings and results.", allow_abbrev=False)
    kinds = parser.add_subparsers(required=True)
    atlas = kinds.add_parser("map", help="embeddings of one split in two dimensions", allow_abbrev=False)
    atlas.add_argument("--model", nargs="+", required=True)
    atlas.add_argument("--data", type=Path, required=True)
    atlas.add_argument("--split", default="unseen_test")
    atlas.add_argument("--colour_by", choices=RANKS, default="family")
    atlas.add_argument("--max_sequences", type=int, default=3000)
    atlas.add_argument("--seed", type=int, default=0)
    atlas.add_argument("--device", default="cpu")
    atlas.add_argument("--trust_remote_code", action="store_true")
    atlas.set_defaults(draw=plot_map)
    bars = kinds.add_parser("bars", help="result files as bars", allow_abbrev=False)
    bars.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    bars.add_argument("--name", help="which table, as in coi.test")
    bars.set_defaults(draw=plot_bars)
    for kind in (atlas, bars):
        kind.add_argument("--output", type=Path, required=True, help="PNG file")
    options = parser.parse_args(arguments)
    try:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.draw(options)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"plots.py: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
