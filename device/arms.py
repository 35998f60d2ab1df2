"""Train dnacse-barcode-small on the GPU: the start and the records in, arms and their validation scores out.

    python3 device/arms.py arms WORK RESULTS OUT    # all arms at once, then RESULTS/arms.json
    python3 device/arms.py best WORK RESULTS OUT    # the best arm for longer; WORK/dnacse-barcode-small, OUT/weights.*

All arms start from the same embeddings, fitted in closed form, and take the same number of steps on the same pairs.
They run at once, since one of them alone would leave the card idle while it starts, evaluates and saves. A short run
measures the steps a second first, so that training takes about as long as asked: ARMS_SECONDS, BEST_SECONDS.

Arms are compared by recall@1 on validation pairs. An arm that is still training at the deadline gets SIGTERM, and
counts by its last evaluation. Without `arms` in the same call, `best` takes ARM=NAME.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import torch

from benchmarks.report.result_files import write_json

PLACE = Path(".device")
SIZE = os.environ.get("DNACSE_DEVICE_SIZE", "full")
SECONDS = {"arms": 130.0, "best": 75.0} if SIZE == "full" else {"arms": 1.0, "best": 1.0}
# for start, evaluations and saving, after which an arm is stopped
GRACE = {"arms": 50.0, "best": 45.0} if SIZE == "full" else {"arms": 1200.0, "best": 1200.0}
PROBE_STEPS = 24 if SIZE == "full" else 4
WORKERS = "3" if SIZE == "full" else "0"
BATCH = 256 if SIZE == "full" else 16  # pairs: about 14 GB of activations an arm
FULL = "trainer/configs/barcode_small.json"
CONFIG = FULL if SIZE == "full" else "trainer/configs/demo.json"
PIECE = 15 * 2**20  # bytes of a file that comes back
NAME = "dnacse-barcode-small"
STOPPED = 143  # of train.py after SIGTERM

LAYERS, NO_LAYERS = "start", "start-no-layers"
FEATURES = ("--compare", "features")
ARMS: dict[str, tuple[str, str, tuple[str, ...]]] = {  # start, curriculum, options
    "phase I": (LAYERS, "weighted_simclr:{all}steps", ()),
    "phase I, MI-Mix": (LAYERS, "weighted_simclr:{third}steps mi_mix:{rest}steps", ()),
    "phase I, MI-Mix, projection head": (LAYERS, "weighted_simclr:{third}steps mi_mix:{rest}steps", FEATURES),
    "phase I, MI-Mix, genus term": (
        LAYERS,
        "weighted_simclr:{third}steps mi_mix:{rest}steps",
        ("--genus_weight", "0.1"),
    ),
    "no layers": (NO_LAYERS, "weighted_simclr:{all}steps", ()),
}


def make_starts(work: Path) -> None:
    """Write the two starts: a new encoder, and one without layers, both with the fitted embeddings."""
    without = work / "no_layers.json"
    without.write_text(json.dumps(json.loads(Path(CONFIG).read_text()) | {"num_hidden_layers": 0}))
    for name, config in ((LAYERS, CONFIG), (NO_LAYERS, str(without))):
        if not (work / name / "config.json").exists():
            command = [sys.executable, "trainer/fit_embeddings.py", "--config_name", config]
            command += ["--train_file", str(PLACE / "records.tsv.gz"), "--train_split", "train"]
            command += ["--tokenizer_name", str(PLACE / "tokenizer"), "--fitted", str(PLACE / "fitted.npy")]
            subprocess.run([*command, "--output_dir", str(work / name)], check=True)


def train(arm: str, steps: int, work: Path, output: Path, logged: int = 20) -> subprocess.Popen[bytes]:
    """Start the training of an arm for so many steps."""
    start, curriculum, options = ARMS[arm]
    third = max(1, steps // 3)
    command = [sys.executable, "trainer/train.py", "--train_file", str(PLACE / "records.tsv.gz")]
    command += ["--train_split", "train", "--validation_split", "val", "--max_validation_pairs", "1000"]
    command += ["--model_name_or_path", str(work / start), "--output_dir", str(output), "--compare", "embeddings"]
    command += ["--curriculum", curriculum.format(all=steps, third=third, rest=max(1, steps - third))]
    command += ["--pairing", "same_species", "--crop", "150", "700", "--strand", "random"]
    command += ["--substitution_rate", "0.03", "--max_length", "200", "--per_device_train_batch_size", str(BATCH)]
    command += ["--per_device_eval_batch_size", "256", "--learning_rate", "5e-4", "--lr_scheduler_type", "cosine"]
    command += ["--head_learning_rate_multiplier", "1", "--warmup_steps", "0.1", "--seed", "0"]
    command += [
        "--save_steps",
        "0.5",
        "--eval_steps",
        "0.5",
        "--save_total_limit",
        "1",
        "--logging_steps",
        str(logged),
    ]
    command += ["--dataloader_num_workers", WORKERS, "--disable_tqdm", "true", *options]
    if torch.cuda.is_available():
        command += ["--bf16", "true"]
    shutil.rmtree(output, ignore_errors=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.with_suffix(".log").open("wb") as log:
        threads = {"OMP_NUM_THREADS": "2"}
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | threads)


def history(output: Path) -> list[dict[str, Any]]:
    """The log of a run: of the finished one, or else of its latest checkpoint; empty if there is neither."""
    finished = output / "training_log.json"
    if finished.exists():
        return json.loads(finished.read_text())
    states = sorted(output.glob("checkpoint-*/trainer_state.json"), key=lambda path: path.stat().st_mtime)
    return json.loads(states[-1].read_text())["log_history"] if states else []


def pairs_per_second(log: list[dict[str, Any]]) -> float:
    """The rate of the last logged half, which knows no start."""
    rates = [entry["pairs_per_second"] for entry in log if "pairs_per_second" in entry]
    if not rates:
        raise SystemExit("arms.py: the probe logged no step; its log stands above")
    settled = rates[len(rates) // 2 :]
    return sum(settled) / len(settled)


def probe(work: Path) -> float:
    """Train a few steps alone: pairs a second.

    Raises:
        SystemExit: training failed; the end of what it said is shown.
    """
    output = work / "probe"
    process = train("phase I", PROBE_STEPS, work, output, logged=4)
    if process.wait():
        raise SystemExit(f"arms.py: the probe failed:\n{output.with_suffix('.log').read_text()[-2000:]}")
    return pairs_per_second(history(output))


def wait_for(processes: dict[str, subprocess.Popen[bytes]], deadline: float) -> None:
    """Wait until all have ended; at the deadline those left get SIGTERM, and 15 seconds to save."""
    for process in processes.values():
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.terminate()
    for process in processes.values():
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


def summary(output: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What an arm came to."""
    log = history(output)
    scored = [entry for entry in log if "eval_recall_at_1" in entry]
    rates = [entry for entry in log if "pairs_per_second" in entry]
    found = {"exit_code": process.returncode, "steps": max((entry["step"] for entry in log), default=0)}
    if scored:
        found |= {name: scored[-1][f"eval_{name}"] for name in ("recall_at_1", "loss")}
    if rates:
        found |= {name: rates[-1][name] for name in ("pairs_per_second", "mfu", "model_tflops") if name in rates[-1]}
    if process.returncode:
        found["said"] = output.with_suffix(".log").read_text(errors="replace")[-1000:]
    return found


