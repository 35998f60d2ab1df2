"""Runs of benchmarks/run.py within the test's process, their results, and data that were changed."""

import json
from pathlib import Path

from benchmarks import run


def read(folder: Path, name: str = "barcodes.knn.tnf.test.json") -> dict:
    return json.loads((folder / name).read_text())


def start(data: Path | str, output: Path, *flags: str, model: str = "tnf", task: str = "knn") -> int:
    return run.main(["--model", model, "--task", task, "--data", str(data), "--output", str(output), *flags])


def rewrite(data: Path, path: Path, change) -> Path:
    """Write the data with changed rows: split index is the last, species the third."""
    header, *rows = data.read_text().splitlines()
    lines = [header, *("\t".join(change(row.split("\t"))) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path
