"""The headline metrics of one data set: results in, a figure of dots with intervals out, one panel a metric.

The panels are those of the tasks' `bars` that the results have. Every panel has every method in the same row, ours on
top and then the best on average, so that a method can be followed from panel to panel. An axis begins and ends where
the values do, so that differences show. Networks with random weights are left out, since they would stretch the axes,
and so are the last of many methods. A method without the metric has a dash.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.report.plots.style import Style, bounds, choose_styles, clean, is_ours
from benchmarks.report.result_files import CONTROLS
from benchmarks.tasks import TASKS

COLUMNS, PANELS, ROWS = 3, 12, 10  # panels beside each other and in all, methods in a panel

Panel = Mapping[str, Mapping[str, Any]]  # model -> metric


def is_drawn(model: str) -> bool:
    """Whether a picture shows a method: none with random weights."""
    return not model.startswith(CONTROLS)


def find_panels(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Collect the headline metrics that some result has: heading -> model -> metric.

    >>> find_panels([{"task": "knn", "model": "tnf", "metrics": {"species_seen": {"value": 0.5}}}])
    {'Species, seen': {'tnf': {'value': 0.5}}}
    """
    panels = {
        heading: {
            result["model"]: result["metrics"][metric]
            for result in results
            if result["task"] == task and metric in result["metrics"] and is_drawn(result["model"])
        }
        for task, module in TASKS.items()
        for metric, heading in module.TASK.bars.items()
    }
    return {heading: panel for heading, panel in panels.items() if panel}


def rank_models(panels: Sequence[Panel]) -> list[str]:
    """Order models: ours, then by how far each is from a panel's mean, on average over the panels that it has."""
    leads: dict[str, list[float]] = {}
    for panel in panels:
        middle = np.mean([metric["value"] for metric in panel.values()])
        for model, metric in panel.items():
            leads.setdefault(model, []).append(float(metric["value"] - middle))
    return sorted(leads, key=lambda model: (not is_ours(model), -np.mean(leads[model]), model))


def draw_scores(axes: Axes, panel: Panel, styles: Mapping[str, Style]) -> None:
    """Draw one metric: a dot a method, with its interval or the range over seeds, and its value at the right."""
    values = []
    for row, (model, style) in enumerate(styles.items()):
        if model not in panel:
            axes.text(1.02, row, "–", transform=axes.get_yaxis_transform(), va="center", fontsize=11, color="#777777")
            continue
        value, low, high = bounds(panel[model])
        values += [value, low, high]
        ours = is_ours(model)
        axes.errorbar(
            value, row, xerr=[[value - low], [high - value]], color=style.colour, marker=style.marker,
            markersize=9 if ours else 6.5, elinewidth=2.4 if ours else 1.4, zorder=3 if ours else 2,
        )  # fmt: skip
        axes.text(
            1.02, row, f"{value:.1f}", transform=axes.get_yaxis_transform(), va="center", fontsize=11,
            color=style.colour if ours else "#444444", fontweight="bold" if ours else "normal",
        )  # fmt: skip
    low, high = (min(values), max(values)) if values else (0, 100)
    room = max(1.0, 0.06 * (high - low))
    axes.set(xlim=(low - room, high + room), yticks=range(len(styles)), ylim=(len(styles) - 0.4, -0.6))
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.grid(axis="both", color="#EEEEEE", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", labelsize=10.5)
    axes.tick_params(axis="y", labelsize=11.5, length=0)
    clean(axes)


def plot_scores(name: str, results: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the headline metrics of one table.

    Args:
        name: What the table is called.
        results: Its results.

    Raises:
        ValueError: The results have none of these metrics.
    """
    panels = dict(list(find_panels(results).items())[:PANELS])
    if not panels:
        raise ValueError(
            f"the results {name} have none of the metrics that are drawn: see `bars` in the files of tasks."
        )
    ranked = rank_models(list(panels.values()))
    styles = choose_styles(ranked[:ROWS])
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    size = (3.6 * columns + 1.9, (0.85 + 0.25 * len(styles)) * rows + 0.6)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, sharey=True, layout="constrained")
    for axes, (heading, panel) in zip(grid.flat, panels.items(), strict=False):
        draw_scores(axes, panel, styles)
        axes.set_title(heading, fontsize=12)
    for axes in grid[:, 0]:
        axes.set_yticklabels(styles)
        for label in axes.get_yticklabels():
            if is_ours(label.get_text()):
                label.set(color=styles[label.get_text()].colour, fontweight="bold")
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    some = f"; {len(styles)} of {len(ranked)} methods" if len(ranked) > len(styles) else ""
    figure.suptitle(f"{name}: per cent with 95 % intervals{some}", fontsize=13)
    return figure
