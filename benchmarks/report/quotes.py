"""Look up figures that the text of a page quotes, formatted as in the tables.

- `coi.test:knn:vsearch:genus_unseen`: a value in per cent, by table, task, model and metric;
- `coi.test:knn:vsearch:genus_unseen:interval`: with its interval, or its standard deviation over seeds;
- `coi.test:knn:dnacse-barcode-mini - vsearch:genus_unseen`: the difference of two models in points; with `:interval`
  the interval of differences.py, too;
- `coi.test:records:train`: how many records a split of the data holds, by what the results say;
- `leaks:coi:train:species`: how many `records` or `species` a split holds, by the report of make_splits.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.report.differences import Score, difference, format_difference, score_of
from benchmarks.report.result_folders import LEAKS, Result
from benchmarks.report.task_tables import format_metric

MINUS = " - "


def quote(name: str, tables: Mapping[str, Sequence[Result]], reports: Sequence[Mapping[str, Any]]) -> str:
    """Look a figure up.

    Args:
        name: As the head of this file says.
        tables: Results by table, of `result_folders.read_tables`.
        reports: Reports from `leak_tables.read_leaks`.

    Raises:
        ValueError: There is no such figure.

    >>> rows = [{"task": "knn", "model": "tnf", "metrics": {"f1": {"value": 0.5}}, "splits": {"train": 4000}}]
    >>> quote("coi.test:knn:tnf:f1", {"coi.test": rows}, []), quote("coi.test:records:train", {"coi.test": rows}, [])
    ('50.0', '4,000')
    """
    table, _, rest = name.partition(":")
    parts = rest.split(":")
    try:
        if table == LEAKS:
            data, split, counted = parts
            (splits,) = (report["splits"] for report in reports if report["data"].partition(".")[0] == data)
            return f"{splits[split][counted]:,}"
        if parts[0] == "records":
            return f"{max(result['splits'].get(parts[1], 0) for result in tables[table]):,}"
        whole = parts[-1] == "interval"
        task, *models, metric = parts[:-1] if whole else parts
        scores = [find(tables[table], task, model, metric) for model in ":".join(models).split(MINUS)]
    except (KeyError, ValueError, IndexError) as error:
        raise ValueError(f"there is no figure {name} in the results.") from error
    if len(scores) == 1:
        return format_metric(scores[0].metric, best=False) if whole else f"{100 * scores[0].metric['value']:.1f}"
    shown = format_difference(*difference(*scores))
    return shown if whole else shown.partition(" ")[0]


def find(results: Sequence[Result], task: str, model: str, metric: str) -> Score:
    """Find what a model scored.

    Raises:
        KeyError: There is no such result.
    """
    for result in results:
        if (result["task"], result["model"]) == (task, model):
            return score_of(result, metric)
    raise KeyError(model)
