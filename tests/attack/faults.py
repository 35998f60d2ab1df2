"""Try to break the product: thousands of damaged files in, a JSON of what happened out.

    python tests/attack/faults.py --model checkpoints/dnacse-barcode-mini \\
        --output benchmarks/results/faults/faults.json

Not part of the test suite. `benchmarks/tables.py --write` makes a page of the result. Faults are described on stderr;
the exit status is 1 if there are any.
"""

import argparse
import json
import os
import random
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}

import torch
from transformers.utils import logging

from benchmarks.report.result_files import commit
from modeling_dnacse.loading.onnx_export import export_onnx
from modeling_dnacse.machine.provenance import package_versions
from tests.attack.artefacts import write_sources
from tests.attack.attempts import try_damage

COUNTED = ("accepted", "refused", "traceback", "hang", "silent loss", "unclear")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Try to break the product.", allow_abbrev=False)
    parser.add_argument("--model", type=Path, required=True, help="folder of a small model")
    parser.add_argument("--output", type=Path, required=True, help="JSON to write")
    parser.add_argument("--tries", type=int, default=200, help="damaged files of each kind; default: %(default)s")
    parser.add_argument("--only", default="", help="kinds whose names begin so; results of others in the JSON stay")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 1 when there was a fault."""
    options = parse(arguments)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)  # forks of this process must not wait for threads that it had
    rng, examples = random.Random(options.seed), []
    artefacts: dict[str, dict[str, int]] = {}
    if options.only and options.output.exists():
        artefacts = json.loads(options.output.read_text())["artefacts"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        onnx = None
        if "model, ONNX".startswith(options.only) and find_spec("onnxruntime") and find_spec("onnxscript"):
            onnx = folder / "onnx"
            export_onnx(str(options.model), onnx)
        sources = folder / "sources"
        sources.mkdir()
        for name, (source, use, damage) in write_sources(sources, options.model.resolve(), onnx).items():
            if not name.startswith(options.only):
                continue
            found = try_damage(source, use, damage, options.tries, rng, folder / "tries", examples)
            artefacts[name] = {kind: found[kind] for kind in COUNTED}
            tell(name, found)
    result = {
        "kind": "faults",
        "seed": options.seed,
        "model": options.model.name,
        "artefacts": artefacts,
        "versions": package_versions(["torch", "transformers", "tokenizers", "safetensors", "pyarrow", "numpy"]),
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    sys.stderr.write("".join(f"{example}\n---\n" for example in examples))
    return 1 if examples else 0


def tell(name: str, found: Counter[str]) -> None:
    """Say what happened with one kind."""
    sys.stderr.write(f"{name}: {', '.join(f'{count} {kind}' for kind, count in sorted(found.items()))}\n")


if __name__ == "__main__":
    sys.exit(main())
