"""How fast embedding is as a picture: a measurement of inference_throughput.py in, a figure out.

One panel per model: the speed of each way on each workload, relative to the plain way, on a logarithmic axis. The line
at 1 is the plain way. Results until November 2026 also timed the identification of barcodes, which is the last panel.
Our ways share our colour and differ in their markers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, ScalarFormatter

from benchmarks.report.plots.style import GREY, MUTED, OURS, Style, clean
from benchmarks.report.speed_tables import PLAIN

OUR_WAYS = "ours"  # what the names of our ways begin with


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
    ways = measured.get("end_task", {}).get("ways", {})  # of results until November 2026
    count = len(panels) + bool(ways)
    figure, row = plt.subplots(1, count, figsize=(4.6 * count + 0.8, 5), squeeze=False, layout="constrained")
    for axes, (name, ratios) in zip(row[0], panels.items(), strict=False):
        draw_ratios(axes, ratios, arms)
        axes.set_title(name, fontsize=12)
    row[0, 0].set_ylabel(f"times as fast as {PLAIN}", fontsize=11)
    handles = [
        Line2D([], [], linestyle="none", color=style.colour, marker=style.marker, markersize=9)
        for style in style_ways(arms).values()
    ]
    figure.legend(handles, arms, loc="outside lower center", ncols=4, fontsize=11.5, frameon=False)
    if ways:
        draw_end_task(row[0, -1], measured["end_task"])
    figure.suptitle(f"Embedding on {measured['device']}", fontsize=13)
    return figure


def style_ways(arms: Sequence[str]) -> dict[str, Style]:
    """Give our ways our colour and a marker each, and the others muted styles.

    >>> [style.colour == OURS.colour for style in style_ways(["ours, int8", "ONNX Runtime"]).values()]
    [True, False]
    """
    markers, muted = iter("osDv^P"), iter(MUTED)
    return {arm: Style(OURS.colour, next(markers)) if arm.startswith(OUR_WAYS) else next(muted) for arm in arms}


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
    for place, (arm, style) in enumerate(style_ways(arms).items()):
        shift = 0.6 * ((place + 0.5) / len(arms) - 0.5)
        points = [(x + shift, ratios[arm][name]) for x, name in enumerate(workloads) if name in ratios.get(arm, {})]
        if points:
            axes.plot(
                *zip(*points, strict=True), linestyle="none", color=style.colour, marker=style.marker, markersize=8
            )
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks([0.5, 1, 2, 5, 10])
    values = [ratio for by_workload in ratios.values() for ratio in by_workload.values()]
    axes.set_ylim(min(0.9, 0.85 * min(values)), max(2.1, 1.15 * max(values)))
    axes.set_xticks(
        range(len(workloads)), [name.replace(", ", ",\n", 1) if "mixed" in name else name for name in workloads]
    )
    axes.tick_params(axis="x", labelsize=10.5, length=0)
    axes.tick_params(axis="y", labelsize=10.5)
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.8)
    axes.set_axisbelow(True)
    clean(axes)


def draw_end_task(axes: Axes, task: Mapping[str, Any]) -> None:
    """Draw the wall seconds of identification as bars, the start of Python and of the model in grey on top."""
    ways = task["ways"]
    for place, (way, cell) in enumerate(ways.items()):
        start = cell.get("start_seconds", 0.0)
        colour = OURS.colour if way.startswith(OUR_WAYS) else MUTED[0].colour
        axes.barh(place, cell["wall_seconds"], color=colour, height=0.6)
        axes.barh(place, start, left=cell["wall_seconds"], color=GREY, height=0.6)
        axes.text(cell["wall_seconds"] + start, place, f" {cell['wall_seconds']:.1f}", va="center", fontsize=11)
    axes.set_yticks(range(len(ways)), [",\n".join(way.rsplit(", ", 1)) for way in ways], fontsize=11)
    axes.set_ylim(len(ways) - 0.5, -0.5)
    axes.margins(x=0.15)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("wall seconds; grey: start of Python and model", fontsize=11)
    axes.set_title(f"{task['queries']:,} queries, {task['references']:,} references\n{task['model']}", fontsize=12)
    clean(axes)