def run_arms(work: Path, results: Path) -> None:
    """Train all arms at once, and write what they came to.

    Raises:
        SystemExit: an arm failed.
    """
    make_starts(work)
    rate = probe(work)
    seconds = float(os.environ.get("ARMS_SECONDS", SECONDS["arms"]))
    steps = max(6, int(rate * seconds / BATCH / len(ARMS)))
    sys.stdout.write(f"one arm alone: {rate:.1f} pairs/s; {steps} steps each\n")
    began = time.monotonic()
    folders = {arm: work / "arms" / str(number) for number, arm in enumerate(ARMS)}
    processes = {arm: train(arm, steps, work, folder) for arm, folder in folders.items()}
    wait_for(processes, began + seconds + GRACE["arms"])
    scores = {arm: summary(folders[arm], process) for arm, process in processes.items()}
    scored = {arm: score["recall_at_1"] for arm, score in scores.items() if "recall_at_1" in score}
    best = max(scored, key=lambda arm: scored[arm]) if scored else None
    found = {"probe_pairs_per_second": round(rate, 1), "planned_steps": steps, "batch": BATCH, "arms": scores}
    found |= {"best": best, "seconds": round(time.monotonic() - began, 1)}
    write_json(found, results / "arms.json")
    for arm, score in scores.items():
        sys.stdout.write(f"{arm}: {json.dumps(score)}\n")
    if failed := [arm for arm, score in scores.items() if score["exit_code"] not in (0, STOPPED)]:
        raise SystemExit(f"arms.py: failed: {', '.join(failed)}")


