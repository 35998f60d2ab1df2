"""Measure how fast training is: run the command of the trainer once for each arm; one JSON with all arms out.

    python benchmarks/speed/training_throughput.py --name coi-mini --output benchmarks/results/training \\
        --steps 12 --batch_size 64 --max_length 400 -- --train_file coi.tsv.gz --train_split train \\
        --config_name trainer/configs/mini.json --tokenizer_name runs/tokenizer

Options after `--` are passed to trainer/train.py unchanged. Each arm is a process of its own, and the arms differ only
in these options:

- `padded`: every sequence padded to --max_length;
- `sdpa`: batches of similar length, each side padded to its own longest sequence;
- `packed`: the same batches without padding, the default on a CPU;
- `cached`: packed with gradient caching in chunks of a quarter of the batch, so that memory follows the chunk;
- `tokens`: sdpa with gradient caching in chunks of similar length that hold half as many tokens as such a chunk may;
- `packed, 4 x batch` and `cached, 4 x batch`: what a larger batch costs in memory either way, with the same chunks;
- on CUDA also `bf16`, `bf16 packed`, `bf16 flex` and `varlen` (the latter three unpadded; varlen is FlashAttention).

The result names an arm that fails under `failed`, with the last line that it wrote. Rates are medians over the logged
steps but the first quarter; peak memory is that of the process, and on CUDA also that of the tensors there.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import torch
from tqdm import tqdm

from benchmarks.report.result_files import PACKAGES, commit, write_json
from benchmarks.report.result_folders import TRAINING, check_measurement
from modeling_dnacse.commands.options import parsed
from modeling_dnacse.machine.plain_messages import plain_messages
from modeling_dnacse.machine.provenance import device_name, package_versions
from modeling_dnacse.machine.signals import ending_on_signals

TRAIN = Path(__file__).resolve().parents[2] / "trainer" / "train.py"
RATES = (
    *("pairs_per_second", "tokens_per_second", "padding", "input_pairs_per_second"),
    *("mfu", "model_tflops", "gpu_memory_mb"),
)
CUDA_ONLY = ("bf16", "bf16 packed", "bf16 flex", "varlen")


def arms(batch_size: int, max_length: int) -> dict[str, list[str]]:
    """The options in which each arm differs from the common ones.

    >>> arms(64, 400)["tokens"][-2:], arms(4, 3000)["cached"][-2:]
    (['--chunk_tokens', '3200'], ['--cached_chunk_size', '2'])
    """
    chunk = max(2, batch_size // 4)  # of two at least, as mi_mix needs
    batch, larger = ["--per_device_train_batch_size", str(batch_size)], str(4 * batch_size)
    sdpa, packed = ["--attn_implementation", "sdpa"], ["--attn_implementation", "packed"]
    cached = ["--cached_chunk_size", str(chunk)]
    return {
        "padded": [*batch, *sdpa, "--pad_to_multiple_of", str(max_length)],
        "sdpa": [*batch, *sdpa],
        "packed": [*batch, *packed],
        "cached": [*batch, *packed, *cached],
        "tokens": [*batch, *sdpa, "--chunk_tokens", str(chunk * max_length // 2)],
        "packed, 4 x batch": ["--per_device_train_batch_size", larger, *packed],
        "cached, 4 x batch": ["--per_device_train_batch_size", larger, *packed, *cached],
        "bf16": [*batch, *sdpa, "--bf16", "true"],
        "bf16 packed": [*batch, *packed, "--bf16", "true"],
        "bf16 flex": [*batch, "--attn_implementation", "flex_attention", "--bf16", "true"],
        "varlen": [*batch, "--bf16", "true", "--attn_implementation", "flash_attention_2"],
    }


def run(arguments: list[str]) -> tuple[list[dict[str, Any]], float]:
    """Train in a process of its own.

    Returns:
        The steps of its training log, and its peak resident memory in MB.

    Raises:
        ValueError: It failed; the message is its last line, or the signal that killed it.
    """
    with tempfile.TemporaryDirectory(prefix="throughput-") as folder, tempfile.TemporaryFile("w+") as said:
        output = Path(folder) / "model"
        process = subprocess.Popen(
            [sys.executable, str(TRAIN), *arguments, "--output_dir", str(output)], stdout=said, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)  # of this child alone, where getrusage sees the largest of all
        if os.WIFSIGNALED(status):  # as the kernel ends a process when memory is short
            raise ValueError(f"train.py was killed by {signal.Signals(os.WTERMSIG(status)).name}")
        if status:
            said.seek(0)
            raise ValueError(said.read().strip().rpartition("\n")[2])
        log = json.loads((output / "training_log.json").read_text())
    return [entry for entry in log if "pairs_per_second" in entry], round(usage.ru_maxrss / 1024, 1)


def summarise(steps: list[dict[str, Any]], peak_memory_mb: float) -> dict[str, float]:
    """Medians over the steps but the first quarter.

    >>> steps = [{"pairs_per_second": rate} for rate in (1.0, 8.0, 9.0, 10.0)]
    >>> summarise(steps, 5.0)
    {'pairs_per_second': 9.0, 'peak_memory_mb': 5.0}
    """
    settled = steps[len(steps) // 4 :]
    rates = {
        rate: round(statistics.median(values), 3)
        for rate in RATES
        if (values := [entry[rate] for entry in settled if rate in entry])
    }
    return rates | {"peak_memory_mb": peak_memory_mb}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Measure training.", allow_abbrev=False)
    parser.add_argument("--name", required=True, help="name of the results, such as coi-mini")
    parser.add_argument("--output", type=Path, required=True, help="folder of the result file")
    parser.add_argument("--arm", nargs="+", help="only these arms")
    parser.add_argument("--steps", type=int, default=12, help="optimizer steps per arm")
    parser.add_argument("--batch_size", type=int, default=64, help="pairs in a batch; 3 or more")
    parser.add_argument("--max_length", type=int, default=400, help="most tokens of a sequence")
    parser.add_argument("training", nargs="+", help="after --: options of train.py")
    return parsed(parser, arguments)


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 1 when an arm failed, or 2 when the arguments were wrong."""
    options = parse(arguments)
    try:
        check_measurement(options.output, options.name, TRAINING)
    except ValueError as error:
        sys.stderr.write(f"training_throughput.py: {error}\n")
        return 2
    if options.batch_size < 3:
        sys.stderr.write(f"training_throughput.py: --batch_size is {options.batch_size}; it must be 3 or more\n")
        return 2
    common = [
        *options.training,
        *("--curriculum", f"weighted_simclr:{options.steps}steps", "--max_length", str(options.max_length)),
        *("--validation_fraction", "0", "--logging_steps", "1", "--save_strategy", "no", "--disable_tqdm", "true"),
    ]
    cuda = torch.cuda.is_available()
    offered = arms(options.batch_size, options.max_length)
    chosen = {name: extra for name, extra in offered.items() if options.arm is None or name in options.arm}
    measured: dict[str, dict[str, float]] = {}
    failed: dict[str, str] = {}  # arm -> what broke
    for name, extra in tqdm(chosen.items(), desc="arms", unit=" arms"):
        if name in CUDA_ONLY and not cuda:
            continue
        try:
            measured[name] = summarise(*run([*common, *extra]))
        except ValueError as error:
            failed[name] = str(error)
    result = {
        "kind": "training_throughput",
        "name": options.name,
        "steps": options.steps,
        "batch_size": options.batch_size,
        "max_length": options.max_length,
        "arms": measured,
        "failed": failed,
        "waiting_for_a_gpu": [name for name in CUDA_ONLY if name in chosen and not cuda],
        "threads": torch.get_num_threads(),
        "versions": package_versions(PACKAGES),
        "commit": commit(),
        "device": device_name(torch.device("cuda" if cuda else "cpu")),
    }
    write_json(result, options.output / f"{options.name}.json")
    for name, reason in failed.items():
        sys.stderr.write(f"training_throughput.py: {name}: {reason}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
