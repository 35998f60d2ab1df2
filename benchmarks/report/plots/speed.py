"""How fast embedding is as a picture: a measurement of inference_throughput.py in, a figure out.

One panel a model: how many times as fast as the plain way each other way is on each workload, on a logarithmic axis
whose line at 1 is the plain way. The last panel: seconds of the end task. Markers differ as well as colours.
"""

from collections.abc import Mapping
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, ScalarFormatter

from benchmarks.report.plots.style import GREY, STYLES, clean
from benchmarks.report.speed_tables import PLAIN


def plot_inference(measured: Mapping[str, Any]) -> Figure:
    """Draw one measurement.

    Args:
        measured: A result of inference_throughput.py.

    Raises:
        ValueError: It has no ratio to the plain way.
    """
    panels = {name: find_ratios(model["workloads"]) for name, model in measured["models"].items()}
    panels = {name: ratios for name, ratios in panels.items() if ratios}
    if not panels:
        raise ValueError(f"the measurement {measured['name']} has no ratio to {PLAIN}: measure it with another way.")
    arms = list(dict.fromkeys(arm for ratios in panels.values() for arm in ratios))
    ways = measured["end_task"].get("ways", {})
    count = len(panels) + bool(ways)
    figure, row = plt.subplots(1, count, figsize=(3.6 * count + 0.8, 3.8), squeeze=False, layout="constrained")
    for axes, (name, ratios) in zip(row[0], panels.items(), strict=False):
        draw_ratios(axes, ratios, arms)
        axes.set_title(name, fontsize=10)
    row[0, 0].set_ylabel(f"times as fast as {PLAIN}", fontsize=9)
    handles = [Line2D([], [], linestyle="none", color=style[0], marker=style[1]) for style in STYLES[: len(arms)]]
    figure.legend(handles, arms, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    if ways:
        draw_end_task(row[0, -1], measured["end_task"])
    figure.suptitle(f"Embedding on {measured['device']}", fontsize=10)
    return figure


def find_ratios(workloads: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Collect the ratios to the plain way: way -> workload -> ratio.

    >>> arms = {"plain": {"ratio": 1.0}, "ours": {"ratio": 1.5}}
    >>> find_ratios({"660 bp": {"sequences": 20, "arms": arms}, "5,000 tokens": {"sequences": 1, "arms": arms}})
    {'ours': {'660 bp': 1.5}}
    """
    ratios: dict[str, dict[str, float]] = {}
    for name, workload in workloads.items():
        for arm, cell in workload["arms"].items():
            if arm != PLAIN and "ratio" in cell and workload["sequences"] > 1:
                ratios.setdefault(arm, {})[name] = cell["ratio"]
    return ratios


def draw_ratios(axes: Axes, ratios: Mapping[str, Mapping[str, float]], arms: list[str]) -> None:
    """Draw one model's ratios, workloads side by side, the ways of a workload beside each other."""
    workloads = list(dict.fromkeys(name for by_workload in ratios.values() for name in by_workload))
    axes.axhline(1, color=GREY, linewidth=1.2, zorder=0)
    for place, (arm, (colour, marker, _)) in enumerate(zip(arms, STYLES, strict=False)):
        shift = 0.6 * ((place + 0.5) / len(arms) - 0.5)
        points = [(x + shift, ratios[arm][name]) for x, name in enumerate(workloads) if name in ratios.get(arm, {})]
        if points:
            axes.plot(*zip(*points, strict=True), linestyle="none", color=colour, marker=marker)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks([0.5, 1, 2, 5, 10])
    values = [ratio for by_workload in ratios.values() for ratio in by_workload.values()]
    axes.set_ylim(min(0.9, 0.85 * min(values)), max(2.1, 1.15 * max(values)))
    axes.set_xticks(
        range(len(workloads)), [name.replace(", ", ",\n", 1) if "mixed" in name else name for name in workloads]
    )
    axes.tick_params(axis="x", labelsize=8, length=0)
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.8)
    axes.set_axisbelow(True)
    clean(axes)


def draw_end_task(axes: Axes, task: Mapping[str, Any]) -> None:
    """Draw wall seconds of the end task as bars, the start of Python and of the model in grey on top."""
    ways = task["ways"]
    for place, cell in enumerate(ways.values()):
        start = cell.get("start_seconds", 0.0)
        axes.barh(place, cell["wall_seconds"], color=STYLES[0][0], height=0.6)
        axes.barh(place, start, left=cell["wall_seconds"], color=GREY, height=0.6)
        axes.text(cell["wall_seconds"] + start, place, f" {cell['wall_seconds']:.1f}", va="center", fontsize=8)
    axes.set_yticks(range(len(ways)), [way.replace(", ", ",\n") for way in ways], fontsize=8)
    axes.set_ylim(len(ways) - 0.5, -0.5)
    axes.margins(x=0.15)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("wall seconds; grey: start of Python and model", fontsize=9)
    axes.set_title(f"{task['queries']:,} queries, {task['references']:,} references\n{task['model']}", fontsize=10)
    clean(axes)
