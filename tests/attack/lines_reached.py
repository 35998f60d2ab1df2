"""Count the lines that the tests reach, by folder: the JSON of coverage in, a small JSON for the page of faults out.

python -m pytest --cov --cov-report json:coverage.json
python tests/attack/lines_reached.py coverage.json --output benchmarks/results/faults/coverage.json
"""

import argparse
import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.report.result_files import commit


def by_folder(files: dict[str, dict]) -> dict[str, dict[str, int]]:
    """Sum the lines of files, and those that were reached, of each package and of its folders.

    Files outside the checkout, as of an installed copy, have absolute paths and are left out.

    >>> files = {"a/b/c.py": (4, 3), "a/b/d/e.py": (2, 2), "a/f.py": (1, 0), "/other/a/f.py": (1, 1)}
    >>> by_folder({f: {"summary": dict(num_statements=n, covered_lines=r)} for f, (n, r) in files.items()})
    {'a': {'lines': 1, 'reached': 0}, 'a/b': {'lines': 6, 'reached': 5}}
    """
    lines, reached = Counter[str](), Counter[str]()
    for name, found in files.items():
        if Path(name).is_absolute():
            continue
        folder = "/".join(Path(name).parts[:-1][:2])
        lines[folder] += found["summary"]["num_statements"]
        reached[folder] += found["summary"]["covered_lines"]
    return {folder: {"lines": lines[folder], "reached": reached[folder]} for folder in sorted(lines)}


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Count the lines that the tests reach.", allow_abbrev=False)
    parser.add_argument("report", type=Path, help="the JSON that coverage wrote")
    parser.add_argument("--output", type=Path, required=True, help="JSON to write")
    options = parser.parse_args()
    report = json.loads(options.report.read_text())
    record = {
        "kind": "coverage",
        "coverage": report["meta"]["version"],
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "folders": by_folder(report["files"]),
    }
    options.output.write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
