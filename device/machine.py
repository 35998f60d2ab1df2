"""What the machine is and what it can do at most: a JSON with its packages, its card, and measured rates out.

python3 device/machine.py .device/work/results/machine.json
"""

import importlib
import platform
import shutil
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import torch

from benchmarks.report.result_files import commit, write_json
from benchmarks.speed.rates import best_seconds, matmul_rate, significant
from modeling_dnacse.machine.provenance import device_name

IMPORTED = ("transformers", "accelerate", "datasets", "dnaio", "trainer.train", "benchmarks.run")
PACKAGES = ("torch", "triton", "transformers", "tokenizers", "accelerate", "datasets", "dnaio", "numpy", "pyarrow")
COPIED = {"cpu": 2**26, "cuda": 2**32}  # bytes
QUERY = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.max.sm", "--format=csv,noheader")


def import_seconds() -> dict[str, float | str]:
    """How long each import takes, or why it fails."""
    found: dict[str, float | str] = {}
    for name in IMPORTED:
        start = time.perf_counter()
        try:
            importlib.import_module(name)
            found[name] = round(time.perf_counter() - start, 2)
        except ImportError as error:
            found[name] = str(error)
    return found


def versions() -> dict[str, str]:
    """Versions of the packages that matter here; "" of what is missing."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def copy_rate(device: str) -> float:
    """Bytes a second of a copy on the device, read and written ones both counted."""
    source = torch.ones(COPIED[device], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * source.numel() / best_seconds("target.copy_(source)", 1.0, target=target, source=source)


def describe() -> dict[str, Any]:
    """Measure all."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    card = shutil.which(QUERY[0]) and subprocess.run(QUERY, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "kind": "machine",
        "device": device_name(torch.device(device)),
        "card": card or "",
        "cuda": torch.version.cuda or "",
        "python": platform.python_version(),
        "import_seconds": import_seconds(),
        "versions": versions(),
        "matmul_flops_per_second": significant(matmul_rate(device)),
        "copied_bytes_per_second": significant(copy_rate(device)),
        "commit": commit(),
    }


if __name__ == "__main__":
    found = describe()
    write_json(found, Path(sys.argv[1]))
    sys.stdout.write(f"{found['device']}: {found['matmul_flops_per_second'] / 1e12:.3g} TFLOP/s\n")
    sys.exit(any(isinstance(seconds, str) for seconds in found["import_seconds"].values()))
