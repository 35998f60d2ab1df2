"""What embedding aims at, against what was measured: a measurement of inference_throughput.py in, a table out.

An aim is a ratio within one run, so that it holds on any machine. By how much it is met or missed is a share of the
aim. What a measurement lacks is not measured; what needs a GPU is waiting for one.
"""

from collections.abc import Iterable, Mapping
from typing import Any

PLAIN = "plain"  # the way that the others are compared with
BASE = "base size"  # the model of DNABERT-2's shape
PACKED, INT8 = "ours, packed", "ours, int8"
EMBEDDED, CACHED = "references embedded", "references cached"  # the two ways of the end task
ON_H100 = (
    "one H100, base size, 10 kb: at least 50% of the measured bf16 matrix rate",
    "one H100, base size, 660 bp: at least 35% of the measured bf16 matrix rate",
    "one H100, base size: at least 5 × the plain way",
)

Row = tuple[str, str, str]  # the aim, what was measured, by how much it is met or missed


def render_aims(measured: Mapping[str, Any]) -> str:
    """Render the aims of a measurement on a CPU, and what the profile says of them.

    Args:
        measured: A result of inference_throughput.py.
    """
    models = {name: model["workloads"] for name, model in measured["models"].items()}
    rows: list[Row] = [
        ("aim", "measured", "met or missed"),
        ("---", "---", "---"),
        speed_row(models, PACKED, 1.3),
        speed_row(models, INT8, 2.0),
        *memory_rows(models),
        busy_row(models, 0.95),
        *(end_task_row(measured["end_task"], library) for library in (CACHED, EMBEDDED)),
        *((aim, "waiting for a GPU", "–") for aim in ON_H100),
    ]
    return f"{markdown(rows)}\n\n{fastest_possible(models)}"


def markdown(rows: Iterable[Iterable[str]]) -> str:
    """Write rows of cells as a table; the second row is `---` throughout.

    >>> markdown([("aim", "met"), ("---", "---")]).splitlines()
    ['| aim | met |', '|---|---|']
    """
    lines = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    return lines.replace("| --- ", "|---").replace("--- |", "---|")


def judge(found: float, aim: float, at_most: bool = False) -> str:
    """Say by how much of it an aim is met or missed.

    >>> judge(1.43, 1.3), judge(1.04, 1.3), judge(0.5, 0.4, at_most=True)
    ('met by 10.0%', 'missed by 20.0%', 'missed by 25.0%')
    """
    met = found <= aim if at_most else found >= aim
    return f"{'met' if met else 'missed'} by {abs(found / aim - 1):.1%}"


def mixed_arms(workloads: Mapping[str, Any]) -> Mapping[str, Any]:
    """The ways to embed and their figures on mixed lengths; none where these were not measured."""
    return next((workload["arms"] for name, workload in workloads.items() if name.startswith("mixed")), {})


def speed_row(models: Mapping[str, Any], arm: str, aim: float) -> Row:
    """How many times as fast as the plain way one of ours is at base size on mixed lengths."""
    what = f"{BASE}, mixed lengths: {arm} at least {aim:g} × as fast as the plain way"
    found = mixed_arms(models.get(BASE, {})).get(arm, {}).get("ratio")
    return (what, f"{found:.2f} ×", judge(found, aim)) if found else (what, "not measured", "–")


def memory_rows(models: Mapping[str, Any]) -> list[Row]:
    """What a long sequence adds to memory, ours against the plain way's: a row a model."""
    rows = []
    for name, workloads in models.items():
        for tokens, workload in workloads.items():
            arms = workload["arms"]
            ours, plain = (arms.get(arm, {}).get("added_memory_mb") for arm in (PACKED, PLAIN))
            if tokens.endswith(" tokens") and ours is not None and plain:
                shown = f"{ours / plain:.2f} ({ours:,.0f} MB of {plain:,.0f})"
                what = f"{name}, one sequence of {tokens}: {PACKED} adds at most 1/3 of the plain way's memory"
                rows.append((what, shown, judge(ours / plain, 1 / 3, at_most=True)))
    return rows or [(f"one long sequence: {PACKED} adds at most 1/3 of the plain way's memory", "not measured", "–")]


def busy_row(models: Mapping[str, Any], aim: float) -> Row:
    """The least share of the time that a model is busy, over models and workloads."""
    what = f"{PACKED}: model busy at least {aim:.0%} of the time"
    shares = [
        (workload["arms"][PACKED]["busy"], f"{name}, {key}")
        for name, workloads in models.items()
        for key, workload in workloads.items()
        if PACKED in workload["arms"]
    ]
    if not shares:
        return what, "not measured", "–"
    found, where = min(shares)
    return what, f"{found:.1%} at the least ({where})", judge(found, aim)


def end_task_row(task: Mapping[str, Any], library: str) -> Row:
    """The seconds of identifying barcodes by the fastest of ours, its start not counted, against those of vsearch."""
    ways, of_ours = task.get("ways", {}), f", {library}"
    ours = {way.removesuffix(of_ours): cell["wall_seconds"] for way, cell in ways.items() if way.endswith(of_ours)}
    if not ours or "vsearch" not in ways:
        return f"identifying barcodes{of_ours}: less time than vsearch", "not measured", "–"
    what = f"identifying {task['queries']:,} barcodes by {task['references']:,}{of_ours}: less time than vsearch"
    best, vsearch = min(ours, key=ours.__getitem__), ways["vsearch"]["wall_seconds"]
    shown = f"{ours[best]:,.1f} s ({task['model']}, {best}), vsearch {vsearch:,.1f} s"
    return what, shown, judge(ours[best], vsearch, at_most=True)


def fastest_possible(models: Mapping[str, Any]) -> str:
    """What the profile shows: how much faster than the plain way any other can be in float32 on mixed lengths.

    >>> cell = {"utilisation": 0.4}
    >>> fastest_possible({"mini": {"mixed, made": {"arms": {"plain": cell}}}}).partition(": ")[2]
    'no way in float32 can be more than 2.50 × as fast (mini).'
    """
    used = {name: mixed_arms(workloads).get(PLAIN, {}).get("utilisation") for name, workloads in models.items()}
    used = {name: share for name, share in used.items() if share}
    if not used:
        return "What bounds the ratios is not measured: the plain way on mixed lengths."
    shares = " and ".join(f"{share:.0%} ({name})" for name, share in used.items())
    bounds = " and ".join(f"{1 / share:.2f} × as fast ({name})" for name, share in used.items())
    return (
        f"Of the measured rate of matrix products the plain way uses {shares} on mixed lengths, its padding not "
        f"counted: no way in float32 can be more than {bounds}."
    )
