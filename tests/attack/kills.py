"""Commands that are killed at a random moment: what they leave, and whether the next run of the same command mends it.

Each command runs in a fork of this process, which has loaded torch, so that a kill costs tenths of a second. A kill
loses something if an input changed, if an output is there but not whole, or if the command does not end well when it
is run again. A left-over is a hidden file that is there after that.
"""

import contextlib
import hashlib
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from modeling_dnacse.cli import main
from modeling_dnacse.vectors.files import read_vectors
from trainer.train import main as train

Check = Callable[[Path], bool]  # whether an output that is there is whole


def commands(folder: Path, model: Path, records: int) -> dict[str, tuple[list[str], Check]]:
    """The commands by name: arguments, and a check of their outputs."""
    fasta, out = str(folder / "in.fasta"), folder / "out"
    with_model = ["--model", str(model)]

    def vectors_whole(path: Path) -> bool:
        return sum(len(ids) for ids, _ in read_vectors(path)) == records

    def lines_whole(path: Path) -> bool:
        return len(path.read_text().splitlines()) == records + 1

    def bins_whole(path: Path) -> bool:
        return sum(file.read_text().count(">") for file in path.glob("*.fasta")) == records

    threshold = ["--threshold", "0.98"]
    identify = ["identify", fasta, "--reference", str(folder / "library.fasta"), *with_model]
    bins = ["--min_length", "95", "--min_contigs", "2", *threshold]
    return {
        "embed .npy": (["embed", fasta, *with_model, "-o", f"{out}/v.npy"], vectors_whole),
        "embed .parquet": (["embed", fasta, *with_model, "-o", f"{out}/v.parquet"], vectors_whole),
        "embed in shards": (["embed", fasta, *with_model, "-o", f"{out}/v", "--shard_records", "8"], vectors_whole),
        "cluster": (["cluster", fasta, *with_model, *threshold, "-o", f"{out}/c.tsv"], lines_whole),
        "identify": ([*identify, "-o", f"{out}/i.tsv"], lines_whole),
        "bin": (["bin", fasta, *with_model, *bins, "-o", f"{out}/b"], bins_whole),
    }


def fork(run: Callable[[list[str]], object], arguments: list[str]) -> int:
    """Start a function in a fork of this process; its exit code is that of a program."""
    child = os.fork()
    if child:
        return child
    code = 1
    with contextlib.suppress(BaseException):
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        try:
            run(arguments)
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
    os._exit(code)


def digest(folder: Path) -> str:
    """What the inputs hold."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def kill_command(
    arguments: list[str], whole: Check, folder: Path, kills: int, rng: random.Random, examples: list[str]
) -> Counter[str]:
    """Kill a command at random moments, `kills` times, each time in an empty output folder, and run it again."""
    out, output = folder / "out", Path(arguments[arguments.index("-o") + 1])
    found: Counter[str] = Counter(kills=kills)
    started = time.perf_counter()
    os.waitpid(fork(main, arguments), 0)
    usual = time.perf_counter() - started
    before = None
    for _ in range(kills):
        shutil.rmtree(out)
        out.mkdir()
        before = before or digest(folder)
        child = fork(main, arguments)
        time.sleep(rng.random() * usual)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, rng.choice((*[signal.SIGKILL] * 3, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)))
        os.waitpid(child, 0)
        lost = "half an output" if half(output, whole) else ""
        code = os.waitstatus_to_exitcode(os.waitpid(fork(main, arguments), 0)[1])
        there = output.exists() and whole(output)
        if not there or (code and not (arguments[0] == "bin" and code == 2)):  # bin refuses a folder that is there
            lost = lost or f"run again: exit {code}"
        leftovers = [path.name for path in out.rglob(".*")]
        shutil.rmtree(out)
        out.mkdir()
        if digest(folder) != before:
            lost = "an input changed"
        found["lost"] += bool(lost)
        found["left_overs"] += bool(leftovers)
        if (lost or leftovers) and len(examples) < 40:
            examples.append(f"{arguments[0]}: {lost} {leftovers}")
    return found


def half(output: Path, whole: Check) -> bool:
    """Whether an output is there and not whole; a folder of shards without a manifest says itself that it is not."""
    shards = output.is_dir() and not list(output.glob("*.fasta"))
    if not output.exists() or (shards and not (output / "manifest.json").exists()):
        return False
    try:
        return not whole(output)
    except (ValueError, OSError):
        return True


def kill_training(folder: Path, model: Path, kills: int, rng: random.Random, examples: list[str]) -> Counter[str]:
    """Kill training, resume it until it ends, and compare the released weights with those of a run that was let be."""
    arguments = [
        *("--train_file", str(folder / "library.fasta"), "--model_name_or_path", str(model), "--use_cpu"),
        *("--curriculum", "weighted_simclr:6steps", "--per_device_train_batch_size", "4", "--save_steps", "1"),
        *("--validation_fraction", "0", "--disable_tqdm", "true", "--report_to", "none", "--output_dir"),
    ]
    started = time.perf_counter()
    os.waitpid(fork(train, [*arguments, str(folder / "whole")]), 0)
    usual = time.perf_counter() - started
    wanted = (folder / "whole" / "model.safetensors").read_bytes()
    found: Counter[str] = Counter(kills=kills)
    for number in range(kills):
        output = folder / f"killed{number}"
        child = fork(train, [*arguments, str(output)])
        time.sleep(rng.random() * usual)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if not (output / "config.json").exists():
            resume = ["--resume_from_checkpoint", "last"] if list(output.glob("checkpoint-*")) else []
            os.waitpid(fork(train, [*arguments, str(output), *resume]), 0)
        weights = output / "model.safetensors"
        lost = not weights.exists() or weights.read_bytes() != wanted
        leftovers = [path.name for path in output.glob(".*")]
        found["lost"] += lost
        found["left_overs"] += bool(leftovers)
        if (lost or leftovers) and len(examples) < 40:
            examples.append(f"train: weights {'differ' if lost else 'equal'} {leftovers}")
        shutil.rmtree(output, ignore_errors=True)
    return found
