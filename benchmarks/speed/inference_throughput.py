"""Measure how fast embedding is: checkpoints in, each way to embed on the same sequences; one JSON out.

    python benchmarks/speed/inference_throughput.py --name cpu --output benchmarks/results/inference \\
        --model runs/base checkpoints/dnacse-barcode-mini --data coi.tsv.gz

arms.py has the ways to embed, and workloads.py the sequences. Each way runs in a process of its own. In each of
`--rounds` they take turns on the same sequences, each for at least `--seconds`. A rate is the median over the rounds.
`ratio` is the median over the rounds of the ratio to `plain`.

- `utilisation`: FLOP/s of the encoder, padding not counted, over the best rate of products of two large matrices in
  this run, in float32 on a CPU (of int8 too) and in bfloat16 on CUDA;
- `busy`: the share of the time that is spent in the model, the rest being tokenisation, batching and copies;
- `cosine_min`: the lowest cosine of a vector with that of `plain`; `centred_cosine_min`: the same with the mean vector
  of `plain` subtracted from both, where a small error shows;
- `peak_memory_mb` of the process and how far it rose, once more for a single sequence of `--long` tokens.

What this machine cannot run is named as not measured, with the reason. `device/base_model.py` makes a model of
DNABERT-2's size with random weights. `benchmarks/studies/end_to_end.py` times a whole identification beside vsearch.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.data.splits import describe, read_splits
from benchmarks.methods.networks import weights_revision
from benchmarks.report.result_files import PACKAGES, commit, data_stem, write_json
from benchmarks.report.result_folders import INFERENCE, check_measurement
from benchmarks.report.speed_tables import PLAIN
from benchmarks.speed.arms import ARMS
from benchmarks.speed.rates import matmul_rate, significant, summarise
from benchmarks.speed.workers import Workers
from benchmarks.speed.workloads import BATCH, draw_samples, long_sequence, measure_sample
from modeling_dnacse import DnacseConfig, DnacseModel
from modeling_dnacse.commands.options import parsed
from modeling_dnacse.embedding.given import check_device
from modeling_dnacse.loading.checkpoints import load_config, load_tokenizer
from modeling_dnacse.machine.plain_messages import plain_messages, sentence_of
from modeling_dnacse.machine.provenance import device_name, package_versions
from modeling_dnacse.machine.signals import ending_on_signals

LENGTHS = (200, 660, 2000, 10_000)  # bp
PASS_BP = {"cpu": 20_000, "cuda": 10_000_000}
LONG_ARMS = (
    PLAIN,
    *("ours, sdpa", "ours, packed"),
    *(f"ours, bf16 {attention}" for attention in ("sdpa", "flash_attention_2", "flex_attention")),
)
ALSO_USED = ("sentence-transformers", "onnxruntime", "torchao", "flash-attn")
Notes = dict[str, dict[str, str]]  # not_measured and failed: what -> why


def measure_model(
    name: str,
    folder: str,
    samples: dict[str, list[str]],
    matmul_flops: float,
    notes: Notes,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Measure all workloads with one model.

    Args:
        name: Name of the model.
        folder: Folder of the model.
        samples: Workload -> sequences.
        matmul_flops: FLOP/s of matrix products on this machine.
        notes: Where it is noted which ways could not be measured.
        options: Options of the command line.

    Returns:
        What the model is, with `workloads`: workload -> its numbers of sequences, bp and tokens, and way -> figures.
    """
    tokenizer = load_tokenizer(folder)
    config = load_config(folder, tokenizer)
    arms, long_arms = options.arm, [arm for arm in options.arm if arm in LONG_ARMS]
    long = {f"{options.long:,} tokens": [long_sequence(options.long, tokenizer)]} if options.long else {}
    found = {}
    # the long sequence in new processes, since old ones still hold some of the memory of earlier work
    for group, drawn, rounds, seconds in ((arms, samples, options.rounds, options.seconds), (long_arms, long, 1, 0.0)):
        with Workers(group if drawn else (), folder, options.device, notes, options.shared_process) as workers:
            for workload, sequences in tqdm(drawn.items(), desc=name, unit=" workloads"):
                what = f"{name}, {workload}"
                workers.take_turns(what, [sequences[0][:1000]], 1, 0)  # to warm up
                sample = measure_sample(workload, sequences, tokenizer, config)
                cells = summarise(workers.take_turns(what, sequences, rounds, seconds), sample, matmul_flops)
                size = {"sequences": len(sequences), "bp": sample.bp, "tokens": sample.tokens}
                found[workload] = size | {"arms": cells}
    return describe_model(folder) | {"workloads": found}


