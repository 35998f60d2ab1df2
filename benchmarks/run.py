"""Evaluate models on tasks: model ids and labelled data in, one result JSON for each (task, model) out.

    python benchmarks/run.py --model tnf kmer6 vsearch checkpoints/coi --task knn species_clustering \\
        --data coi.tsv.gz --output benchmarks/results --cache ~/.cache/dnacse --resume

The data are a source that data/readers.py reads, with the split names of the simulated data (see simulate.py), or the
folder of a task that has a format of its own (gue, genomic_benchmarks). `--evaluation_split val` is for model
selection, `test` for a frozen model.

- If a (task, model) pair fails, the others still run. The failure is reported at the end and the exit status is 1. A
  pair whose model lacks what the task needs is reported as left out. Wrong arguments give one sentence and status 2.
- Two models of a run never share a result file: the second one fails, and needs a `--name` of its own.
- A later result of the same model and data replaces an earlier one. A result on other data of the same name does not:
  that pair fails and needs another `--output`. No other file is replaced, nor the result of another model.
- `--cache` keeps the embeddings of networks by content; without it they are kept for this run only.
- `--resume` skips a pair if the fingerprint (code, data, model, options) of its result is unchanged.
- Sequences that are in two splits of a task (data leakage) give a warning and are counted in the result (`leaked`).
- A run that is killed leaves whole results only. Signals such as SIGTERM also clean up its temporary files; after
  SIGKILL the next run does.
- `--set few_shot.most_species=200` sets an argument of a task's `score`.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # modeling_dnacse/machine/cpu.py says why

import torch
from safetensors import SafetensorError

from benchmarks.evaluation import Job, evaluate, fingerprint_of
from benchmarks.jobs import TASKS, make_jobs
from benchmarks.methods.load import BASELINES, find_model, load_method
from benchmarks.methods.method import Unsuited
from benchmarks.report.result_files import CONTROLS, file_name, is_current, refuse_others, write_result
from benchmarks.report.shown_json import check_shown
from modeling_dnacse.commands.options import at_least, parsed
from modeling_dnacse.embedding.given import check_device
from modeling_dnacse.machine.locks import Lock
from modeling_dnacse.machine.outputs import check_folder, check_outputs
from modeling_dnacse.machine.plain_messages import plain_messages, sentence_of
from modeling_dnacse.machine.provenance import device_name
from modeling_dnacse.machine.scratch import scratch_folder
from modeling_dnacse.machine.signals import Stopped, unwinding_on_signals

SHOWN = 6  # metrics of a pair that the progress line shows


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Evaluate models on tasks.", allow_abbrev=False)
    add = parser.add_argument
    controls = ", ".join(f"{kind}FOLDER" for kind in CONTROLS)
    add("--model", nargs="+", required=True, help=f"{', '.join(BASELINES)}; folders, Hub ids; {controls}")
    add("--name", nargs="+", help="names of the models in the results, in the same order")
    add("--task", nargs="+", required=True, help=", ".join(TASKS))
    add("--data", required=True, help="labelled data with a column split, or a task's own folder; see data/readers.py")
    add("--output", type=Path, required=True, help="folder of the result files")
    add("--evaluation_split", choices=("test", "val"), default="test", help="val: to select models; default: test")
    add("--max_sequences", type=at_least(1), help="for a quick look: use whole genera up to this number of sequences")
    add("--cache", type=Path, help="folder where embeddings and trained baselines are kept by content")
    add("--resume", action="store_true", help="skip pairs whose result has the same code, data, model and options")
    add(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="TASK.NAME=VALUE",
        help="set arguments of a task's score()",
    )
    add("--seed", type=at_least(0), default=0, help="seed of all random draws; default: %(default)s")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="for networks; default: %(default)s")
    add("--batch_tokens", type=at_least(1), default=16_384, help="tokens in a forward pass")
    add("--trust_remote_code", action="store_true", help="let a Hub repository's own code run")
    options = parsed(parser, arguments)
    options.name = options.name or [""] * len(options.model)
    return options


def check(options: argparse.Namespace) -> None:
    """Refuse what cannot work before anything is read or embedded.

    Raises:
        ValueError: An unknown task, model or device, a missing file, or names that do not match the models.
    """
    if unknown := set(options.task) - TASKS.keys():
        raise ValueError(f"got the task {', '.join(sorted(unknown))}, but the tasks are {', '.join(TASKS)}.")
    if len(options.name) != len(options.model):
        raise ValueError(
            f"got {len(options.name)} names for {len(options.model)} models: give one --name each, or none."
        )
    for name, model in zip(options.name, options.model, strict=True):
        check_shown(name or Path(model.rpartition(":")[2]).resolve().name, "give the model another --name")
    check_device(options.device, "--device")
    if ":" not in options.data and not Path(options.data).exists():
        raise ValueError(f"no file {options.data}: check --data, or make one with benchmarks/data/simulate.py.")
    check_folder(options.output, [options.data, *options.model], suffixes=(".json",), parents=True)
    if options.cache is not None:
        check_folder(options.cache, [options.data, *options.model], parents=True)
    for model in options.model:
        find_model(model, options.trust_remote_code)


def run_model(
    options: argparse.Namespace, model: str, name: str, jobs: Sequence[Job], cache: Path, taken: set[str]
) -> Iterator[tuple[str, str]]:
    """Run all tasks with one model and write their results.

    Args:
        options: The command line.
        model: Model id.
        name: Its name in the results, "" for the default.
        jobs: The tasks.
        cache: Folder of what is kept.
        taken: Names of the result files of this run's earlier pairs; those of these pairs are added.

    Yields:
        For each task what became of it ("done", "current", "left out" or "failed") and a line that says so.
    """
    candidates = (job.data.splits["train"] for job in jobs if "train" in job.data.splits)
    training = next((split for split in candidates if "species" in split.labels), None)
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
    except Exception as error:  # an error in one model must not prevent the results of the others
        why = kind_and_first_line(error)
        if isinstance(error, SafetensorError):
            why += f"; {model} may be damaged, copy it again"
        yield from (("failed", f"{job.task} with {name or model}: {why}") for job in jobs)
        return
    # baselines are computed by numpy and by tools, whatever the networks run on
    device = device_name(torch.device("cpu" if model in BASELINES else options.device))
    for job in jobs:
        pair, file = f"{job.task} with {method.name}", file_name(job.identity(method))
        if file in taken:
            yield (
                "failed",
                f"{pair}: {file} belongs to another pair of this run: give each model a --name, each task once",
            )
            continue
        taken.add(file)
        if options.resume and is_current(options.output, job.identity(method), fingerprint_of(job, method)):
            yield "current", f"{pair}: nothing has changed since its result"
            continue
        try:
            refuse_others(options.output / file, method.name, job.data.name, job.data.place, job.data.sha256)
            check_outputs([options.output / file], [options.data, *options.model])
            with Lock(options.output / f".{file}.pair.lock", f"another process makes {file}; wait for it"):
                result = evaluate(job, method, device)
                path = write_result(result, options.output)
        except Unsuited as error:
            yield "left out", f"{pair}: {error}"
        except Exception as error:  # as above, for the other tasks
            yield "failed", f"{pair}: {kind_and_first_line(error)}"
        else:
            yield "done", f"{pair}: {summary(result['metrics'])} -> {path}"


def kind_and_first_line(error: Exception) -> str:
    """An exception's kind and the first line of its message."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def summary(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """The values of the first metrics in a line."""
    shown = [f"{name} {metric['value']:.3f}" for name, metric in list(metrics.items())[:SHOWN]]
    return ", ".join(shown) + (f" and {len(metrics) - SHOWN} more" if len(metrics) > SHOWN else "")


