"""Write and read result files: one JSON per data, task, model and evaluation split.

run.py writes them by `write_result`; tables.py and plots.py read them.

A result never holds a sequence nor a path of the machine that made it.
"""

import json
import re
import subprocess
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.report.shown_json import leaves, read_json
from benchmarks.scoring.paired import unpack
from modeling_dnacse.machine.atomic import written_whole
from modeling_dnacse.machine.earlier_outputs import check_replaced, holds_near_start

REMEDY = "make it anew with benchmarks/run.py"
SCHEMA_VERSION = 2
FIELDS: dict[str, type | tuple[type, ...]] = {
    "schema_version": int,
    "task": str,
    "model": str,
    "model_revision": str,  # sha256 of the weights, a Hub commit, a tool's version, or ""
    "parameters": int,
    "data": str,  # name of a file or folder, hub:ORG/NAME@REVISION, or splits:NAME=FILE,...
    "data_place": str,  # sha256 of where that is; "" where unknown
    "data_sha256": str,
    "evaluation_split": str,
    "splits": dict,  # name -> sequences
    "leaked": int,  # sequences that are also in an earlier one of the splits, on either strand
    "max_sequences": (int, type(None)),
    "metrics": dict,  # name -> {"value", "interval"?, "per_seed"?, "scored", "left_out", ...}; NAME@X: X is a curve's
    "answers": dict,  # metric -> each query's answer, right or wrong, packed as scoring/paired.py says
    "seed": int,
    "options": dict,  # arguments of the task that were set by --set
    # "task", all that this run did: wall_seconds, cpu_seconds, peak_memory_mb, children_peak_memory_mb, on CUDA
    # gpu_memory_mb; the peaks are also those of embedding what was kept, whenever that was;
    # "training", of a baseline that learns from the train split: the same, once, whenever that was;
    # "method", its embedding, searching, clustering: sequences, wall_seconds, cpu_seconds, also where they were kept
    "costs": dict,
    "versions": dict,
    "commit": str,
    "device": str,
    "fingerprint": str,  # sha256 of all that the metrics depend on: code, data, model, arguments
    "date": str,
}
SHOWN_COSTS = {
    "task": ("peak_memory_mb", "children_peak_memory_mb"),
    "method": ("sequences", "wall_seconds", "cpu_seconds"),
}
OPTIONAL = {"answers", "data_place"}  # results from before they were recorded lack them
CODE = (":(top)", ":(top,exclude)benchmarks/results")  # writing one result must not make the next one dirty
CONTROLS = ("untrained:", "start:", "embedding:")  # prefixes of models that are a trained one without some part
PACKAGES = ("numpy", "scipy", "scikit-learn", "umap-learn", "tokenizers", "torch", "transformers")


def validate(result: dict[str, Any]) -> None:
    """Check a result against the schema.

    Raises:
        ValueError: It is of another schema, a field is missing, unknown or of the wrong type, a metric is none, or a
            text is an absolute path.
    """
    if result.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(
            f"got a result of schema {result.get('schema_version')}, but this version has schema {SCHEMA_VERSION}: "
            "make it anew with benchmarks/run.py."
        )
    if wrong := ", ".join(sorted((result.keys() | OPTIONAL) ^ FIELDS.keys())):
        raise ValueError(
            f"a result of schema {SCHEMA_VERSION} has exactly the fields of FIELDS; missing or unknown: {wrong}."
        )
    for field, value in result.items():
        if not isinstance(value, FIELDS[field]):
            wanted = re.sub(r"<class '(\w+)'>", r"\1", str(FIELDS[field]))
            raise ValueError(f"the field {field} is {value!r:.100}, but must be {wanted}.")
    if not all(isinstance(count, int) for count in result["splits"].values()):
        raise ValueError(f"the field splits is {result['splits']}, but must hold numbers of sequences.")
    for part, figures in SHOWN_COSTS.items() if result["costs"] else ():
        spent = result["costs"].get(part)
        if not isinstance(spent, dict) or not all(isinstance(spent.get(figure), int | float) for figure in figures):
            raise ValueError(f"the costs of the {part} are {spent!r:.200}, but must hold {', '.join(figures)}.")
    for name, metric in result["metrics"].items():
        if not isinstance(metric, dict):
            raise ValueError(f"the metric {name} is {metric!r}, but must be an object with a value.")
        validate_metric(name, metric)
    for name, packed in result.get("answers", {}).items():
        try:
            unpack(packed)
        except (ValueError, TypeError, KeyError, zlib.error):
            raise ValueError(f"the answers to {name!r:.100} are damaged.") from None
    texts = [leaf for leaf in leaves(result) if isinstance(leaf, str)]
    if paths := [text for text in texts if Path(text).is_absolute() or re.match(r"[A-Za-z]:\\", text)]:
        raise ValueError(f"a result must not hold paths of this machine, but has {paths}: give the model a --name.")


