"""How fast training and embedding are, as Markdown tables: measurements of benchmarks/speed in, tables out."""

from collections.abc import Mapping
from typing import Any

from benchmarks.report.markdown_table import markdown

PLAIN = "plain"  # the way to embed that the others are compared with
PADDED = "padded"  # the arm of training that the others are compared with

# figure -> heading and format; a figure that a measurement lacks has no column
Figures = Mapping[str, tuple[str, str]]
TRAINING_RATES: Figures = {
    "pairs_per_second": ("pairs/s", "{:,.1f}"),
    "tokens_per_second": ("tokens/s", "{:,.0f}"),
    "padding": ("padding", "{:.0%}"),
    "input_pairs_per_second": ("input, pairs/s", "{:,.0f}"),
    "mfu": ("FLOPs used", "{:.0%}"),
    "gpu_memory_mb": ("peak GPU memory, MB", "{:,.0f}"),
    "peak_memory_mb": ("peak memory, MB", "{:,.0f}"),
}
EMBEDDING: Figures = {
    "tokens_per_second": ("tokens/s", "{:,.0f}"),
    "bp_per_second": ("bp/s", "{:,.0f}"),
    "utilisation": ("FLOPs used", "{:.0%}"),
    "busy": ("model busy", "{:.1%}"),
    "peak_memory_mb": ("peak memory, MB", "{:,.0f}"),
    "gpu_memory_mb": ("peak GPU memory, MB", "{:,.0f}"),
    "cosine_min": ("lowest cosine to plain", "{:.4f}"),
    "centred_cosine_min": ("centred", "{:.4f}"),
}
MEMORY: Figures = {
    "tokens_per_second": EMBEDDING["tokens_per_second"],
    "utilisation": EMBEDDING["utilisation"],
    "peak_memory_mb": EMBEDDING["peak_memory_mb"],
    "added_memory_mb": ("of this the work's", "{:,.0f}"),
    "gpu_memory_mb": EMBEDDING["gpu_memory_mb"],
}
IDENTIFYING: Figures = {
    "wall_seconds": ("wall, s", "{:,.1f}"),
    "cpu_seconds": ("CPU, s", "{:,.1f}"),
    "start_seconds": ("start, s", "{:,.1f}"),
    "peak_memory_mb": ("peak memory, MB", "{:,.0f}"),
    "genus_right": ("genus right", "{:.1%}"),
}


def render_training(measured: Mapping[str, Any]) -> str:
    """Render a measurement of training: a row an arm, each compared with `PADDED`.

    >>> arms = {"padded": {"pairs_per_second": 2.0}, "packed": {"pairs_per_second": 7.0}}
    >>> about = {"batch_size": 64, "max_length": 400, "device": "CPU", "waiting_for_a_gpu": []}
    >>> render_training({"arms": arms} | about).splitlines()[3]
    '| packed | 7.0 | 3.50 × |'
    """
    arms = measured["arms"]
    there = {rate: shown for rate, shown in TRAINING_RATES.items() if any(rate in arm for arm in arms.values())}
    base = arms.get(PADDED, {}).get("pairs_per_second")
    heads, rows = ["arm", *(heading for heading, _ in there.values())], []
    for name, arm in arms.items():
        rows.append([name, *(form.format(arm[rate]) if rate in arm else "" for rate, (_, form) in there.items())])
        if base:
            rows[-1].insert(2, f"{arm['pairs_per_second'] / base:.2f} ×")
    if base:
        heads.insert(2, f"pairs/s by {PADDED}")
    about = [f"Batches of {measured['batch_size']} pairs of at most {measured['max_length']} tokens."]
    about += [f"Machine: {measured['device']}.", *waiting(measured)]
    about += [f"Failed: {arm} ({reason.rstrip('.')})." for arm, reason in measured.get("failed", {}).items()]
    return f"{markdown(heads, rows)}\n\n{' '.join(about)}\n"