@plain_messages()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 1 when a pair failed, or 2 when the arguments were wrong."""
    options = parse(arguments)
    torch.set_flush_denormal(True)  # ALiBi's far weights underflow, and CPUs are slow on the numbers in between
    try:
        check(options)
        jobs = make_jobs(options)
        options.output.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"run.py: {sentence_of(error)}\n")
        return 2
    try:
        with unwinding_on_signals(), scratch_folder() as scratch:
            return run_models(options, jobs, scratch)
    except Stopped as stop:
        sys.stderr.write(f"run.py: stopped by {stop}; the results so far are whole, --resume makes the others\n")
        return stop.code


def run_models(options: argparse.Namespace, jobs: Sequence[Job], scratch: Path) -> int:
    """Run all tasks with all models, with temporary files in `scratch`: 0, or 1 when a pair failed."""
    lines: dict[str, list[str]] = {"left out": [], "failed": []}
    pairs = len(options.model) * len(jobs)
    taken: set[str] = set()
    models = zip(options.model, options.name, strict=True)
    cache = options.cache or scratch / "cache"
    outcomes = (line for model, name in models for line in run_model(options, model, name, jobs, cache, taken))
    former, tempfile.tempdir = tempfile.tempdir, str(scratch)  # a killed run leaves nothing that the next one keeps
    try:
        for number, (kind, line) in enumerate(outcomes, 1):
            sys.stderr.write(f"[{number}/{pairs}] {line}\n")
            lines.setdefault(kind, []).append(line)
    finally:
        tempfile.tempdir = former
    for kind in ("left out", "failed"):
        if lines[kind]:
            sys.stderr.write(f"run.py: {kind}: {'; '.join(lines[kind])}\n")
    return 1 if lines["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
