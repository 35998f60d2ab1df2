"""Evaluate one method on one task; result_files.py describes the result."""

import datetime
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

from benchmarks.data.splits import Data, take
from benchmarks.methods.method import Method
from benchmarks.provenance.code_fingerprints import code_digest
from benchmarks.provenance.costs import Spent, measure
from benchmarks.provenance.fingerprints import digest
from benchmarks.report.result_files import PACKAGES, SCHEMA_VERSION, commit
from benchmarks.scoring.paired import take_answers
from modeling_dnacse.machine.provenance import package_versions


class Job(NamedTuple):
    """One task on one source of data, whatever the method."""

    task: str
    module: ModuleType  # with SPLITS and score()
    data: Data
    evaluation_split: str  # "test" or "val"
    leaked: int  # sequences in more than one of the task's splits
    max_sequences: int | None
    arguments: Mapping[str, Any]  # keyword arguments of score(), the seed among them
    options: Mapping[str, Any]  # those of them that the user set

    def split_names(self) -> tuple[str, ...]:
        """Names of the splits that score() takes, in order."""
        return self.module.SPLITS[self.evaluation_split]

    def identity(self, method: Method) -> dict[str, str]:
        """What names a result."""
        return {
            "task": self.task,
            "model": method.name,
            "data": self.data.name,
            "evaluation_split": self.evaluation_split,
        }


def fingerprint_of(job: Job, method: Method) -> str:
    """SHA-256 of everything that the metrics of a result depend on: code, data, method and arguments."""
    rows = [job.data.digests.get(name) for name in job.split_names()]
    return digest(code_digest(f"{job.module.__name__}:score"), rows, method.fingerprint, dict(job.arguments))


def evaluate(job: Job, method: Method, device: str) -> dict[str, Any]:
    """Run a task.

    Args:
        job: The task and its data.
        method: What is evaluated.
        device: Name of what the method runs on.

    Returns:
        A result of the fields `result_files.FIELDS`.
    """
    splits = take(job.data, job.split_names())
    spent = method.spent or Spent()
    before = replace(spent)
    metrics, costs = measure(lambda: job.module.score(method, *splits, **job.arguments))
    metrics, answers = take_answers(metrics)
    return job.identity(method) | {
        "schema_version": SCHEMA_VERSION,
        "model_revision": method.revision,
        "parameters": method.parameters,
        "data_place": job.data.place,
        "data_sha256": job.data.sha256,
        "splits": {name: len(split.sequences) for name, split in zip(job.split_names(), splits, strict=True)},
        "leaked": job.leaked,
        "max_sequences": job.max_sequences,
        "metrics": metrics,
        "answers": answers,
        "seed": job.arguments["seed"],
        "options": dict(job.options),
        "costs": {"task": costs, "method": spent.since(before)}
        | ({"training": dict(method.training_costs)} if method.training_costs else {}),
        "versions": package_versions(PACKAGES),
        "commit": commit(),
        "device": device,
        "fingerprint": fingerprint_of(job, method),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
