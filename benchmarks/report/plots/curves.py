"""Curves of one data set: a metric over shots, bp, errors, dimensions or thresholds; results in, a figure out.

One panel per curve of the tasks' `curves`, the first six that the results have or the requested ones; one line per
model with bars of 95 % intervals, shifted slightly so that they do not overlap. Seven lines can be read: ours, in a
colour of its own, and the best of the others, in the order of scores.py. Networks with random weights are left out.
The points of a panel share their queries, so the shape of a line is more certain than the bars say.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks.report.plots.scores import is_drawn, rank_models
from benchmarks.report.plots.style import OURS, Style, bounds, choose_styles, clean
from benchmarks.report.task_headings import abscissa, all_curves, points
from benchmarks.tasks.task import Panel

PANELS, LINES = 6, 7
TICKS = 0.13  # the least distance of two named places, as a share of an axis
Series = Mapping[str, Mapping[str, Any]]  # model -> metric -> value and interval


def find_curves(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Collect the curves that some result has two or more points of: curve -> model -> points, in order.

    >>> metrics = {"species_seen@0.05": {}, "species_seen@0": {}, "genus_unseen@0": {}}
    >>> find_curves([{"task": "mutation", "model": "tnf", "metrics": metrics}])
    {'mutation.species_seen': {'tnf': {'species_seen@0': {}, 'species_seen@0.05': {}}}}
    """
    found = {}
    for curve in all_curves():
        task, _, name = curve.partition(".")
        lines = {
            result["model"]: {point: result["metrics"][point] for point in points(name, result["metrics"])}
            for result in results
            if result["task"] == task and is_drawn(result["model"])
        }
        if lines := {model: line for model, line in lines.items() if len(line) > 1}:
            found[curve] = lines
    return found


def choose_models(panels: Sequence[Series]) -> list[str]:
    """Choose the lines: ours, then the others by their lead, as many as can be read."""
    means = [
        {model: {"value": np.mean([point["value"] for point in line.values()])} for model, line in panel.items()}
        for panel in panels
    ]
    return rank_models(means)[:LINES]


def choose_ticks(counts: Mapping[float, int], scale: str) -> list[float]:
    """Choose the places to name: those that most lines have first, none so close to another that they overlap.

    >>> choose_ticks({16: 3, 1024: 2, 1074: 1, 192: 1, 256: 2}, "log")
    [16, 256, 1024]
    """
    along = np.log if scale == "log" else float
    apart = TICKS * np.ptp([along(place) for place in counts])
    chosen: list[float] = []
    for place in sorted(counts, key=lambda place: (-counts[place], place)):
        if all(abs(along(place) - along(other)) >= apart for other in chosen):
            chosen.append(place)
    return sorted(chosen)


def draw_curve(axes: Axes, lines: Series, styles: Mapping[str, Style], curve: Panel) -> None:
    """Draw one panel."""
    counts = Counter(abscissa(point) for line in lines.values() for point in line)
    width = np.ptp(np.log(list(counts)) if curve.scale == "log" else list(counts))
    for number, (model, style) in enumerate(styles.items()):
        if model not in lines:
            continue
        x = np.array([abscissa(point) for point in lines[model]])
        aside = width * 0.006 * (number - (len(styles) - 1) / 2)
        x = x * np.exp(aside) if curve.scale == "log" else x + aside
        value, low, high = np.array([bounds(point) for point in lines[model].values()]).T
        ours = style == OURS
        axes.errorbar(x, value, [value - low, high - value], fmt="none", ecolor=style.colour, elinewidth=1, alpha=0.6)
        axes.plot(
            x, value, color=style.colour, marker=style.marker, linestyle=style.line, label=model,
            markersize=8 if ours else 6, linewidth=2.8 if ours else 1.5, zorder=3 if ours else 2,
            markeredgecolor="white", markeredgewidth=0.5,
        )  # fmt: skip
    axes.set_xscale(curve.scale)
    if curve.scale == "log":
        axes.xaxis.set_minor_locator(NullLocator())
    places = choose_ticks(counts, curve.scale)
    axes.set_xticks(places, [f"{100 * place:g}" if curve.percent else f"{place:g}" for place in places])
    axes.set_title(curve.title, fontsize=12)
    axes.set_xlabel(curve.unit, fontsize=11)
    axes.tick_params(labelsize=10.5)
    axes.grid(axis="y", color="#E6E6E6", linewidth=0.6)
    axes.set_axisbelow(True)
    clean(axes)


def plot_curves(name: str, results: Sequence[Mapping[str, Any]], only: Sequence[str] = ()) -> Figure:
    """Draw the curves of one table.

    Args:
        name: What the table is called.
        results: Its results.
        only: Curves to draw, as `length.ward_ari`; by default the first six that there are.

    Raises:
        ValueError: The results have no such curve.
    """
    found = find_curves(results)
    chosen = [curve for curve in (only or list(found)[:PANELS]) if curve in found]
    if len(chosen) < len(only) or not chosen:
        there = ", ".join(found) or "none"
        raise ValueError(f"got --curve {' '.join(only)}, but the curves of {name} are: {there}.")
    models = choose_models([found[curve] for curve in chosen])
    styles = choose_styles(models)
    curves = all_curves()
    columns = min(3, len(chosen))
    rows = -(-len(chosen) // columns)
    figure, panels = plt.subplots(
        rows, columns, figsize=(4.2 * columns, 3.3 * rows + 0.9), squeeze=False, layout="constrained"
    )
    for axes, curve in zip(panels.flat, chosen, strict=False):
        draw_curve(axes, found[curve], styles, curves[curve])
    for axes in panels.flat[len(chosen) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel("per cent", fontsize=11)
    legends = [axes.get_legend_handles_labels() for axes in panels.flat]
    by_model = {text: handle for handles, texts in legends for handle, text in zip(handles, texts, strict=True)}
    figure.legend(
        [by_model[model] for model in models], models, loc="outside lower center", ncols=min(4, len(models)),
        frameon=False, handlelength=4, fontsize=11.5,
    )  # fmt: skip
    everyone = {model for curve in chosen for model in found[curve]}
    note = f": {len(models)} of {len(everyone)} models" if len(everyone) > len(models) else ""
    figure.suptitle(name + note, fontsize=13)
    return figure
