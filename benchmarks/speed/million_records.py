"""Whether memory stays flat: a number of records in; seconds and peak memory of `dnacse embed` on them out, as JSON.

    python benchmarks/speed/million_records.py --name million --output benchmarks/results/inference

The records are random bases in the proportions of `simulate.FREQUENCIES`, written block by block to a FASTA file in a
temporary folder (TMPDIR), where the vectors go, too. The command is a process of its own, so its peak is its own. A
million barcodes of 658 bp are hours on two cores; `--bp 20` makes minutes of them, at less memory a block.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import torch

from benchmarks.data.simulate import LENGTH
from benchmarks.methods.networks import weights_revision
from benchmarks.provenance.costs import measure
from benchmarks.report.result_files import PACKAGES, commit, write_json
from benchmarks.speed.workloads import random_sequences
from modeling_dnacse.commands.options import SHIPPED
from modeling_dnacse.machine.provenance import device_name, package_versions

BLOCK = 10_000  # records made at once


def write_records(path: Path, records: int, bp: int) -> None:
    """Write so many records of so many random bases as FASTA; all are different from some 20 bp on."""
    with path.open("w") as file:
        for first in range(0, records, BLOCK):
            block = random_sequences(bp, min(BLOCK, records - first), seed=first)
            file.writelines(f">r{first + row}\n{sequence}\n" for row, sequence in enumerate(block))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or what the command gave when it failed."""
    parser = argparse.ArgumentParser(description="Measure the memory of dnacse embed.", allow_abbrev=False)
    add = parser.add_argument
    add("--name", required=True, help="what the result is called")
    add("--output", type=Path, required=True, help="folder of the result file")
    add("--records", type=int, default=1_000_000, help="default: %(default)s")
    add("--bp", type=int, default=LENGTH, help="of each; default: %(default)s")
    add("--model", default=str(SHIPPED), help="checkpoint folder; default: the shipped dnacse-barcode-mini")
    add("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args(arguments)
    model = Path(options.model).resolve()
    with tempfile.TemporaryDirectory(prefix="records-") as folder:
        write_records(Path(folder, "records.fasta"), options.records, options.bp)
        command = ["embed", "records.fasta", "-o", "vectors.parquet", "--device", options.device, "--model"]
        run = [sys.executable, "-m", "modeling_dnacse.cli", *command, str(model)]
        paths = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        done, costs = measure(partial(subprocess.run, run, cwd=folder, env=paths))
    if done.returncode:
        return done.returncode
    result = {
        "kind": "inference_memory",
        "name": options.name,
        "records": options.records,
        "bp": options.bp,
        "seconds": costs["wall_seconds"],
        "peak_memory_mb": costs["children_peak_memory_mb"],
        "command": " ".join(["dnacse", *command, model.name]),
        "model": model.name,
        "model_revision": weights_revision(str(model)),
        "versions": package_versions(PACKAGES),
        "commit": commit(),
        "device": device_name(torch.device(options.device)),
    }
    write_json(result, options.output / f"{options.name}.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
