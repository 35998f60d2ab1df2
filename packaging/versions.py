"""Run the quick tests with the lowest and the newest releases that setup.cfg allows; a JSON of what came of it out.

    python packaging/versions.py --output benchmarks/results/faults/versions.json

Takes `PACKAGES` from the registry, and everything else, torch included, from the environment that runs it. Vectors of
the shipped sample, by AutoModel and by sentence-transformers, must be those of that environment within 1e-5. The exit
status is 1 where they are not, or where a test fails.
"""

import argparse
import configparser
import json
import os
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from modeling_dnacse.machine.atomic import whole_text
from modeling_dnacse.machine.earlier_outputs import check_replaced, holds_near_start
from modeling_dnacse.machine.outputs import check_outputs
from modeling_dnacse.machine.plain_messages import plain_messages, sentence_of
from modeling_dnacse.machine.signals import ending_on_signals

ROOT = Path(__file__).resolve().parents[1]
EARLIER = holds_near_start(b"{", b'"kind": "versions"')
PACKAGES = ("transformers", "tokenizers", "huggingface_hub", "sentence-transformers")
TOLERANCE = 1e-5
VECTORS = """
import json, sys
from importlib.metadata import version
import numpy as np
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer
sys.path.insert(0, "")
from modeling_dnacse import read_fasta
sequences = [record.sequence for record in read_fasta("examples/sample/queries.fasta")]
folder = "checkpoints/dnacse-barcode-mini"
model = AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
auto = model(**tokenizer(sequences, padding=True, return_tensors="pt")).pooler_output.detach().numpy()
other = SentenceTransformer(folder, trust_remote_code=True, device="cpu").encode(sequences)
np.savez(sys.argv[1], auto=auto, other=other)
print(json.dumps({name: version(name) for name in ("torch", *sys.argv[2:])}))
"""


def bounds() -> dict[str, tuple[str, str]]:
    """The lowest release of each package, and the specifier of those that are allowed, as setup.cfg has them."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options"]["install_requires"] + "\n" + setup["options.extras_require"]["bench"]
    found = {}
    for name in PACKAGES:
        (specifier,) = re.findall(rf"^{name}(\S+)$", lines, re.MULTILINE)
        lowest = specifier.split(",")[0].removeprefix(">=")
        found[name] = (lowest + ".0" * (2 - lowest.count(".")), specifier)
    return found


def make_environment(folder: Path, requirements: list[str]) -> Path:
    """Make a virtual environment that has these packages before those of the running one; its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    (inside,) = folder.glob("lib/python*/site-packages")
    (inside / "below.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--ignore-installed", *requirements], check=True)
    subprocess.run([*pip, *requirements], check=True)  # what these need and the running environment lacks
    return python


def vectors_of(python: Path, file: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """The versions that an interpreter has, and the vectors of the sample with them."""
    command = [python, "-c", VECTORS, file, *PACKAGES]
    said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(said.splitlines()[-1]), dict(np.load(file))


def run_tests(python: Path, tests: list[str]) -> dict[str, int]:
    """Run the quick tests: how many passed, failed and so on."""
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *tests]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    last = done.stdout.rstrip().splitlines()[-1]
    sys.stderr.write("".join(line + "\n" for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))))
    return {kind: int(count) for count, kind in re.findall(r"(\d+) (passed|failed|errors?|skipped)", last)}


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 1 where a release does not do, or 2 where it could not be tried."""
    parser = argparse.ArgumentParser(description="Try the lowest and the newest releases.", allow_abbrev=False)
    parser.add_argument("--output", type=Path, required=True, help="JSON to write")
    parser.add_argument("--tests", nargs="+", default=["tests"], help="what pytest runs; default: all quick tests")
    options = parser.parse_args(arguments)
    try:
        check_outputs([options.output])
        check_replaced(options.output, EARLIER, "a result of versions.py", None)
        return try_all(options)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"versions.py: a step failed (exit code {error.returncode}); what it said is above\n")
    except (ValueError, OSError) as error:
        sys.stderr.write(f"versions.py: {sentence_of(error)}\n")
    return 2


def try_all(options: argparse.Namespace) -> int:
    """Try both releases and write the result: 0, or 1 where one does not do."""
    result: dict[str, Any] = {"kind": "versions", "tests": options.tests, "releases": {}}
    well = True
    with tempfile.TemporaryDirectory() as temporary:
        _, wanted = vectors_of(Path(sys.executable), Path(temporary, "here.npz"))
        for number, name in enumerate(("lowest", "newest")):
            chosen = [
                f"{package}=={lowest}" if number == 0 else package + specifier
                for package, (lowest, specifier) in bounds().items()
            ]
            python = make_environment(Path(temporary, name), chosen)
            versions, found = vectors_of(python, Path(temporary, f"{name}.npz"))
            difference = max(float(np.abs(found[kind] - wanted[kind]).max()) for kind in wanted)
            tests = run_tests(python, options.tests)
            result["releases"][name] = {"versions": versions, "difference": difference, "tests": tests}
            well &= difference <= TOLERANCE and not {"failed", "error", "errors"} & tests.keys()
            sys.stderr.write(f"{name}: {result['releases'][name]}\n")
    result["date"] = datetime.now(UTC).date().isoformat()
    with whole_text(options.output) as file:
        file.write(json.dumps(result, indent=1) + "\n")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
