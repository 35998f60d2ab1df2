"""How fast training is as a Markdown table: a measurement of training_throughput.py in, its arms as rows."""

from collections.abc import Mapping
from typing import Any

BASE = "padded"  # the arm that the others are compared with

# rate -> heading and format
RATES = {
    "pairs_per_second": ("pairs/s", "{:,.1f}"),
    "tokens_per_second": ("tokens/s", "{:,.0f}"),
    "padding": ("padding", "{:.0%}"),
    "input_pairs_per_second": ("input, pairs/s", "{:,.0f}"),
    "mfu": ("FLOPs used", "{:.0%}"),
    "gpu_memory_mb": ("peak GPU memory, MB", "{:,.0f}"),
    "peak_memory_mb": ("peak memory, MB", "{:,.0f}"),
}


def render_rates(measured: Mapping[str, Any]) -> str:
    """Render one measurement; `padded` is what the others are compared with.

    >>> arms = {"padded": {"pairs_per_second": 2.0}, "default": {"pairs_per_second": 7.0}}
    >>> sizes = {"batch_size": 64, "max_length": 400, "device": "CPU", "waiting_for_a_gpu": []}
    >>> print(render_rates({"arms": arms} | sizes).splitlines()[-3])
    | default | 7.0 | 3.50 × |
    """
    arms = measured["arms"]
    rates = {rate: shown for rate, shown in RATES.items() if any(rate in arm for arm in arms.values())}
    base = arms.get(BASE, {}).get("pairs_per_second")
    heads = ["arm", *(heading for heading, _ in rates.values())]
    if base:
        heads.insert(2, f"pairs/s by {BASE}")
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for name, arm in arms.items():
        cells = [name, *(shown.format(arm[rate]) if rate in arm else "" for rate, (_, shown) in rates.items())]
        if base:
            cells.insert(2, f"{arm['pairs_per_second'] / base:.2f} ×")
        lines.append(f"| {' | '.join(cells)} |")
    about = (
        f"Batches of {measured['batch_size']} pairs of at most {measured['max_length']} tokens; {measured['device']}."
    )
    if waiting := measured["waiting_for_a_gpu"]:
        about += f" Not measured for want of a GPU: {', '.join(waiting)}."
    for arm, reason in measured.get("failed", {}).items():
        about += f" Failed: {arm} ({reason.rstrip('.')})."
    return "\n".join([*lines, "", about]) + "\n"
