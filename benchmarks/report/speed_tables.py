"""How fast embedding is as Markdown tables: a measurement of inference_throughput.py in, its ways as rows."""

from collections.abc import Mapping
from typing import Any

from benchmarks.report.speed_aims import PLAIN, judge, markdown, render_aims

# figure -> heading and format; those that a measurement lacks, such as memory of a GPU, have no column
FIGURES = {
    "tokens_per_second": ("tokens/s", "{:,.0f}"),
    "bp_per_second": ("bp/s", "{:,.0f}"),
    "utilisation": ("FLOPs used", "{:.0%}"),
    "busy": ("model busy", "{:.1%}"),
    "peak_memory_mb": ("peak memory, MB", "{:,.0f}"),
    "gpu_memory_mb": ("peak GPU memory, MB", "{:,.0f}"),
    "cosine_min": ("lowest cosine to plain", "{:.4f}"),
    "centred_cosine_min": ("centred", "{:.4f}"),
}
MEMORY = {
    "tokens_per_second": FIGURES["tokens_per_second"],
    "utilisation": FIGURES["utilisation"],
    "peak_memory_mb": FIGURES["peak_memory_mb"],
    "added_memory_mb": ("of this the work's", "{:,.0f}"),
    "gpu_memory_mb": FIGURES["gpu_memory_mb"],
}
COSTS = {
    "wall_seconds": ("wall, s", "{:,.1f}"),
    "cpu_seconds": ("CPU, s", "{:,.1f}"),
    "start_seconds": ("start, s", "{:,.1f}"),
    "peak_memory_mb": ("peak memory, MB", "{:,.0f}"),
    "genus_right": ("genus right", "{:.1%}"),
}

MOST_MEMORY = 2048  # MB, for any number of records


def render_inference(measured: Mapping[str, Any]) -> str:
    """Render one measurement: of each model the rates by workload and the figures of each; the end task; the aims.

    Args:
        measured: A result of inference_throughput.py.
    """
    parts = []
    for name, model in measured["models"].items():
        workloads = model["workloads"]
        rated = {key: workload for key, workload in workloads.items() if workload["sequences"] > 1}
        parts += [f"**{name}** ({model['parameters'] / 1e6:.1f} M parameters), sequences/s", render_rates(rated)]
        for key, workload in workloads.items():
            if key.startswith("mixed"):
                parts += [f"**{name}**, {key}", render_figures(workload["arms"], FIGURES)]
            elif key not in rated:
                parts += [f"**{name}**, one sequence of {key}", render_figures(workload["arms"], MEMORY)]
    if task := measured["end_task"]:
        asked = f"{task['queries']:,} queries, {task['references']:,} references of {task['median_bp']} bp (median)"
        parts += [f"**Identifying barcodes**: {asked}, {task['source']}, {task['model']}"]
        parts += [render_figures(task["ways"], COSTS)]
    if measured["waiting_for_a_gpu"]:  # else it has one, and those aims are not a CPU's
        parts += ["**Aims**", render_aims(measured)]
    return "\n\n".join([*parts, about(measured)]) + "\n"


def render_rates(workloads: Mapping[str, Any]) -> str:
    """Render sequences/s, and how many times those of the plain way that is: ways by workloads.

    >>> arms = {"plain": {"sequences_per_second": 2.0, "ratio": 1.0}, "b": {"sequences_per_second": 7.0, "ratio": 3.4}}
    >>> print(render_rates({"660 bp": {"arms": arms}}))
    | way | 660 bp |
    |---|---|
    | plain | 2.00 |
    | b | 7.00 (3.40 ×) |
    """
    arms = list(dict.fromkeys(arm for workload in workloads.values() for arm in workload["arms"]))
    lines = [["way", *workloads], ["---"] * (len(workloads) + 1)]
    for arm in arms:
        lines.append([arm, *(rate(arm, workload["arms"].get(arm)) for workload in workloads.values())])
    return markdown(lines)


def rate(arm: str, cell: Mapping[str, Any] | None) -> str:
    """One rate and its ratio.

    >>> rate("ours", {"sequences_per_second": 1234.5, "ratio": 2.5}), rate("ours", None)
    ('1,234 (2.50 ×)', '–')
    """
    if cell is None:
        return "–"
    value = cell["sequences_per_second"]
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value < 1 else f"{value:.2f}"
    return shown if arm == PLAIN or "ratio" not in cell else f"{shown} ({cell['ratio']:.2f} ×)"


def render_figures(ways: Mapping[str, Mapping[str, float]], figures: Mapping[str, tuple[str, str]]) -> str:
    """Render figures, ways by figures.

    >>> print(render_figures({"vsearch": {"wall_seconds": 8.25}}, COSTS))
    | way | wall, s |
    |---|---|
    | vsearch | 8.2 |
    """
    there = {figure: shown for figure, shown in figures.items() if any(figure in cell for cell in ways.values())}
    lines = [
        f"| {' | '.join(['way', *(heading for heading, _ in there.values())])} |",
        "|---" * (len(there) + 1) + "|",
    ]
    for way, cell in ways.items():
        cells = (form.format(cell[figure]) if figure in cell else "–" for figure, (_, form) in there.items())
        lines.append(f"| {' | '.join([way, *cells])} |")
    return "\n".join(lines)


def render_memory(measured: Mapping[str, Any]) -> str:
    """Say in one sentence what many records cost.

    >>> costs = {"seconds": 50.0, "peak_memory_mb": 1024.0}
    >>> render_memory({"records": 200, "bp": 20, "model": "mini", "device": "two cores"} | costs).splitlines()[0]
    '200 records of 20 bp through `dnacse embed` with mini: 1,024 MB of host memory at most (aim 2,048: met by 50.0%),'
    """
    peak, rate = measured["peak_memory_mb"], measured["records"] / measured["seconds"]
    return (
        f"{measured['records']:,} records of {measured['bp']:,} bp through `dnacse embed` with {measured['model']}: "
        f"{peak:,.0f} MB of host memory at most (aim {MOST_MEMORY:,}: {judge(peak, MOST_MEMORY, at_most=True)}),\n"
        f"{measured['seconds']:,.0f} s, {rate:,.0f} sequences/s; {measured['device']}.\n"
    )


def about(measured: Mapping[str, Any]) -> str:
    """What the figures stand on, and what is missing."""
    best = max(measured["matmul_flops_per_second"].values())
    low, first, median, third, high = measured["mixed"]["bp_quartiles"]
    said = [
        f"{measured['device']}; plain: batches of at most {measured['plain_batch']} sequences sorted by length, eager "
        f"attention. FLOPs used: of {best / 1e9:,.0f} GFLOP/s, the best rate of matrix products in this run. Mixed "
        f"lengths ({measured['data']['name']}): {low:,} to {high:,} bp, quartiles {first:,}, {median:,}, {third:,}."
    ]
    if waiting := measured["waiting_for_a_gpu"]:
        said.append(f"Not measured for want of a GPU: {', '.join(waiting)}.")
    missing = measured["not_measured"] | measured["failed"]
    said += [f"Not measured: {what} ({reason.rstrip('.')})." for what, reason in missing.items()]
    return " ".join(said)
