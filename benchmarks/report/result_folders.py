"""A folder of result files in, everything that is rendered from it out: results by table, and rates.

- A table holds the results of one data set and evaluation split, as `coi.test`. Its files lie in the folder itself, or
  in a subfolder named like the data set: `coi.knn.tnf.test.json` or `coi/coi.knn.tnf.test.json`.
- Results in a subfolder of another name are tables of their own, as `ablation/coi.val`.
- The subfolder `training` holds the files of training_throughput.py, as `training/NAME`, and the subfolder `inference`
  those of inference_throughput.py.
- The subfolder `leaks` holds the reports of make_splits.py (leak_tables.py), and `faults` what tests/attack/faults.py
  found (fault_table.py).

Results of models called `ARM#SEED` are those of one recipe trained with several seeds. They become one result called
`ARM`: each metric is the mean over the seeds, with each seed's value in `per_seed`, and `trained` is the number of
seeds.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report.result_files import read_results
from benchmarks.report.shown_json import check_shown, read_json
from modeling_dnacse.machine.earlier_outputs import check_replaced, holds_near_start
from modeling_dnacse.machine.outputs import check_folder

TRAINING, INFERENCE = RATES = ("training", "inference")
LEAKS, FAULTS = "leaks", "faults"
Result = Mapping[str, Any]


def read_tables(folder: Path) -> dict[str, list[Result]]:
    """Read the results of a folder and of its subfolders, by the name of their table.

    Raises:
        ValueError: There is no result, a file is none of this schema, or a result is there twice.
    """
    places = find_places(folder)
    if not places:
        raise ValueError(
            f"no result (*.json) in {folder}: make some with benchmarks/run.py, or name another --results."
        )
    tables: dict[str, list[Result]] = {}
    for subfolder, place in places.items():
        for name, results in read_results(place).items():
            table = name if name.rpartition(".")[0] == subfolder or not subfolder else f"{subfolder}/{name}"
            tables.setdefault(table, []).extend(results)
    for table, results in tables.items():
        again = [pair for pair, times in Counter((r["task"], r["model"]) for r in results).items() if times > 1]
        if again:
            task, model = again[0]
            raise ValueError(f"{folder} has two results {table} of {model} on {task}: delete or move one of them.")
    return {table: merge_seeds(results) for table, results in tables.items()}


def find_places(folder: Path) -> dict[str, Path]:
    """Find the folders that hold results: the folder itself, as "", and its subfolders, by their names."""
    inside = {path.name: path for path in sorted(folder.glob("*/")) if path.name not in (*RATES, LEAKS, FAULTS)}
    return {name: place for name, place in ({"": folder} | inside).items() if any(place.glob("*.json"))}


def merge_seeds(results: Sequence[Result]) -> list[Result]:
    """Make one result of those called ARM#0, ARM#1, … on the same task; the others stay as they are.

    >>> runs = [{"task": "t", "model": f"a#{s}", "metrics": {"f1": {"value": v}}} for s, v in ((0, 0.5), (1, 1.0))]
    >>> merge_seeds(runs)[0]["metrics"], merge_seeds(runs)[0]["trained"]
    ({'f1': {'value': 0.75, 'per_seed': [0.5, 1.0]}}, 2)
    """
    groups: dict[tuple[str, str, bool], list[Result]] = {}
    for result in results:
        arm, seeded = re.subn(r"#\d+$", "", result["model"])
        groups.setdefault((result["task"], arm, bool(seeded)), []).append(result)
    return [merge(arm, runs) if seeded else runs[0] for (_, arm, seeded), runs in groups.items()]


def merge(arm: str, runs: Sequence[Result]) -> Result:
    """Average the metrics that all runs have; what they cost is left out."""
    shared = [metric for metric in runs[0]["metrics"] if all(metric in run["metrics"] for run in runs)]
    values = {metric: [run["metrics"][metric]["value"] for run in runs] for metric in shared}
    metrics = {metric: {"value": float(np.mean(seeds)), "per_seed": seeds} for metric, seeds in values.items()}
    return {**runs[0], "model": arm, "metrics": metrics, "costs": {}, "trained": len(runs)}


def check_measurement(folder: Path, name: str, kind: str) -> None:
    """Check that a measurement can be written, and replaces nothing but an earlier one, before anything is measured.

    Args:
        folder: That of the file.
        name: Name of the measurement, and of its file.
        kind: `TRAINING` or `INFERENCE`.

    Raises:
        ValueError: The name cannot be shown or is no name of a file, the folder is none, or another file is there.
    """
    check_shown(name, "give another --name")
    if Path(name).name != name:
        raise ValueError(f"--name is {name}, but becomes the name of a file: give one without a slash.")
    check_folder(folder, [], parents=True)
    mark = f'"kind": "{kind}_throughput"'.encode()
    check_replaced(folder / f"{name}.json", holds_near_start(b"{", mark), f"a measurement of {kind}", None)


def read_rates(folder: Path, kind: str) -> dict[str, Result]:
    """Read measurements of training or inference, by the name of their table.

    Args:
        folder: That of the results; it may hold no measurement.
        kind: `TRAINING` or `INFERENCE`.

    Raises:
        ValueError: A file is not such a measurement.
    """
    rates = {}
    for path in sorted((folder / kind).glob("*.json")):
        measured = read_json(path, f"make it anew with benchmarks/speed/{kind}_throughput.py")
        if measured.get("kind") != f"{kind}_throughput":
            raise ValueError(f"{path} is no measurement of {kind}_throughput.py: other results belong elsewhere.")
        rates[f"{kind}/{path.stem}"] = measured
    return rates
