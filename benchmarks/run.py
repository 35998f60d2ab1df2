"""Evaluate models on tasks: model ids and labelled data in, one result JSON for each (task, model) out.

    python benchmarks/run.py --model tnf kmer6 vsearch checkpoints/coi --task knn species_clustering \\
        --data coi.tsv.gz --output benchmarks/results --cache ~/.cache/dnacse --resume

The data are whatever readers.py reads, with the split names of the simulated data (see simulate.py), or the folder of
a task that has a format of its own (gue, genomic_benchmarks). `--evaluation_split val` is for model selection, `test`
for a frozen model.

- A (task, model) pair that fails costs no other: it is named at the end and the exit status is 1. A pair whose model
  lacks what the task needs is named as left out. Wrong arguments: one sentence, status 2.
- `--cache`: what networks embed is kept there by content; without it, for this run only.
- `--resume`: a pair is not run again while its fingerprint (code, data, model, options) is that of its result.
- The same sequence in two splits of a task is counted in the result (`leaked`) and warned of.
- `--set few_shot.species=200`: another value for an argument of a task's `score`.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from inspect import Parameter, signature
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import (
    binning,
    dimensions,
    few_shot,
    knn,
    length,
    linear_probe,
    mutation,
    open_set,
    species_clustering,
    strand,
    zero_shot_clustering,
)
from benchmarks.embedders import BASELINES, find_model, load_method
from benchmarks.evaluation import Job, evaluate, fingerprint_of
from benchmarks.methods import Unsuited
from benchmarks.result_files import is_current, write_result
from benchmarks.splits import Data, count_leaked, describe, read_splits, take
from modeling_dnacse.provenance import device_name

# each has SPLITS and score(); those with a format of their own also read()
RECORD_TASKS: dict[str, ModuleType] = {
    "knn": knn,
    "species_clustering": species_clustering,
    "zero_shot_clustering": zero_shot_clustering,
    "open_set": open_set,
    "few_shot": few_shot,
    "linear_probe": linear_probe,
    "binning": binning,
    "strand": strand,
    "length": length,
    "mutation": mutation,
    "dimensions": dimensions,
}
FOLDER_TASKS: dict[str, ModuleType] = {}
TASKS = RECORD_TASKS | FOLDER_TASKS


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Evaluate models on tasks.", allow_abbrev=False)
    add = parser.add_argument
    add("--model", nargs="+", required=True, help=f"{', '.join(BASELINES)}, folders, Hub ids, untrained:FOLDER")
    add("--name", nargs="+", help="what results call the models, in the same order")
    add("--task", nargs="+", required=True, help=", ".join(TASKS))
    add("--data", required=True, help="labelled data with a split column, or a task's own folder; see readers.py")
    add("--output", type=Path, required=True, help="folder of the result files")
    add("--evaluation_split", choices=("test", "val"), default="test")
    add("--max_sequences", type=int, help="quick look: only as many whole genera as fit")
    add("--cache", type=Path, help="folder where embeddings and trained baselines are kept by content")
    add("--resume", action="store_true", help="do not run again what has a result of the same inputs")
    add("--set", nargs="+", default=[], metavar="TASK.NAME=VALUE", help="arguments of a task's score()")
    add("--seed", type=int, default=0)
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--batch_tokens", type=int, default=16_384, help="tokens a forward")
    add("--trust_remote_code", action="store_true", help="let a Hub repository's own code run")
    options = parser.parse_args(arguments)
    options.name = options.name or [""] * len(options.model)
    return options


def check(options: argparse.Namespace) -> None:
    """Refuse what cannot work before anything is read or embedded.

    Raises:
        ValueError: An unknown task or model, a missing file, or names that do not match the models.
    """
    if unknown := set(options.task) - TASKS.keys():
        raise ValueError(f"got the task {', '.join(sorted(unknown))}, but the tasks are {', '.join(TASKS)}.")
    if len(options.name) != len(options.model):
        raise ValueError(
            f"got {len(options.name)} names for {len(options.model)} models: give one --name each, or none."
        )
    if ":" not in options.data and not Path(options.data).exists():
        raise ValueError(f"no file {options.data}: check --data, or make one with benchmarks/simulate.py.")
    for model in options.model:
        find_model(model, options.trust_remote_code)


def settings(texts: list[str]) -> dict[str, dict[str, Any]]:
    """Read `--set`: task -> name -> value, a value being JSON or else a text.

    Raises:
        ValueError: A text is not TASK.NAME=VALUE, or the task takes no such argument.
    """
    values: dict[str, dict[str, Any]] = {task: {} for task in TASKS}
    for text in texts:
        place, equals, value = text.partition("=")
        task, _, name = place.partition(".")
        if task not in TASKS or not equals:
            raise ValueError(f"got --set {text}, but it takes TASK.NAME=VALUE, TASK being one of {', '.join(TASKS)}.")
        allowed = keywords(TASKS[task]) - {"seed", "device", "batch_tokens", "trust_remote_code"}
        if name not in allowed:
            there = ", ".join(sorted(allowed)) or "none"
            raise ValueError(f"got --set {text}, but the task {task} has no such argument: it has {there}.")
        try:
            values[task][name] = json.loads(value)
        except json.JSONDecodeError:
            values[task][name] = value
    return values


def keywords(module: ModuleType) -> set[str]:
    """Names of the keyword-only arguments of a task's score()."""
    parameters = signature(module.score).parameters.values()
    return {parameter.name for parameter in parameters if parameter.kind is Parameter.KEYWORD_ONLY}


