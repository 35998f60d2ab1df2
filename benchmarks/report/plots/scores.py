"""The headline metrics of one data set as bars: results in, a figure out, one panel a metric of `headlines.BARS` that
the results have.

Every panel has every model in the same row, the best on average on top, so that a model can be followed from panel to
panel; networks are dark, methods without learnt weights light. A model without the metric has a dash in its place.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from benchmarks.report.headlines import BARS
from benchmarks.report.plots.style import bounds, clean

COLUMNS = 4  # panels beside each other
DARK, LIGHT = "#4A90C2", "#CFE2F1"  # an interval is to be seen on either

Panel = Mapping[str, Mapping[str, Any]]  # model -> metric


def find_panels(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Collect the headline metrics that some result has: heading -> model -> metric.

    >>> find_panels([{"task": "knn", "model": "tnf", "metrics": {"species_seen": {"value": 0.5}}}])
    {'1-NN species, seen': {'tnf': {'value': 0.5}}}
    """
    panels = {
        heading: {
            result["model"]: result["metrics"][metric]
            for result in results
            if result["task"] == task and metric in result["metrics"]
        }
        for task, metrics in BARS.items()
        for metric, heading in metrics.items()
    }
    return {heading: panel for heading, panel in panels.items() if panel}


def rank_models(panels: Sequence[Panel]) -> list[str]:
    """Order models by how far each is from a panel's mean, on average over the panels that it has."""
    leads: dict[str, list[float]] = {}
    for panel in panels:
        middle = np.mean([metric["value"] for metric in panel.values()])
        for model, metric in panel.items():
            leads.setdefault(model, []).append(float(metric["value"] - middle))
    return sorted(leads, key=lambda model: (-np.mean(leads[model]), model))


def draw_bars(axes: Axes, panel: Panel, models: Sequence[str], networks: set[str]) -> None:
    """Draw one metric: a bar a model, with its interval or the range over seeds, and its value."""
    for row, model in enumerate(models):
        if model not in panel:
            axes.text(1.5, row, "–", va="center", fontsize=8, color="#777777")
            continue
        value, low, high = bounds(panel[model])
        axes.barh(row, value, color=DARK if model in networks else LIGHT, height=0.7)
        if high > low:
            axes.errorbar(value, row, xerr=[[value - low], [high - value]], color="black", capsize=1.5, lw=0.8)
        axes.text(max(high, value, 0) + 2, row, f"{value:.1f}", va="center", fontsize=7.5)
    axes.set(xlim=(0, 118), xticks=[0, 50, 100], yticks=range(len(models)), ylim=(len(models) - 0.4, -0.6))
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", labelsize=8.5, length=0)
    clean(axes)


def plot_bars(name: str, results: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the headline metrics of one table.

    Args:
        name: What the table is called.
        results: Its results.

    Raises:
        ValueError: The results have none of these metrics.
    """
    panels = find_panels(results)
    if not panels:
        raise ValueError(f"the results {name} have none of the metrics that bars are drawn of: see headlines.BARS.")
    models = rank_models(list(panels.values()))
    networks = {result["model"] for result in results if result["parameters"]}
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    size = (2.3 * columns + 1.4, (0.62 + 0.2 * len(models)) * rows + 0.7)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, sharey=True, layout="constrained")
    for axes, (heading, panel) in zip(grid.flat, panels.items(), strict=False):
        draw_bars(axes, panel, models, networks)
        axes.set_title(heading, fontsize=9)
    for axes in grid[:, 0]:
        axes.set_yticklabels(models)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    if networks:
        kinds = [Patch(color=DARK, label="trained or random network"), Patch(color=LIGHT, label="no network")]
        figure.legend(handles=kinds, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    figure.suptitle(f"{name} (per cent; 95 % intervals, or the range over seeds)", fontsize=11)
    return figure