def describe_model(folder: str) -> dict[str, Any]:
    """Name the weights of a checkpoint and count them."""
    with torch.device("meta"):
        parameters = sum(weights.numel() for weights in DnacseModel(DnacseConfig.from_pretrained(folder)).parameters())
    return {"revision": weights_revision(folder), "parameters": parameters}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Measure embedding.", allow_abbrev=False)
    add = parser.add_argument
    add("--name", required=True, help="name of the results, such as that of the machine")
    add("--output", type=Path, required=True, help="folder of the result file")
    add("--model", nargs="+", required=True, help="checkpoint folders")
    add("--data", required=True, help="labelled data, as run.py takes them")
    add("--lengths", type=int, nargs="*", default=LENGTHS, help="bp; default: %(default)s")
    add("--pass_bp", type=int, help=f"bases to embed at a time, approximately; default: {PASS_BP}")
    add("--long", type=int, default=5000, help="tokens of the sequence for peak memory; 0: none")
    add("--arm", nargs="+", choices=sorted({*ARMS["cpu"], *ARMS["cuda"]}), help="only these ways to embed")
    add("--seconds", type=float, default=2.0, help="shortest time of a turn; default: %(default)s")
    add("--rounds", type=int, default=2, help="turns of each way; default: %(default)s")
    add(
        "--shared_process",
        action="store_true",
        help="all ways run in this process: they start sooner, but the peak memory is that of all of them",
    )
    add("--device", choices=tuple(ARMS), default="cuda" if torch.cuda.is_available() else "cpu")
    options = parsed(parser, arguments)
    options.arm = [arm for arm in ARMS[options.device] if options.arm is None or arm in options.arm]
    return options


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 1 when a way broke, or 2 when the arguments were wrong."""
    options = parse(arguments)
    try:
        check_measurement(options.output, options.name, INFERENCE)
        check_device(options.device, "--device")
        splits = read_splits(options.data)
        data = describe(options.data, splits)
        models = {Path(folder).resolve().name: folder for folder in options.model}
        for folder in models.values():
            describe_model(folder)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"inference_throughput.py: {sentence_of(error)}\n")
        return 2
    sequences = [s for split in splits.values() for s in split.sequences]
    samples = draw_samples(options.lengths, sequences, options.pass_bp or PASS_BP[options.device])
    samples[f"mixed, {data_stem(data.name)}"] = samples.pop("mixed")
    rate = matmul_rate(options.device)
    skipped = [arm for arm in ARMS[options.device] if arm not in options.arm]
    notes: Notes = {"not_measured": dict.fromkeys(skipped, "left out by --arm"), "failed": {}}
    found = {name: measure_model(name, path, samples, rate, notes, options) for name, path in models.items()}
    lengths = np.quantile([len(sequence) for sequence in sequences], (0, 0.25, 0.5, 0.75, 1)).astype(int).tolist()
    result = {
        "kind": "inference_throughput",
        "name": options.name,
        "seconds": options.seconds,
        "rounds": options.rounds,
        "plain_batch": BATCH,
        "data": {"name": data.name, "sha256": data.sha256},
        "mixed": {"sequences": len(sequences), "bp_quartiles": lengths},
        "models": found,
        "matmul_flops_per_second": {"square": significant(rate)},
        **notes,
        "waiting_for_a_gpu": [arm for arm in ARMS["cuda"] if options.device == "cpu" and arm not in ARMS["cpu"]],
        "threads": torch.get_num_threads(),
        "versions": package_versions((*PACKAGES, *ALSO_USED)),
        "commit": commit(),
        "device": device_name(torch.device(options.device)),
    }
    write_json(result, options.output / f"{options.name}.json")
    return 1 if notes["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