def validate_metric(name: str, metric: dict[str, Any]) -> None:
    """Check one metric.

    Raises:
        ValueError: It has no value from -1 to 1, its interval, seeds or counts are none, or its name is none.
    """
    if not re.fullmatch(r"[^@]*(@\d+(\.\d+)?(e-?\d+)?)?", name):
        raise ValueError(f"the metric {name!r:.100} must be NAME or NAME@NUMBER.")
    interval, seeds = metric.get("interval", [0, 0]), metric.get("per_seed", [0])
    # all(-1 <= x) rather than not any(x < -1): it also catches NaN
    lists = (
        isinstance(interval, list | tuple) and isinstance(seeds, list | tuple) and len(interval) == 2 and bool(seeds)
    )
    numbers = [metric.get("value"), *interval, *seeds] if lists else []
    if not numbers or not all(type(number) in (int, float) and -1 <= number <= 1 for number in numbers):
        raise ValueError(f"the metric {name} is {metric}, but needs a value, bounds and seeds from -1 to 1.")
    if interval[0] > interval[1]:
        raise ValueError(f"the metric {name} is {metric}, but needs the lower bound of its interval first.")
    if any(not isinstance(metric.get(count), int) or metric[count] < 0 for count in ("scored", "left_out")):
        raise ValueError(f"the metric {name} is {metric}, but needs the numbers of what was scored and left_out.")


def data_stem(name: str) -> str:
    """Return the name of data without endings, owner and revision, fit for a file name.

    >>> data_stem("coi.tsv.gz"), data_stem("hub:someone/barcodes@v1.0"), data_stem("hub:someone/GUE/mouse/0")
    ('coi', 'barcodes', 'GUE-mouse-0')
    >>> data_stem("splits:unseen_val=marine-clustering_0.tsv,unseen_test=marine-binning_5.tsv")
    'splits-unseen_val-marine-clustering_0-unseen_test-marine-binning_5'
    """
    return re.sub(r"[^\w-]+", "-", re.sub(r"^hub:[^/]*/|@[\w.-]+|\.[^,/]*", "", name))


def file_name(result: Mapping[str, Any]) -> str:
    """Name a result's file: data, task, model and evaluation split."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", result["model"]).strip("-").lower()
    return f"{data_stem(result['data'])}.{result['task']}.{slug}.{result['evaluation_split']}.json"


def write_result(result: dict[str, Any], folder: Path) -> Path:
    """Validate a result and write its JSON file in one step, replacing an earlier one."""
    validate(result)
    return write_json(result, folder / file_name(result))


def write_json(value: dict[str, Any], path: Path) -> Path:
    """Write a file in one step, replacing an earlier one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as hidden:
        hidden.write_text(json.dumps(value, indent=1) + "\n")
    return path


def is_current(folder: Path, identity: Mapping[str, str], fingerprint: str) -> bool:
    """Whether a folder has the result of this data, task, model and evaluation split, made of the same inputs.

    Args:
        folder: Where results are.
        identity: The fields `data`, `task`, `model` and `evaluation_split`.
        fingerprint: Fingerprint of the inputs.
    """
    result = read_earlier(folder / file_name(identity))
    fields = {**identity, "fingerprint": fingerprint}
    return result is not None and all(result[field] == value for field, value in fields.items())


def refuse_others(path: Path, model: str, data: str, place: str, sha256: str) -> None:
    """Keep what is no result, and the result of another model, or of other data of the same name.

    That of data in the same place may be replaced when its content changed, and a damaged or older one, too.

    Args:
        path: Where a new result would go.
        model: Name of its model.
        data: Name of its data, and likewise:
        place: `data_place`;
        sha256: `data_sha256`.

    Raises:
        ValueError: There is something else, or a result of another model, or of other data from another place.
    """
    check_replaced(path, holds_near_start(b"{", b'"task": ', b'"model": '), "a result of run.py", None)
    result = read_earlier(path)
    if result is not None and result["model"] != model:
        raise ValueError(f"{path} is of the model {result['model']}: give this one another --name.")
    if result is None or result["data_sha256"] == sha256:
        return
    names = {name.partition("@")[0] for name in (result["data"], data)}  # without a revision
    if result.get("data_place", "") not in ("", place) or len(names) > 1:
        raise ValueError(f"{path} is of other data of the same name, from another place: give another --output.")


def read_earlier(path: Path) -> dict[str, Any] | None:
    """Read the result that a new one would replace; None where there is none of this schema."""
    try:
        result = read_json(path, REMEDY)
        validate(result)
    except ValueError:
        return None
    return result


def read_results(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Read the results of a folder, by the name of their table: data stem and evaluation split, as in `coi.test`.

    Raises:
        ValueError: No result there, or a file is not a result of this schema.
    """
    tables: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.json")):
        result = read_json(path, REMEDY)
        try:
            validate(result)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        tables.setdefault(f"{data_stem(result['data'])}.{result['evaluation_split']}", []).append(result)
    if not tables:
        raise ValueError(
            f"no result (*.json) in {folder}: make some with benchmarks/run.py, or name another --results."
        )
    return tables


def commit() -> str:
    """The checkout's commit, with `-dirty` if a tracked file but results differs from it; "" outside of a checkout."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(
            [*git, "diff-index", "HEAD", "--", *CODE], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{head}-dirty" if changed else head
