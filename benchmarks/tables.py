"""Render result files as Markdown: a folder of JSONs in, tables out, on the screen or between the markers of files.

    python benchmarks/tables.py                                    print every table
    python benchmarks/tables.py --write README.md model_card.md    replace what stands between the markers
    python benchmarks/tables.py --check README.md model_card.md    exit 1 if that would change a file

The markers are `<!-- results:NAME -->` and `<!-- /results:NAME -->`. NAME is

- the data file's stem and the evaluation split, as in `coi.test`, for all tasks, or with one task, as `coi.test:knn`;
- `FOLDER/coi.val` for the results of a subfolder of the results;
- `aims` for those of the shipped models, over all tables; `overview` for them beside their best rivals;
- `training/NAME` for a measurement of training_throughput.py, `inference/NAME` for one of inference_throughput.py
  or of million_records.py;
- `leaks` for the reports of make_splits.py.

How tables look is in task_tables.py, training_tables.py, inference_tables.py, leak_tables.py, model_aims.py and
overview_tables.py, what stands in those of tasks in headlines.py.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.report.leak_tables import read_leaks, render_leaks
from benchmarks.report.model_aims import render_model_aims
from benchmarks.report.overview_tables import render_overview
from benchmarks.report.result_folders import INFERENCE, LEAKS, TRAINING, find_places, read_rates, read_tables
from benchmarks.report.speed_tables import render_inference, render_memory
from benchmarks.report.task_tables import render_results
from benchmarks.report.training_tables import render_rates

AIMS, OVERVIEW = "aims", "overview"
MARKED = r"(<!-- results:{name} -->\n).*?(<!-- /results:{name} -->)"


def render(folder: Path) -> dict[str, str]:
    """Render everything in a folder of results, by the name of its marker.

    Raises:
        ValueError: There is neither a result nor a measurement, or a file is none.
    """
    texts = {name: render_rates(measured) for name, measured in read_rates(folder, TRAINING).items()}
    texts |= {name: render_inference(measured) for name, measured in read_rates(folder, INFERENCE).items()}
    texts |= {name: render_memory(measured) for name, measured in read_rates(folder, INFERENCE, "memory").items()}
    if reports := read_leaks(folder):
        texts[LEAKS] = render_leaks(reports)
    tables = read_tables(folder) if find_places(folder) or not texts else {}
    for name, results in tables.items():
        texts |= {f"{name}:{task}" if task else name: page for task, page in render_results(results).items()}
    return texts | ({AIMS: render_model_aims(tables), OVERVIEW: render_overview(tables)} if tables else {})


def fill(text: str, tables: Mapping[str, str], source: Path) -> str:
    """Replace what stands between the markers in a text.

    Raises:
        ValueError: The text has no marker, one without an end, or one whose name has no results.
    """
    names = re.findall(r"<!-- results:(\S+) -->", text)
    if not names:
        raise ValueError(f"{source} has no marker <!-- results:NAME -->, NAME being one of {', '.join(tables)}.")
    for name in names:
        if name not in tables:
            table = name.partition(":")[0]
            there = [
                other for other in tables if (other.startswith(f"{table}:") if table in tables else ":" not in other)
            ]
            raise ValueError(f"{source} asks for the results {name}, but there are only {', '.join(there)}.")
        pattern = MARKED.format(name=re.escape(name))
        text, count = re.subn(pattern, lambda m: m[1] + "\n" + tables[name] + "\n" + m[2], text, flags=re.DOTALL)  # noqa: B023
        if not count:
            raise ValueError(f"{source} opens <!-- results:{name} -->, but lacks <!-- /results:{name} -->: add it.")
    return text


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 1 when a checked file is out of date, or 2 when the arguments were wrong."""
    parser = argparse.ArgumentParser(description="Render result files as Markdown tables.", allow_abbrev=False)
    parser.add_argument(
        "--results", type=Path, default=Path(__file__).parent / "results", help="folder of result files"
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", type=Path, nargs="+", default=[], metavar="FILE.md", help="fill in the markers")
    action.add_argument("--check", type=Path, nargs="+", default=[], metavar="FILE.md", help="exit 1 if out of date")
    options = parser.parse_args(arguments)
    try:
        tables = render(options.results)
        texts = {path: path.read_text() for path in (*options.write, *options.check)}
        filled = {path: fill(text, tables, path) for path, text in texts.items()}
        outdated = [path for path, text in filled.items() if text != texts[path]]
        for path in options.write:  # when all markers of all files are known to be right
            path.write_text(filled[path])
    except (ValueError, OSError) as error:
        sys.stderr.write(f"tables.py: {error}\n")
        return 2
    if not options.write and not options.check:
        whole = {name: table for name, table in tables.items() if ":" not in name}
        sys.stdout.write("\n".join(f"### {name}\n\n{table}" for name, table in whole.items()))
    if options.check and outdated:
        sys.stderr.write(f"tables.py: out of date: {', '.join(map(str, outdated))}; run it with --write.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
