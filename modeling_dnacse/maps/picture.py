"""Draw a map with matplotlib, as .png, .svg or .pdf."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..machine.pictures import no_formula, save_picture
from .points import GREY, MapPoints

LONGEST = 34  # characters of a group's name in the legend
WIDTH, HEIGHT = 9, 7.2  # inches, without the legend


def draw_map(path: Path, points: MapPoints, title: str) -> None:
    """Draw points in the colours and markers of their groups; grey points lie below all others."""
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    axes, groups = figure.subplots(), np.array(points.groups)
    size = float(np.clip(6000 / len(points.ids), 9, 60))
    for group, style in points.styles.items():
        chosen = groups == group
        name = group if len(group) <= LONGEST else f"{group[: LONGEST - 1]}…"
        axes.scatter(
            *points.positions[chosen].T,
            s=size * (0.6 if style == GREY else 1),
            color=style.colour,
            marker=style.marker,
            linewidths=0.3,
            edgecolors="black" if points.dark else "white",
            zorder=1 if style == GREY else 2,
            label=escape(f"{name} ({chosen.sum():,})"),
        )
    axes.set(xticks=[], yticks=[], xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    axes.set_title(escape(title), loc="left", fontsize=14)
    if points.coloured_by:
        add_legend(figure, len(points.styles), max(1, 7 / size**0.5))
    save_picture(figure, path)


def add_legend(figure: Figure, groups: int, markerscale: float) -> None:
    """Put a legend below a figure, in as many columns as its names leave room for, at most three."""
    for columns in (3, 2, 1):
        figure.set_size_inches(WIDTH, HEIGHT + 0.3 * -(-groups // columns))
        legend = figure.legend(
            loc="outside lower left", ncols=columns, frameon=False, fontsize=12, markerscale=markerscale
        )
        figure.draw_without_rendering()
        if columns == 1 or legend.get_window_extent().x1 <= figure.bbox.x1:
            return
        legend.remove()


def escape(text: str) -> str:
    """Keep matplotlib from reading dollar signs as formulas, and labels that begin with an underscore as hidden."""
    return no_formula(f" {text}" if text.startswith("_") else text)