def make_jobs(options: argparse.Namespace) -> list[Job]:
    """Read the data and say what each task gets.

    Raises:
        ValueError: The data cannot be read, or have no record of any split of a task.
    """
    given = {name: getattr(options, name) for name in ("seed", "device", "batch_tokens", "trust_remote_code")}
    chosen = settings(options.set)
    records: Data | None = None
    jobs = []
    for task in options.task:
        module = TASKS[task]
        names = module.SPLITS[options.evaluation_split]
        if hasattr(module, "READS"):
            data = describe(options.data, dict(zip(names, module.read(options.data), strict=True)))
        else:
            records = records or describe(options.data, read_splits(options.data, options.max_sequences, options.seed))
            data = records
        if not any(name in data.splits for name in names):
            raise ValueError(
                f"{options.data} has no record of the splits {', '.join(names)}, one of which {task} needs: check its "
                "split column, or make one with benchmarks/make_splits.py."
            )
        leaked = count_leaked(take(data, names))
        if leaked:
            sys.stderr.write(
                f"run.py: warning: {task}: {leaked} sequences of {data.name} are in more than one of the splits "
                f"{', '.join(names)}; make_splits.py makes splits without.\n"
            )
        arguments = {name: value for name, value in given.items() if name in keywords(module)} | chosen[task]
        common = (options.evaluation_split, leaked, options.max_sequences)
        jobs.append(Job(task, module, data, *common, arguments, chosen[task]))
    return jobs


def run_model(
    options: argparse.Namespace, model: str, name: str, jobs: list[Job], cache: Path
) -> dict[str, list[str]]:
    """Run all tasks with one model and write their results.

    Returns:
        Under "failed" and "left out" a line for each pair of that kind.
    """
    lines: dict[str, list[str]] = {"failed": [], "left out": []}
    training = next((job.data.splits["train"] for job in jobs if "train" in job.data.splits), None)
    try:
        method = load_method(
            model,
            name=name,
            training=training,
            cache=cache,
            device=options.device,
            batch_tokens=options.batch_tokens,
            trust_remote_code=options.trust_remote_code,
        )
    except Exception as error:  # whatever a foreign model does, the other models must get their results
        lines["failed"] = [f"{job.task} with {name or model}: {first_line(error)}" for job in jobs]
        return lines
    # baselines are computed by numpy and by tools, whatever the networks run on
    device = device_name(torch.device("cpu" if model in BASELINES else options.device))
    for job in jobs:
        pair = f"{job.task} with {method.name}"
        if options.resume and is_current(options.output, job.identity(method), fingerprint_of(job, method)):
            sys.stderr.write(f"{pair}: nothing has changed since its result\n")
            continue
        try:
            result = evaluate(job, method, device)
            path = write_result(result, options.output)
        except Unsuited as error:
            lines["left out"].append(f"{pair}: {error}")
        except Exception as error:  # as above, for the other tasks
            lines["failed"].append(f"{pair}: {first_line(error)}")
        else:
            sys.stderr.write(f"{pair}: {summary(result['metrics'])} -> {path}\n")
    return lines


def first_line(error: Exception) -> str:
    """An exception's kind and the first line of its message."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def summary(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """The values of all metrics in a line."""
    return ", ".join(f"{name} {metric['value']:.3f}" for name, metric in metrics.items())


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 1 when a pair failed, or 2 when the arguments were wrong."""
    options = parse(arguments)
    try:
        check(options)
        jobs = make_jobs(options)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"run.py: {error}\n")
        return 2
    lines: dict[str, list[str]] = {"left out": [], "failed": []}
    with tempfile.TemporaryDirectory() as temporary:
        for model, name in zip(options.model, options.name, strict=True):
            for kind, found in run_model(options, model, name, jobs, options.cache or Path(temporary)).items():
                lines[kind] += found
    for kind, found in lines.items():
        if found:
            sys.stderr.write(f"run.py: {kind}: {'; '.join(found)}\n")
    return 1 if lines["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
