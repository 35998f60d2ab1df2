"""How fast embedding is: checkpoints in, each way to embed side by side on the same sequences; one JSON with all out.

    python benchmarks/speed/inference_throughput.py --name cpu --output benchmarks/results/inference --base \\
        --model runs/coi-mini --data coi.tsv.gz

arms.py holds the ways to embed, workloads.py the sequences, and end_task.py the identification of barcodes with the
first --model. Every way is a process of its own. In each of `--rounds` they take turns on the same sequences, each for
at least `--seconds`. A rate is the median over the rounds, and `ratio` that of the ratios to `plain` within them.

- `utilisation`: FLOP/s of the encoder, padding not counted, over the best rate of products of two large matrices in
  this run, in float32 on a CPU (of int8 too) and in bfloat16 on CUDA;
- `busy`: the share of the time that is spent in the model, the rest being tokenisation, batching and copies;
- `cosine_min`: the lowest cosine of a vector with that of `plain`; `centred_cosine_min`: the same with the mean vector
  of `plain` subtracted from both, where a small error shows;
- `peak_memory_mb` of the process and how far it rose, once more for a single sequence of `--long` tokens.

`--base` adds a model of DNABERT-2's size with random weights. What this machine cannot run is named as not measured,
with the reason.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.data.splits import describe, read_splits
from benchmarks.methods.method import Split
from benchmarks.methods.networks import weights_revision
from benchmarks.report.result_files import PACKAGES, commit, data_stem, write_json
from benchmarks.report.speed_tables import PLAIN
from benchmarks.speed import end_task
from benchmarks.speed.arms import ARMS, BATCH, measure_pass
from benchmarks.speed.rates import SQUARE, add_utilisation, matmul_rate, significant, summarise
from benchmarks.speed.workers import Machine, take_turns
from benchmarks.speed.workloads import Sample, draw_long, draw_sample, plan_workloads
from modeling_dnacse import DnacseConfig, DnacseModel
from modeling_dnacse.attention import default_attention
from modeling_dnacse.loading.checkpoints import load_config, load_tokenizer
from modeling_dnacse.machine.provenance import device_name, package_versions

BASE = "base size"  # the model of DNABERT-2's shape
LENGTHS = (200, 660, 2000, 10_000)  # bp
LONG_ARMS = (
    PLAIN,
    *("ours, sdpa", "ours, packed"),
    *(f"ours, bf16 {attention}" for attention in ("sdpa", "flash_attention_2", "flex_attention")),
)
END_ARMS = {"cpu": ("ours, packed", "ours, int8"), "cuda": (f"ours, bf16 {default_attention('cuda')}",)}
ALSO_USED = ("sentence-transformers", "onnxruntime", "torchao", "flash-attn")


def make_base(tokenizer_folder: str, folder: Path) -> str:
    """Save a model of the default configuration, DNABERT-2's, with random weights (seed 0) for a tokenizer."""
    tokenizer = load_tokenizer(tokenizer_folder)
    torch.manual_seed(0)
    DnacseModel(DnacseConfig(vocab_size=len(tokenizer))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def measure_model(
    machine: Machine,
    model: tuple[str, str],
    mixed: tuple[list[str], str],
    rates: list[float],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Measure all workloads with one model.

    Args:
        machine: Where it runs.
        model: Its name and its folder.
        mixed: Sequences of mixed lengths, and where they are from.
        rates: FLOP/s of matrix products so far, to which one a workload is added.
        options: Of the command line.

    Returns:
        Workload -> its numbers of sequences, bp and tokens, and way -> figures.
    """
    tokenizer = load_tokenizer(model[1])
    config = load_config(model[1], tokenizer)
    workers = {arm: machine.start() for arm in choose_arms(options)}
    found = {}

    def measure(sample: Sample, workers: dict[str, Executor], rounds: int, seconds: float) -> None:
        cells = summarise(take_turns(machine, workers, model, sample, rounds, seconds), sample)
        size = {"sequences": len(sample.sequences), "bp": sample.bp, "tokens": sample.tokens}
        found[sample.workload] = size | {"arms": cells}

    for workload in tqdm(plan_workloads(options.lengths, *mixed, options.device), desc=model[0], unit=" workloads"):
        rates.append(matmul_rate(SQUARE[options.device], options.device))
        sample = draw_sample(workload, tokenizer, config, max(rates), options.seconds)
        take_turns(machine, workers, model, sample._replace(sequences=sample.sequences[:1]), 1, 0)  # to warm up
        measure(sample, workers, options.rounds, options.seconds)
    for worker in workers.values():
        worker.shutdown()
    if options.long:  # in new processes, since old ones still hold some of the memory of earlier work
        workers = {arm: machine.start() for arm in workers if arm in LONG_ARMS}
        sample = draw_long(options.long, tokenizer, config)
        take_turns(machine, workers, model, sample._replace(sequences=["ACGT" * 8]), 1, 0)
        measure(sample, workers, rounds=1, seconds=0)
    return found


def measure_end_task(
    machine: Machine, model: tuple[str, str], splits: Mapping[str, Split], options: argparse.Namespace
) -> dict[str, Any]:
    """Identify queries by our embedding and by the tools.

    Args:
        machine: Where they run.
        model: Name and folder of the model that embeds.
        splits: Labelled sequences.
        options: Of the command line.
    """
    references, queries = end_task.draw_task(splits, options.queries)
    files = queries.sequences, references.sequences
    ways: dict[str, dict[str, float]] = {}
    for arm in END_ARMS[options.device]:
        worker, start = machine.start(), time.perf_counter()
        if machine.ask(worker, arm, measure_pass, arm, model[1], options.device, queries.sequences[:1], 0):
            started = {"start_seconds": round(time.perf_counter() - start, 2)}
            done = machine.ask(worker, arm, end_task.identify_by_embedding, arm, model[1], options.device, *files)
            if done:
                right = {"genus_right": end_task.genus_right(done[0], queries, references)}
                ways |= {f"{arm}, {library}": costs | started | right for library, costs in done[1].items()}
    worker = machine.start()
    for tool in end_task.TOOLS:
        if done := machine.ask(worker, tool, end_task.measure_tool, tool, *files, torch.get_num_threads()):
            ways[tool] = done[1] | {"genus_right": end_task.genus_right(done[0], queries, references)}
    about = end_task.about_task(queries, references)
    return {**about, "source": "data", "model": model[0], "ways": ways}


def choose_arms(options: argparse.Namespace) -> list[str]:
    """The ways to measure: those of the device, or of these those that were asked for."""
    return [arm for arm in ARMS[options.device] if options.arm is None or arm in options.arm]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Measure embedding.", allow_abbrev=False)
    add = parser.add_argument
    add("--name", required=True, help="what the results are called, such as the machine")
    add("--output", type=Path, required=True, help="folder of the result file")
    add("--model", nargs="+", required=True, help="checkpoint folders")
    add("--base", action="store_true", help="measure a model of base size, too, first")
    add("--data", required=True, help="labelled data, as run.py takes them")
    add("--lengths", type=int, nargs="*", default=LENGTHS, help="bp; default: %(default)s")
    add("--long", type=int, default=5000, help="tokens of the sequence that shows memory; 0: none")
    add("--queries", type=int, default=10_000, help="queries, and references, to identify; 0: none")
    add("--arm", nargs="+", choices=sorted({*ARMS["cpu"], *ARMS["cuda"]}), help="only these ways to embed")
    add("--seconds", type=float, default=2.0, help="a turn lasts at least so long; default: %(default)s")
    add("--rounds", type=int, default=2, help="turns of each; default: %(default)s")
    add(
        "--shared_process",
        action="store_true",
        help="all ways run in this process: they start sooner, but the peak memory is that of all of them",
    )
    add("--device", choices=tuple(ARMS), default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args(arguments)


def describe_model(folder: str) -> dict[str, Any]:
    """Name the weights of a checkpoint and count them."""
    with torch.device("meta"):
        parameters = sum(weights.numel() for weights in DnacseModel(DnacseConfig.from_pretrained(folder)).parameters())
    return {"revision": weights_revision(folder), "parameters": parameters}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 1 when a way broke, or 2 when the arguments were wrong."""
    options = parse(arguments)
    try:
        splits = read_splits(options.data)
        data = describe(options.data, splits)
        models = {Path(folder).resolve().name: folder for folder in options.model}
        about = {name: describe_model(folder) for name, folder in models.items()}
    except (ValueError, OSError) as error:
        sys.stderr.write(f"inference_throughput.py: {error}\n")
        return 2
    sequences = [s for split in splits.values() for s in split.sequences]
    rates: list[float] = []
    with ExitStack() as stack:
        machine = Machine(options.device, stack, options.shared_process)
        if options.base:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="base-")))
            base = make_base(options.model[0], place)
            models = {BASE: base} | models
            about = {BASE: describe_model(base) | {"revision": ""}} | about
        found = {
            name: measure_model(machine, (name, folder), (sequences, data_stem(data.name)), rates, options)
            for name, folder in models.items()
        }
        named = Path(options.model[0]).resolve().name
        task = measure_end_task(machine, (named, options.model[0]), splits, options) if options.queries else {}
    add_utilisation(found, max(rates))
    skipped = [arm for arm in ARMS[options.device] if arm not in choose_arms(options)]
    lengths = np.quantile([len(sequence) for sequence in sequences], (0, 0.25, 0.5, 0.75, 1)).astype(int).tolist()
    result = {
        "kind": "inference_throughput",
        "name": options.name,
        "seconds": options.seconds,
        "rounds": options.rounds,
        "plain_batch": BATCH,
        "data": {"name": data.name, "sha256": data.sha256},
        "mixed": {"sequences": len(sequences), "bp_quartiles": lengths},
        "models": {name: about[name] | {"workloads": workloads} for name, workloads in found.items()},
        "end_task": task,
        "matmul_flops_per_second": {"square": significant(max(rates))},
        "not_measured": dict.fromkeys(skipped, "left out by --arm") | machine.left_out,
        "failed": machine.failed,
        "waiting_for_a_gpu": [arm for arm in ARMS["cuda"] if arm not in ARMS["cpu"]]
        if options.device == "cpu"
        else [],
        "threads": torch.get_num_threads(),
        "versions": package_versions((*PACKAGES, *ALSO_USED)),
        "commit": commit(),
        "device": device_name(torch.device(options.device)),
    }
    write_json(result, options.output / f"{options.name}.json")
    return 1 if machine.failed else 0


if __name__ == "__main__":
    sys.exit(main())
