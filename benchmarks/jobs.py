"""Turn the command line into jobs: each task with its data and arguments."""

import argparse
import re
import sys
from inspect import Parameter, signature
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.data.readers import pin
from benchmarks.data.splits import Data, count_leaked, describe, read_splits, take
from benchmarks.evaluation import Job
from benchmarks.report.shown_json import check_shown
from benchmarks.tasks import TASKS
from modeling_dnacse.machine.stamps import unchanged

SOME_BASES = re.compile(r"[ACGT]{10}")
GIVEN = ("seed", "device", "batch_tokens", "trust_remote_code")  # options of run.py that a score() may take


def settings(texts: list[str]) -> dict[str, dict[str, Any]]:
    """Read `--set`: task -> name -> value, a value being of the kind of its default.

    Raises:
        ValueError: A text is not TASK.NAME=VALUE, or the task takes no such argument.
    """
    values: dict[str, dict[str, Any]] = {task: {} for task in TASKS}
    for text in texts:
        place, equals, value = text.partition("=")
        task, _, name = place.partition(".")
        if task not in TASKS or not equals:
            raise ValueError(f"got --set {text}, but it takes TASK.NAME=VALUE, TASK being one of {', '.join(TASKS)}.")
        allowed = {key: default for key, default in keywords(TASKS[task]).items() if key not in GIVEN}
        if name not in allowed:
            there = ", ".join(sorted(allowed)) or "none"
            raise ValueError(f"got --set {text}, but the task {task} has no such argument: it has {there}.")
        values[task][name] = setting(text, value, allowed[name])
        if name == "most" and values[task][name] < 2:
            raise ValueError(f"got --set {text}, but a species of one sequence tells nothing; give 2 or more.")
    return values


def setting(text: str, value: str, default: Any) -> Any:
    """Read one value of `--set` as the kind of its default.

    Raises:
        ValueError: The default is a number, and the value is none, not finite or not above 0.
    """
    if not isinstance(default, int | float):
        return value
    kind, what = (int, "a whole number") if isinstance(default, int) else (float, "a number")
    try:
        number = kind(value)
    except ValueError:
        number = 0
    if not 0 < number < 2**32:
        raise ValueError(f"got --set {text}, but it takes {what} above 0 and below 2**32, such as {default}.")
    return number


def warn_of_unread(data: Data) -> None:
    """Warn of records in splits that no task reads, such as those of a misspelled name."""
    known = {name for module in TASKS.values() for names in module.SPLITS.values() for name in names}
    unread = {name: len(split.sequences) for name, split in data.splits.items() if name not in known}
    if unread:
        names = ", ".join(map(repr, sorted(unread)))[:200]
        sys.stderr.write(
            f"run.py: warning: {sum(unread.values())} sequences of {data.name} are left out, as no task reads their "
            f"split ({names}); the names are {', '.join(sorted(known))}.\n"
        )


def warn_of_nameless(data: Data) -> None:
    """Warn of queries without a species: intervals draw species, and take these for one."""
    for name, split in data.splits.items():
        nameless = int((split.labels["species"] == "").sum())
        if nameless and name != "train":
            sys.stderr.write(
                f"run.py: warning: {nameless} of {len(split.sequences)} sequences in the split {name} of {data.name} "
                "have no species. Where they are asked for other ranks, means over species and intervals take them "
                "for one species, so they are not reliable: leave these records out, or name their species.\n"
            )


def warn_of_short(data: Data) -> None:
    """Warn of sequences for which methods of k-mers have no vector, so that some tasks fail."""
    short = [
        (identifier, name)
        for name, split in data.splits.items()
        for identifier, sequence in zip(split.ids.tolist(), split.sequences, strict=True)
        if not SOME_BASES.search(sequence)
    ]
    if short:
        sys.stderr.write(
            f"run.py: warning: {len(short)} sequences of {data.name}, such as {short[0][0]} in the split "
            f"{short[0][1]}, are too short for the vectors of some methods, which then fail: leave them out.\n"
        )


def keywords(module: ModuleType) -> dict[str, Any]:
    """The keyword-only arguments of a task's score() with their defaults."""
    parameters = signature(module.score).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.kind is Parameter.KEYWORD_ONLY}


def make_jobs(options: argparse.Namespace) -> list[Job]:
    """Read the data and make a job for each task.

    Raises:
        ValueError: The data cannot be read, or have no record of any split of a task.
    """
    given = {name: getattr(options, name) for name in GIVEN}
    chosen = settings(options.set)
    records: Data | None = None
    jobs = []
    for task in options.task:
        module = TASKS[task]
        names = module.SPLITS[options.evaluation_split]
        if hasattr(module, "READS"):
            data = describe(options.data, dict(zip(module.SPLITS["test"], module.read(options.data), strict=True)))
        else:
            if records is None:
                source = pin(options.data)
                with unchanged([Path(source)] if Path(source).is_file() else []):
                    records = describe(source, read_splits(source, options.max_sequences, options.seed))
                warn_of_unread(records)
                warn_of_nameless(records)
                warn_of_short(records)
            data = records
        check_shown(data.name, "rename the data")
        if not any(name in data.splits for name in names):
            raise ValueError(
                f"{options.data} has no record of the splits {', '.join(names)}, one of which {task} needs: check its "
                "split column, or make one with benchmarks/data/make_splits.py."
            )
        leaked = count_leaked(take(data, names))
        if leaked:
            sys.stderr.write(
                f"run.py: warning: {task}: {leaked} sequences of {data.name} are in more than one of the splits "
                f"{', '.join(names)}; make_splits.py makes splits without data leakage.\n"
            )
        arguments = {name: value for name, value in given.items() if name in keywords(module)} | chosen[task]
        common = (options.evaluation_split, leaked, options.max_sequences)
        jobs.append(Job(task, module, data, *common, arguments, chosen[task]))
    return jobs
