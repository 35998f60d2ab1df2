"""Kill each command at random moments, and run it again; a JSON of what was lost and what was left out.

    python tests/attack/kills.py --model checkpoints/dnacse-barcode-mini \\
        --output benchmarks/results/faults/kills.json

Not part of the test suite. Each command or script of kill_targets.py runs in a fork of this process that has run it
before, so that the kill falls into its work. A kill loses something if an input changed, if an output is there that
is not that of an undisturbed run, byte for byte, or if the command does not make these outputs when it is run again. A
left-over is a hidden file or a temporary folder: after that, or at once where the signal was not SIGKILL. To leave the
processor to files, `map` draws two numbers of each vector in place of UMAP, and `adapt` fits one kind of model.
"""

import argparse
import contextlib
import io
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}

import torch
from tqdm import tqdm

from benchmarks.report.result_files import commit
from modeling_dnacse.cli import main as dnacse
from modeling_dnacse.fitting import trial
from modeling_dnacse.machine.provenance import package_versions
from modeling_dnacse.maps import points
from tests.attack.kill_targets import MODEL, Target, targets, write_inputs
from tests.support.families import random_families
from trainer.train import main as train

SIGNALS = (*[signal.SIGKILL] * 4, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
TRAINING, SAID = "train", "said.txt"
CHANGING = re.compile(  # in BIOM and results, the ids of elements of a page, times of a task
    rb'"date": "[^"]*"|\w{8}-\w{4}-\w{4}-\w{4}-\w{12}|"costs": [{].*?\n [}]', re.DOTALL
)


def run(target: Target, folder: Path) -> int:
    """Run a command in a fork of this process to its end; its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(fork(target, folder), 0)[1])


def fork(target: Target, folder: Path) -> int:
    """Start a command in a fork of this process, which ends as a program does; `tmp` is its temporary folder.

    What it says on stderr is in SAID.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # an interrupted child must not go on with the code of callers
    child = os.fork()
    if child:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        return child
    code = 1
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(os.open(folder / "in" / "queries.fasta", os.O_RDONLY), 0)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 it lives as long as the process
        os.dup2(quiet, 1)
        os.dup2(os.open(folder / SAID, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        tempfile.tempdir = str(folder / "tmp")
        torch.set_num_threads(1)  # makes its pool anew, which two threads that load a model may else both miss
        code = int(target.function(target.arguments) or 0)  # type: ignore[call-overload]
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        os._exit(code)


def contents(folder: Path) -> dict[str, bytes]:
    """What is in the files of a folder, by their names in it."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): CHANGING.sub(b"", path.read_bytes()) for path in files}


def hidden(folder: Path) -> list[str]:
    """What is left over: hidden files of outputs, and what is in the temporary folder."""
    return [path.name for path in [*(folder / "out").rglob(".*"), *(folder / "tmp").iterdir()]]


@contextlib.contextmanager
def empty(folder: Path, target: Target) -> Iterator[Path]:
    """Make empty folders for outputs and temporary files; a model that is changed in place lies there already."""
    for name in ("out", "tmp"):
        (folder / name).mkdir()
    if target.changed:
        shutil.copytree(target.changed, folder / "out" / MODEL)
    yield folder / "out"
    for name in ("out", "tmp"):
        shutil.rmtree(folder / name)


def kill_command(target: Target, folder: Path, kills: int, rng: random.Random, examples: list[str]) -> Counter[str]:
    """Kill a command at random moments, `kills` times, each time with no output, and run it again."""
    found, told = Counter(kills=kills), f"{target.function.__module__} {' '.join(target.arguments)}"
    before = contents(folder / "in")
    with empty(folder, target):
        load(target, folder)
    with empty(folder, target) as out:
        at_first = contents(out)
        started = time.perf_counter()
        if code := run(target, folder):
            raise ValueError(f"{told} ends with {code}: {last_line(folder / SAID)}")
        usual = time.perf_counter() - started
        wanted = contents(out)
    for _ in range(kills):
        with empty(folder, target) as out:
            child, number, moment = fork(target, folder), rng.choice(SIGNALS), rng.random() * usual
            time.sleep(moment)
            os.kill(child, number)  # it may have ended, but nobody waited for it yet
            os.waitpid(child, 0)
            leftovers = [] if number == signal.SIGKILL else hidden(folder)
            there = {name: text for name, text in contents(out).items() if not is_hidden(name)}
            lost = "half an output" if is_half(there, wanted, at_first, target.arguments) else ""
            code = run(target, folder)
            if contents(out) != wanted or (code and there != wanted):  # what is there is refused by some
                lost = lost or f"run again: exit {code}: {last_line(folder / SAID)}"
            leftovers += hidden(folder)
            if contents(folder / "in") != before:
                lost = "an input changed"
            found["lost"] += bool(lost)
            found["left_overs"] += bool(leftovers)
            if lost or leftovers:
                what = f"{signal.Signals(number).name} after {moment:.2f} of {usual:.2f} s"
                examples.append(f"{told}: {what}: {lost} {leftovers}")
    return found


def load(target: Target, folder: Path) -> None:
    """Run a command in this process, which loads and compiles what forks would; forks must not inherit threads."""
    queries = str(folder / "in" / "queries.fasta")
    arguments = [queries if argument == "-" else argument for argument in target.arguments]
    if target.function is dnacse:
        arguments += [] if arguments[0] == "info" else ["--threads", "1", "--quiet"]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        target.function(arguments)


def last_line(path: Path) -> str:
    """The last line of a file."""
    return path.read_text(errors="replace").rstrip().rpartition("\n")[2]


def is_hidden(name: str) -> bool:
    """Whether a file or a folder around it is hidden."""
    return any(part.startswith(".") for part in Path(name).parts)


def is_half(
    there: dict[str, bytes], wanted: dict[str, bytes], at_first: dict[str, bytes], arguments: list[str]
) -> bool:
    """Whether a file that is there is neither that of an undisturbed run nor that from before; or a folder lacks one.

    Shards appear one by one; their manifest comes last.
    """
    if any(text not in (wanted.get(name), at_first.get(name)) for name, text in there.items()):
        return True
    started = {Path(name).parts[0] for name in there if "/" in name} if "--shard_records" not in arguments else set()
    return any(Path(name).parts[0] in started and name not in there for name in wanted)


def kill_training(folder: Path, model: Path, kills: int, rng: random.Random, examples: list[str]) -> Counter[str]:
    """Kill training, resume it until it ends, and compare the released weights with those of a run that was let be."""
    families = random_families(seed=0)
    (folder / "train.fasta").write_text("".join(f">{header}\n{text}\n" for header, text in families.items()))
    (folder / "tmp").mkdir()
    arguments = [
        *("--train_file", str(folder / "train.fasta"), "--model_name_or_path", str(model), "--use_cpu"),
        *("--curriculum", "weighted_simclr:6steps", "--per_device_train_batch_size", "4", "--save_steps", "1"),
        *("--validation_fraction", "0", "--disable_tqdm", "true", "--report_to", "none", "--output_dir"),
    ]
    started = time.perf_counter()
    run(Target(train, [*arguments, str(folder / "whole")]), folder)
    usual = time.perf_counter() - started
    wanted = (folder / "whole" / "model.safetensors").read_bytes()
    found: Counter[str] = Counter(kills=kills)
    for number in range(kills):
        output = folder / f"killed{number}"
        child = fork(Target(train, [*arguments, str(output)]), folder)
        time.sleep(rng.random() * usual)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if not (output / "config.json").exists():
            resume = ["--resume_from_checkpoint", "last"] if list(output.glob("checkpoint-*")) else []
            run(Target(train, [*arguments, str(output), *resume]), folder)
        weights = output / "model.safetensors"
        lost = not weights.exists() or weights.read_bytes() != wanted
        leftovers = [path.name for path in output.glob(".*")]
        found["lost"] += lost
        found["left_overs"] += bool(leftovers)
        if lost or leftovers:
            examples.append(f"train: weights {'differ' if lost else 'equal'} {leftovers}")
        shutil.rmtree(output, ignore_errors=True)
    shutil.rmtree(folder / "tmp")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 1 when something was lost or left."""
    parser = argparse.ArgumentParser(description="Kill commands.", allow_abbrev=False)
    parser.add_argument("--model", type=Path, required=True, help="folder of a small model")
    parser.add_argument("--output", type=Path, required=True, help="JSON to write; what it has is not done again")
    parser.add_argument("--kills", type=int, default=25, help="of each command; default: %(default)s")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="commands as the output names them; default: all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # forks of this process must not wait for threads that it had
    tqdm.set_lock(threading.RLock())  # nor for a semaphore of all forks, which one held when it was killed
    for number in SIGNALS[4:]:  # a shell that starts this in the background lets some be ignored
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    points.lay_out = lambda vectors, _: vectors[:, :2]
    trial.ROUTES = {"7-mer discriminant": trial.kmer_discriminant}
    rng, examples, result = random.Random(options.seed), [], {"kind": "faults", "kills": {}}
    if options.output.exists():
        result = json.loads(options.output.read_text())
    result |= {"model": options.model.name, "versions": package_versions(["torch", "transformers", "numpy"])}
    model = options.model.resolve()
    told = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "tmp").mkdir()
        write_inputs(folder, model, run)
        (folder / "tmp").rmdir()
        known = targets(folder, model)
        for name in options.only or [name for name in [*known, TRAINING] if name not in result["kills"]]:
            started = time.perf_counter()
            if name == TRAINING:
                found = kill_training(folder, model, options.kills, rng, examples)
            else:
                found = kill_command(known[name], folder, options.kills, rng, examples)
            one = {kind: found[kind] for kind in ("kills", "lost", "left_overs")}
            sys.stderr.write(f"{name}: {one}, {time.perf_counter() - started:.0f} s\n")
            sys.stderr.write("".join(f"{example}\n" for example in examples[told:]))
            told = len(examples)
            result["kills"][name] = one | {"seed": options.seed, "commit": commit()}
            result["date"] = datetime.now(UTC).date().isoformat()
            options.output.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if examples else 0


if __name__ == "__main__":
    sys.exit(main())
