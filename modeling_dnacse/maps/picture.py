"""Draw a map with matplotlib, as .png, .svg or .pdf."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..machine.pictures import save_picture
from .points import GREY, MapPoints

LONGEST = 34  # characters of a group's name in the legend


def draw_map(path: Path, points: MapPoints, title: str) -> None:
    """Draw points in the colours and markers of their groups; grey points lie below all others."""
    columns = min(3, max(1, len(points.styles)))
    rows = -(-len(points.styles) // columns) if points.coloured_by else 0
    figure = Figure(figsize=(9, 7.2 + 0.3 * rows), layout="constrained")
    axes = figure.subplots()
    size = float(np.clip(6000 / len(points.ids), 9, 60))
    groups = np.array(points.groups)
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
        figure.legend(
            loc="outside lower left", ncols=columns, frameon=False, fontsize=12, markerscale=max(1, 7 / size**0.5)
        )
    save_picture(figure, path)


def escape(text: str) -> str:
    """Keep matplotlib from reading dollar signs as formulas."""
    return text.replace("$", r"\$")
