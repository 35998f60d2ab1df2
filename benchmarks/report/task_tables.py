"""The results of one task on one data set as a Markdown table: models as rows, headline metrics as columns.

Values are per cent, with a 95 % interval in brackets or the standard deviation over seeds (of the sample, n - 1); the
best of a column is bold where there is something to compare. Tables of tasks in which embedding or searching is
most of the work have two columns of costs:

- seconds for 1,000 sequences, wall / CPU: of the method's own embedding or search, queries and references counted,
  without the task's comparisons; for what was embedded earlier and kept, what it cost then;
- GB: the most resident memory, that of the tool's own processes included, and for what was embedded earlier and kept
  what it took then.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.report.markdown_table import markdown
from benchmarks.report.task_headings import by_tasks, describe_task, heading_of, headings

LEGEND = (
    "Values are per cent. Brackets hold 95 % intervals, ± precedes the standard deviation over seeds, and the best "
    "value of a column is bold."
)


def format_metric(metric: Mapping[str, Any], best: bool) -> str:
    """Write one metric in per cent.

    >>> format_metric({"value": 0.5, "interval": [0.45, 0.55]}, best=True)
    '**50.0** [45.0, 55.0]'
    >>> format_metric({"value": 0.5, "per_seed": [0.4, 0.5, 0.6]}, best=False)
    '50.0 ± 10.0'
    """
    value = f"{100 * metric['value']:.1f}"
    text = f"**{value}**" if best else value
    if "interval" in metric:
        low, high = metric["interval"]
        return f"{text} [{100 * low:.1f}, {100 * high:.1f}]"
    if len(metric.get("per_seed", [])) > 1:
        return f"{text} ± {100 * np.std(metric['per_seed'], ddof=1):.1f}"
    return text


def best_values(
    columns: Mapping[str, str], results: Sequence[Mapping[str, Any]], unranked: Sequence[str] = ()
) -> dict[str, float]:
    """The best value of each metric that several results have, rounded to what is shown."""
    best = {}
    for name in columns:
        values = [round(result["metrics"][name]["value"], 3) for result in results if name in result["metrics"]]
        if len(values) > 1 and name not in unranked:
            best[name] = max(values)
    return best


def describe_model(result: Mapping[str, Any], shown: Sequence[str]) -> list[str]:
    """A result's cells before the metrics: the model, its parameters and how often it was trained, where shown."""
    cells = {
        "model": f"`{result['model']}`",
        "parameters": f"{result['parameters'] / 1e6:.1f} M" if result["parameters"] else "–",
        "trained": f"{result.get('trained', 1)} ×",
    }
    return [cells[name] for name in shown]


def describe_costs(result: Mapping[str, Any]) -> list[str]:
    """Seconds for 1,000 sequences, wall / CPU, and GB; empty where they are not known.

    >>> spent = {"sequences": 2000, "wall_seconds": 3.0, "cpu_seconds": 1.0}
    >>> task = {"peak_memory_mb": 1000.0, "children_peak_memory_mb": 24.0}
    >>> describe_costs({"costs": {"method": spent, "task": task}})
    ['1.50 / 0.50', '1.0']
    """
    costs = result["costs"]
    if not costs or not costs["method"]["sequences"]:
        return ["", ""]
    thousands = costs["method"]["sequences"] / 1000
    wall, cpu = (costs["method"][f"{clock}_seconds"] / thousands for clock in ("wall", "cpu"))
    memory = costs["task"]["peak_memory_mb"] + costs["task"]["children_peak_memory_mb"]
    return [f"{wall:.2f} / {cpu:.2f}", f"{memory / 1024:.1f}"]


def render_task(task: str, results: Sequence[Mapping[str, Any]]) -> str:
    """Render one task's results on one data set, the best model of the first column first."""
    columns = headings(task, results)
    shown_of_task = describe_task(task)
    best = best_values(columns, results, shown_of_task.unranked)
    first = next(iter(columns))
    shown = ["model"]
    shown += ["parameters"] if any(result["parameters"] for result in results) else []
    shown += ["trained"] if any("trained" in result for result in results) else []
    costed = shown_of_task.costed and any(any(describe_costs(result)) for result in results)
    heads = [
        *shown,
        *columns.values(),
        *(("seconds per 1,000 sequences, wall / CPU", "peak memory, GB") if costed else ()),
    ]
    rows = []
    for result in sorted(results, key=lambda r: (-r["metrics"].get(first, {"value": -1})["value"], r["model"])):
        metrics = result["metrics"]
        cells = [
            format_metric(metrics[name], round(metrics[name]["value"], 3) == best.get(name)) if name in metrics else ""
            for name in columns
        ]
        cells = [*describe_model(result, shown), *cells, *(describe_costs(result) if costed else ())]
        rows.append(cells)
    return f"**{shown_of_task.title}**\n\n{markdown(heads, rows)}"