def run_best(work: Path, results: Path, out: Path) -> None:
    """Train the best arm for longer, finish the model, and write its weights in pieces.

    Raises:
        SystemExit: it is not known which arm is best, or no arm left a model.
    """
    former = json.loads((results / "arms.json").read_text()) if (results / "arms.json").exists() else {}
    arm = os.environ.get("ARM") or former.get("best")
    if arm not in ARMS:
        raise SystemExit(f"arms.py: the best arm is {arm!r}; run the stage arms first, or give ARM={'|'.join(ARMS)}")
    make_starts(work)
    rate = former.get("probe_pairs_per_second") or probe(work)
    seconds = float(os.environ.get("BEST_SECONDS", SECONDS["best"]))
    steps, output = max(6, int(rate * seconds / BATCH)), work / "best"
    process = train(arm, steps, work, output)
    wait_for({arm: process}, time.monotonic() + seconds + GRACE["best"])
    found = {"arm": arm, "planned_steps": steps} | summary(output, process)
    if process.returncode:  # what the arm itself came to is better than nothing
        output = work / "arms" / str(list(ARMS).index(arm))
        found["weights_of"] = "the arm, since the longer run was not finished"
    if not (output / "model.safetensors").exists():
        write_json(found, results / "best.json")
        raise SystemExit(f"arms.py: {arm} left no model: {found}")
    model = work / NAME
    shutil.rmtree(model, ignore_errors=True)
    command = [sys.executable, "trainer/finish.py", "--model", str(output), "--output_dir", str(model)]
    command += ["--train_file", str(PLACE / "records.tsv.gz"), "--train_split", "train", "--sequences", "1000"]
    subprocess.run(command, check=True)
    found["pieces"] = write_pieces(model, out)
    write_json(found, results / "best.json")
    sys.stdout.write(f"{json.dumps(found)}\n")


def write_pieces(model: Path, out: Path) -> dict[str, str]:
    """Write a model's folder as a tar in pieces `weights.00`, …: the SHA-256 of each by its name."""
    whole = out / "unfinished"
    with tarfile.open(whole, "w") as archive:
        archive.add(model, NAME)
    digests = {}
    for old in out.glob("weights.*"):
        old.unlink()
    with whole.open("rb") as file:
        while piece := file.read(PIECE):
            name = f"weights.{len(digests):02}"
            (out / name).write_bytes(piece)
            digests[name] = hashlib.sha256(piece).hexdigest()
    whole.unlink()
    return digests


if __name__ == "__main__":
    _, stage, *folders = sys.argv
    work, results, out = map(Path, folders)
    if stage == "arms":
        run_arms(work, results)
    else:
        run_best(work, results, out)