def render_inference(measured: Mapping[str, Any]) -> str:
    """Render a measurement of embedding: of each model the rates and the memory, then the task of identification."""
    parts = []
    for name, model in measured["models"].items():
        workloads = model["workloads"]
        rated = {key: workload for key, workload in workloads.items() if workload["sequences"] > 1}
        parts += [f"**{name}** ({model['parameters'] / 1e6:.1f} M parameters), sequences/s", render_rates(rated)]
        for key, workload in workloads.items():
            if key.startswith("mixed"):
                parts += [f"**{name}**, {key}", render_figures(workload["arms"], EMBEDDING)]
            elif key not in rated:
                parts += [f"**{name}**, one sequence of {key}", render_figures(workload["arms"], MEMORY)]
    if task := measured.get("end_task"):  # of results until November 2026
        asked = f"{task['queries']:,} queries, {task['references']:,} references of {task['median_bp']} bp (median)"
        parts += [f"**Identifying barcodes**: {asked}, {task['source']}, {task['model']}"]
        parts += [render_figures(task["ways"], IDENTIFYING)]
    return "\n\n".join([*parts, about_inference(measured)]) + "\n"


def render_rates(workloads: Mapping[str, Any]) -> str:
    """Render sequences/s, and how many times as fast as the plain way that is: ways by workloads.

    >>> arms = {"plain": {"sequences_per_second": 2.0, "ratio": 1.0}, "b": {"sequences_per_second": 7.0, "ratio": 3.4}}
    >>> print(render_rates({"660 bp": {"arms": arms}}))
    | way | 660 bp |
    |---|---|
    | plain | 2.00 |
    | b | 7.00 (3.40 ×) |
    """
    arms = dict.fromkeys(arm for workload in workloads.values() for arm in workload["arms"])
    rows = ([arm, *(rate(arm, workload["arms"].get(arm)) for workload in workloads.values())] for arm in arms)
    return markdown(["way", *workloads], rows)


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


def render_figures(ways: Mapping[str, Mapping[str, float]], figures: Figures) -> str:
    """Render figures, ways by figures.

    >>> print(render_figures({"vsearch": {"wall_seconds": 8.25}}, IDENTIFYING))
    | way | wall, s |
    |---|---|
    | vsearch | 8.2 |
    """
    there = {figure: shown for figure, shown in figures.items() if any(figure in cell for cell in ways.values())}
    rows = (
        [way, *(form.format(cell[figure]) if figure in cell else "–" for figure, (_, form) in there.items())]
        for way, cell in ways.items()
    )
    return markdown(["way", *(heading for heading, _ in there.values())], rows)


def about_inference(measured: Mapping[str, Any]) -> str:
    """Say how the figures were measured, and what is missing."""
    best = max(measured["matmul_flops_per_second"].values())
    low, first, median, third, high = measured["mixed"]["bp_quartiles"]
    said = [
        f"Machine: {measured['device']}. The plain way takes batches of at most {measured['plain_batch']} sequences "
        f"sorted by length, with eager attention. FLOPs used: the share of {best / 1e9:,.0f} GFLOP/s, the best rate "
        f"of matrix products in this run. Mixed lengths ({measured['data']['name']}): {low:,} to {high:,} bp, "
        f"quartiles {first:,}, {median:,}, {third:,}.",
        *fastest_possible(measured["models"]),
        *waiting(measured),
    ]
    missing = measured["not_measured"] | measured["failed"]
    said += [f"Not measured: {what} ({reason.rstrip('.')})." for what, reason in missing.items()]
    return " ".join(said)


def waiting(measured: Mapping[str, Any]) -> list[str]:
    """Say what was left out because the machine has no GPU."""
    names = measured["waiting_for_a_gpu"]
    return [f"Not measured for want of a GPU: {', '.join(names)}."] if names else []


def fastest_possible(models: Mapping[str, Any]) -> list[str]:
    """Say how much faster than the plain way any way in float32 can be on mixed lengths.

    >>> cell = {"utilisation": 0.4}
    >>> fastest_possible({"mini": {"workloads": {"mixed, made": {"arms": {"plain": cell}}}}})
    ['On mixed lengths no way in float32 can be more than 2.50 × as fast as the plain way (mini).']
    """
    bounds = [
        f"{1 / workload['arms'][PLAIN]['utilisation']:.2f} × as fast as the plain way ({name})"
        for name, model in models.items()
        for key, workload in model["workloads"].items()
        if key.startswith("mixed") and workload["arms"].get(PLAIN, {}).get("utilisation")
    ]
    return [f"On mixed lengths no way in float32 can be more than {' and '.join(bounds)}."] if bounds else []
