"""Which metrics of a task are shown, in which order and under which heading, in all tables and pictures.

Each task says so itself (`TASK` of its file). A task that is not among `TASKS` shows all of its metrics.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.tasks import TASKS
from benchmarks.tasks.task import Panel, Task


def describe_task(task: str) -> Task:
    """What is shown of a task; of an unknown one its name.

    >>> describe_task("juggling").title
    'juggling'
    """
    return TASKS[task].TASK if task in TASKS else Task(task, headline="", columns={})


def all_curves() -> dict[str, Panel]:
    """The curves of all tasks as TASK.CURVE, those of the highest priority first."""
    curves = {f"{task}.{name}": curve for task in TASKS for name, curve in describe_task(task).curves.items()}
    return dict(sorted(curves.items(), key=lambda item: item[1].priority))


def abscissa(metric: str) -> float:
    """The X of a metric `NAME@X`.

    >>> abscissa("recovered_f1@0.5")
    0.5
    """
    return float(metric.rpartition("@")[2])


def points(curve: str, metrics: Iterable[str]) -> list[str]:
    """The metrics that are points of a curve, by their abscissa.

    >>> points("f1", ["f1@10", "f1@5", "f1_all@5"])
    ['f1@5', 'f1@10']
    """
    return sorted({metric for metric in metrics if metric.startswith(f"{curve}@")}, key=abscissa)


def by_tasks(results: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Sort results by their task, in the order of `TASKS`, other tasks last."""
    tasks = sorted({result["task"] for result in results})
    ordered = sorted(tasks, key=[*TASKS, *tasks].index)
    return {task: [result for result in results if result["task"] == task] for task in ordered}


def heading_of(task: str, metric: str) -> str:
    """The heading of one metric of a task, also of a point of a curve.

    >>> heading_of("length", "species_seen@150")
    'species, seen, 150 bp'
    """
    columns = describe_task(task).columns
    return columns[metric] if metric in columns else columns[f"{metric.partition('@')[0]}@"].format(abscissa(metric))


def headings(task: str, results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Choose the metrics of a task that a table shows, with their headings, among those that the results have.

    >>> headings("length", [{"metrics": {"species_seen@100": {}, "species_seen@150": {}, "species_seen@658": {}}}])
    {'species_seen@100': 'species, seen, 100 bp', 'species_seen@658': 'species, seen, 658 bp'}
    """
    there = dict.fromkeys(metric for result in results for metric in result["metrics"])
    chosen = {}
    for metric, heading in describe_task(task).columns.items():
        if metric.endswith("@"):
            found = points(metric[:-1], there)
            chosen |= {point: heading_of(task, point) for point in (*found[:1], *found[1:][-1:])}
        elif metric in there:
            chosen[metric] = heading
    return chosen or {metric: metric for metric in there}
