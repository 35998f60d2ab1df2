"""A folder of result files in, everything that is rendered from it out: results by table, and rates.

- `benchmarks/results/*.json` make the tables `coi.test` and so on: data and evaluation split.
- A subfolder's stand apart, as `ablation/coi.val`.
- In the subfolder `training` are the files of training_throughput.py, as `training/NAME`, and in `inference` those of
  inference_throughput.py and of million_records.py.
- In the subfolder `leaks` are the reports of make_splits.py (leak_tables.py).

Results of models called `ARM#SEED` are those of one recipe trained with several seeds. They become one result called
`ARM`, each metric being the mean over the seeds, with each seed's value in `per_seed`, whatever spread the single
results have; `trained` is the number of seeds.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report.result_files import read_results

TRAINING, INFERENCE = RATES = ("training", "inference")
LEAKS = "leaks"
Result = Mapping[str, Any]


def read_tables(folder: Path) -> dict[str, list[Result]]:
    """Read the results of a folder and of its subfolders, by the name of their table.

    Raises:
        ValueError: There is no result, or a file is none of this schema.
    """
    places = find_places(folder)
    if not places:
        raise ValueError(
            f"no result (*.json) in {folder}: make some with benchmarks/run.py, or name another --results."
        )
    return {
        prefix + name: merge_seeds(results)
        for prefix, place in places.items()
        for name, results in read_results(place).items()
    }


def find_places(folder: Path) -> dict[str, Path]:
    """Find the folders of results, itself and its subfolders, by what the names of their tables begin with."""
    inside = [path for path in sorted(folder.glob("*/")) if path.name not in (*RATES, LEAKS)]
    places = {"": folder} | {f"{path.name}/": path for path in inside}
    return {prefix: place for prefix, place in places.items() if any(place.glob("*.json"))}


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


def read_rates(folder: Path, kind: str, what: str = "throughput") -> dict[str, Result]:
    """Read measurements of training or inference, by the name of their table.

    Args:
        folder: That of the results; there may be no measurement in it.
        kind: `TRAINING` or `INFERENCE`.
        what: `throughput`, of training_throughput.py or inference_throughput.py, or `memory`, of million_records.py.

    Raises:
        ValueError: A file is none of these.
    """
    rates = {}
    for path in sorted((folder / kind).glob("*.json")):
        try:
            measured = json.loads(path.read_text())
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        found = measured.get("kind") if isinstance(measured, dict) else None
        if found not in (f"{kind}_throughput", f"{kind}_memory"):
            raise ValueError(f"{path} is no measurement of {kind}_throughput.py: other results belong elsewhere.")
        if found == f"{kind}_{what}":
            rates[f"{kind}/{measured['name']}"] = measured
    return rates
