"""Evaluate models on tasks: model ids and a labelled file in, one result JSON for each (task, model) out.

    python benchmarks/run.py --model tnf kmer6 checkpoints/coi --task knn species_clustering \\
        --data coi.tsv.gz --output benchmarks/results

The file has the columns and split names of the simulated data (see simulate.py). Each split is embedded once a model
and shared by the tasks. `--evaluation_split val` is for model selection, `test` for a frozen model. A (task, model)
pair that fails costs no other: it is named at the end and the exit status is 1. Wrong arguments: one sentence,
status 2.
"""

import argparse
import datetime
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import knn, species_clustering
from benchmarks.costs import measure
from benchmarks.embedders import Embedder, find_model, load_embedder
from benchmarks.knn import Labelled
from benchmarks.result_files import PACKAGES, SCHEMA_VERSION, commit, write_result
from modeling_dnacse.labels import RANKS, read_labelled
from modeling_dnacse.provenance import device_name, package_versions, sha256_of

TASKS = {"knn": knn, "species_clustering": species_clustering}  # each has SPLITS and score()
Split = dict[str, np.ndarray]  # "sequence" and each rank -> (n,) str


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Evaluate models on tasks.", allow_abbrev=False)
    parser.add_argument(
        "--model", nargs="+", required=True, help="baselines, checkpoint folders, Hub ids, untrained:FOLDER"
    )
    parser.add_argument("--name", nargs="+", help="what results call the models, in the same order")
    parser.add_argument("--task", nargs="+", required=True, help=", ".join(TASKS))
    parser.add_argument("--data", type=Path, required=True, help="labelled file with a split column")
    parser.add_argument("--output", type=Path, required=True, help="folder of the result files")
    parser.add_argument("--evaluation_split", choices=("test", "val"), default="test")
    parser.add_argument("--max_sequences", type=int, help="quick look: only as many whole genera as fit")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch_tokens", type=int, default=16_384, help="tokens a forward")
    parser.add_argument("--trust_remote_code", action="store_true", help="let a Hub repository's own code run")
    options = parser.parse_args(arguments)
    options.name = options.name or [""] * len(options.model)
    return options


def check(options: argparse.Namespace) -> None:
    """Refuse what cannot work before anything is embedded.

    Raises:
        ValueError: An unknown task or model, a missing file, or names that do not match the models.
    """
    if unknown := set(options.task) - TASKS.keys():
        raise ValueError(f"got the task {', '.join(sorted(unknown))}, but the tasks are {', '.join(TASKS)}.")
    if len(options.name) != len(options.model):
        raise ValueError(
            f"got {len(options.name)} names for {len(options.model)} models: give one --name each, or none."
        )
    if not options.data.is_file():
        raise ValueError(f"no file {options.data}: check --data, or make one with benchmarks/simulate.py.")
    for model in options.model:
        find_model(model, options.trust_remote_code)


def read_splits(options: argparse.Namespace) -> dict[str, Split]:
    """Read the splits that the evaluation split needs, with `--max_sequences` only some genera of them.

    Raises:
        ValueError: A split has no record.
    """
    needed = {name for task in options.task for name in TASKS[task].SPLITS[options.evaluation_split]}
    # the three of knn, whatever the task: so every task of a quick look sees the same genera
    records = [r for r in read_labelled(options.data) if r["split"] in knn.SPLITS[options.evaluation_split]]
    if options.max_sequences is not None:
        genera, counts = np.unique([r["genus"] for r in records], return_counts=True)
        order = np.random.default_rng(options.seed).permutation(len(genera))
        kept = set(genera[order[np.cumsum(counts[order]) <= options.max_sequences]])
        records = [r for r in records if r["genus"] in kept]
    splits = {}
    for name in sorted(needed):
        rows = [r for r in records if r["split"] == name]
        if not rows:
            hint = " or raise --max_sequences" if options.max_sequences is not None else ""
            raise ValueError(
                f"{options.data} has no record of the split {name}, which is needed: check its split column{hint}."
            )
        splits[name] = {key: np.array([r[key] for r in rows]) for key in ("sequence", *RANKS)}
    return splits


def embed_splits(embedder: Embedder, splits: Mapping[str, Split]) -> dict[str, Labelled]:
    """Embed every split once."""
    return {name: Labelled(embedder.encode(split["sequence"].tolist()), split) for name, split in splits.items()}


def evaluate(options: argparse.Namespace, model: str, name: str, splits: Mapping[str, Split]) -> list[str]:
    """Embed with one model, run and write each task.

    Returns:
        One line for each task that failed.
    """
    try:
        embedder = load_embedder(
            model,
            name=name,
            device=options.device,
            batch_tokens=options.batch_tokens,
            trust_remote_code=options.trust_remote_code,
        )
        embedded, embedding_costs = measure(lambda: embed_splits(embedder, splits))
        embedding_costs["sequences"] = sum(len(labelled.vectors) for labelled in embedded.values())
    except Exception as error:  # whatever a foreign model does, the other models must get their results
        return [f"{task} with {name or model}: {first_line(error)}" for task in options.task]
    failures = []
    for task in options.task:
        needed = {split: embedded[split] for split in TASKS[task].SPLITS[options.evaluation_split]}
        try:
            metrics, task_costs = measure(lambda: TASKS[task].score(needed, options.evaluation_split, options.seed))  # noqa: B023
            result = {
                "schema_version": SCHEMA_VERSION,
                "task": task,
                "model": embedder.name,
                "model_revision": embedder.revision,
                "parameters": embedder.parameters,
                "data": options.data.name,
                "data_sha256": sha256_of(options.data),
                "evaluation_split": options.evaluation_split,
                "splits": {split: len(labelled.vectors) for split, labelled in needed.items()},
                "max_sequences": options.max_sequences,
                "metrics": metrics,
                "seed": options.seed,
                "costs": {"embedding": embedding_costs, "task": task_costs},
                "versions": package_versions(PACKAGES),
                "commit": commit(),
                # k-mers are counted by numpy, whatever the models run on
                "device": device_name(torch.device(options.device if embedder.parameters else "cpu")),
                "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            }
            path = write_result(result, options.output)
        except Exception as error:  # as above, for the other tasks
            failures.append(f"{task} with {embedder.name}: {first_line(error)}")
        else:
            sys.stderr.write(f"{task} with {embedder.name}: {summary(metrics)} -> {path}\n")
    return failures


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
        splits = read_splits(options)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"run.py: {error}\n")
        return 2
    failures = []
    for model, name in zip(options.model, options.name, strict=True):
        failures += evaluate(options, model, name, splits)
    if failures:
        sys.stderr.write(f"run.py: failed: {'; '.join(failures)}\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