def render_summary(results: Sequence[Mapping[str, Any]]) -> str:
    """Render the headline metric of each task, a model a row, the best on average first."""
    heads, found = ["model"], []
    for task, chosen in by_tasks(results).items():
        metric = describe_task(task).headline
        if values := {r["model"]: r["metrics"][metric]["value"] for r in chosen if metric in r["metrics"]}:
            heads.append(f"{describe_task(task).title}: {heading_of(task, metric)}")
            found.append(values)
    means = {
        model: np.mean([values[model] for values in found if model in values]) for values in found for model in values
    }
    rows = [
        [f"`{model}`"]
        + [format_metric({"value": v[model]}, v[model] == max(v.values())) if model in v else "" for v in found]
        for model in sorted(means, key=lambda model: (-means[model], model))
    ]
    return f"{markdown(heads, rows)}\n\nValues are per cent. The best value of a column is bold.\n"


def render_results(results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Render each task of one data set and evaluation split, in the order of the headlines.

    Returns:
        The Markdown of each task, and of all of them as "".
    """
    by_task = by_tasks(results)
    texts = {task: render_task(task, chosen) for task, chosen in by_task.items()}
    pages = {"": "\n\n".join([*texts.values(), *remarks(results)])}
    pages |= {task: "\n\n".join([text, *remarks(by_task[task])]) for task, text in texts.items()}
    return {task: f"{page}\n" for task, page in pages.items()}


def remarks(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a reader of the tables must know: how to read them, and what is not as it should be."""
    said = [LEGEND]
    if any(result["max_sequences"] is not None for result in results):
        said.append("Some of these results come from a part of the data (`max_sequences`).")
    if leaked := max(result["leaked"] for result in results):
        said.append(f"Caution: up to {leaked:,} sequences are in more than one of the splits (`leaked`).")
    for task, chosen in by_tasks(results).items():
        if note := describe_task(task).note:
            said.append(note)
        if len({result["data_sha256"] for result in chosen}) > 1:
            said.append(f"Caution: the rows of {task} come from different data files (`data_sha256`).")
        if odd := odd_options(chosen):
            said.append(f"Caution: the rows of {task} were run with different arguments: {odd}.")
        if odd := differences(chosen, [f"with {result['seed']}" for result in chosen]):
            said.append(f"Caution: the rows of {task} were run with different seeds, so on other draws: {odd}.")
        if odd := odd_devices(chosen):
            said.append(f"Caution: the times of {task} were measured on different devices: {odd}.")
    return [" ".join(said)]


def odd_options(results: Sequence[Mapping[str, Any]]) -> str:
    """Say with which arguments the results of a task were made, where these differ: with 200 queries or 400, say.

    >>> odd_options([{"model": "a", "options": {"queries": 200}}, {"model": "b", "options": {}}])
    '`a` with queries = 200; `b` by default'
    """
    settings = []
    for result in results:
        options = ", ".join(f"{name} = {value}" for name, value in sorted(result["options"].items()))
        settings.append(f"with {options}" if options else "by default")
    return differences(results, settings)


def odd_devices(results: Sequence[Mapping[str, Any]]) -> str:
    """Say what the rows of a task that show times ran on, where these differ: with one thread or two, say."""
    timed = [result for result in results if describe_task(result["task"]).costed and any(describe_costs(result))]
    return differences(timed, [f"on {result['device']}" for result in timed])


def differences(results: Sequence[Mapping[str, Any]], settings: Sequence[str]) -> str:
    """Say which models have which setting; nothing where all have the same.

    >>> differences([{"model": "a"}, {"model": "b"}, {"model": "c"}], ["on CPU", "on GPU", "on CPU"])
    '`a`, `c` on CPU; `b` on GPU'
    """
    models: dict[str, list[str]] = {}
    for result, setting in zip(results, settings, strict=True):
        models.setdefault(setting, []).append(f"`{result['model']}`")
    return "; ".join(f"{', '.join(names)} {setting}" for setting, names in models.items()) if len(models) > 1 else ""
