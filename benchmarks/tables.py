"""Render result files as Markdown: a folder of JSONs in, one table a task out, models as rows, metrics as columns.

    python benchmarks/tables.py                      print every table
    python benchmarks/tables.py --write README.md    replace what stands between the markers of a file
    python benchmarks/tables.py --check README.md    exit 1 if that would change the file

The markers are `<!-- results:NAME -->` and `<!-- /results:NAME -->`, where NAME is the data file's stem and the
evaluation split, as in `coi.test`. Values are per cent, with a 95 % interval in brackets or the standard deviation
over seeds; the best of a column is bold.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.result_files import read_results

# The headline metrics and their headings; a task that is not here shows all of its metrics under their own names.
COLUMNS: dict[str, dict[str, str]] = {
    "knn": {
        "species_seen": "species, seen",
        "genus_unseen": "genus of unseen species",
        "family_unseen": "family of unseen species",
        "order_unseen": "order of unseen species",
    },
    "species_clustering": {
        "kmeans_ari": "K-means ARI",
        "kmeans_ami": "K-means AMI",
        "ward_ari": "Ward ARI",
        "ward_ami": "Ward AMI",
    },
}
TITLES = {"knn": "1-nearest-neighbour accuracy", "species_clustering": "Clustering of unseen species"}
MARKED = r"(<!-- results:{name} -->\n).*?(<!-- /results:{name} -->)"


def format_metric(metric: Mapping[str, Any], best: bool) -> str:
    """Write one metric in per cent.

    >>> format_metric({"value": 0.5, "interval": [0.45, 0.55]}, best=True)
    '**50.0** [45.0, 55.0]'
    >>> format_metric({"value": 0.5, "per_seed": [0.4, 0.6]}, best=False)
    '50.0 ± 10.0'
    """
    value = f"{100 * metric['value']:.1f}"
    text = f"**{value}**" if best else value
    if "interval" in metric:
        low, high = metric["interval"]
        return f"{text} [{100 * low:.1f}, {100 * high:.1f}]"
    if "per_seed" in metric:
        return f"{text} ± {100 * np.std(metric['per_seed']):.1f}"
    return text


def render_task(task: str, results: Sequence[Mapping[str, Any]]) -> str:
    """Render one task's results on one data set, the best model of the first column first."""
    headings = COLUMNS.get(task) or {name: name for name in results[0]["metrics"]}
    headings = {name: heading for name, heading in headings.items() if any(name in r["metrics"] for r in results)}
    best = {
        name: max(round(r["metrics"][name]["value"], 3) for r in results if name in r["metrics"]) for name in headings
    }
    first = next(iter(headings))
    lines = [f"**{TITLES.get(task, task)}**", ""]
    lines.append("| " + " | ".join(["model", "parameters", *headings.values()]) + " |")
    lines.append("|" + "---|" * (2 + len(headings)))
    for result in sorted(results, key=lambda r: (-r["metrics"].get(first, {"value": -1})["value"], r["model"])):
        metrics = result["metrics"]
        size = f"{result['parameters'] / 1e6:.1f} M" if result["parameters"] else "–"
        cells = [
            format_metric(metrics[name], round(metrics[name]["value"], 3) == best[name]) if name in metrics else ""
            for name in headings
        ]
        lines.append("| " + " | ".join([f"`{result['model']}`", size, *cells]) + " |")
    return "\n".join(lines)


def render(results: Sequence[Mapping[str, Any]]) -> str:
    """Render all tasks of one data set and evaluation split; says so when results come from a part of the data."""
    tasks = sorted({result["task"] for result in results})
    text = "\n\n".join(render_task(task, [r for r in results if r["task"] == task]) for task in tasks)
    if any(result["max_sequences"] is not None for result in results):
        text += "\n\nA quick look: some of these results come from a part of the data (`max_sequences`)."
    return text + "\n"


def fill(text: str, tables: Mapping[str, str], source: Path) -> str:
    """Replace what stands between the markers in a text.

    Raises:
        ValueError: The text has no marker, one without an end, or one whose name has no results.
    """
    names = re.findall(r"<!-- results:(\S+) -->", text)
    if not names:
        raise ValueError(f"{source} has no marker <!-- results:NAME -->; the names are {', '.join(tables)}.")
    for name in names:
        if name not in tables:
            raise ValueError(f"{source} asks for the results {name}, but there are only {', '.join(tables)}.")
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
        tables = {name: render(results) for name, results in read_results(options.results).items()}
        outdated = []
        for path in [*options.write, *options.check]:
            text = path.read_text()
            if (filled := fill(text, tables, path)) != text:
                outdated.append(path)
            if path in options.write:
                path.write_text(filled)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"tables.py: {error}\n")
        return 2
    if not options.write and not options.check:
        sys.stdout.write("\n".join(f"### {name}\n\n{table}" for name, table in tables.items()))
    if options.check and outdated:
        sys.stderr.write(f"tables.py: out of date: {', '.join(map(str, outdated))}; run it with --write.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
