"""Render result files as Markdown: a folder of JSONs in, tables and pages out.

    python benchmarks/tables.py                      print every table
    python benchmarks/tables.py --only coi.test:summary   print one table
    python benchmarks/tables.py --write              write all result pages, and fill in README.md and the model cards
    python benchmarks/tables.py --check              exit 1 if that would change a file
    python benchmarks/tables.py --write page.md      fill in only this file; --check takes files, too

A result page is generated as a whole from a template (report/pages.py). Any other file, such as README.md, keeps its
text. Only the text between the markers `<!-- results:NAME -->` and `<!-- /results:NAME -->` is replaced by a table,
and that between `<!-- value:NAME -->` and `<!-- /value -->` by a figure (report/quotes.py lists their names). The NAME
of a table is

- the data set and the evaluation split, as in `coi.test`, for all tasks; for one task, as in `coi.test:knn`; or
  `coi.test:summary` for the headline metric of each task;
- `FOLDER/coi.val` for the results of a subfolder of the results that is not named like its data set;
- `aims` for the aims of the shipped models; `overview` for their comparison with the best rivals; `data` for the list
  of all tables;
- `training/NAME` and `inference/NAME` for measurements of benchmarks/speed;
- `leaks` for the reports of make_splits.py; `faults` for what tests/attack/faults.py found.
"""

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.report.fault_table import read_faults, render_faults
from benchmarks.report.leak_tables import read_leaks, render_leaks
from benchmarks.report.model_aims import render_model_aims
from benchmarks.report.model_index import with_model_index
from benchmarks.report.overview_tables import render_overview
from benchmarks.report.pages import RESULTS, fill_template, plan_pages, render_data
from benchmarks.report.quotes import quote
from benchmarks.report.result_folders import (
    FAULTS,
    INFERENCE,
    LEAKS,
    TRAINING,
    Result,
    find_places,
    read_rates,
    read_tables,
)
from benchmarks.report.speed_tables import render_inference, render_training
from benchmarks.report.study_tables import render_studies
from benchmarks.report.task_tables import render_results, render_summary
from modeling_dnacse.commands.options import parsed
from modeling_dnacse.machine.atomic import written_whole
from modeling_dnacse.machine.json_files import naming
from modeling_dnacse.machine.outputs import resolved
from modeling_dnacse.machine.plain_messages import plain_messages, sentence_of
from modeling_dnacse.machine.signals import ending_on_signals
from modeling_dnacse.machine.streams import naming_standard_output

AGAIN = "make what it holds anew"
AIMS, OVERVIEW, DATA, SUMMARY = "aims", "overview", "data", "summary"
MARKED = r"(<!-- results:{name} -->\n).*?(<!-- /results:{name} -->)"
VALUE = r"(<!-- value:(.+?) -->).*?(<!-- /value -->)"
ROOT = RESULTS.parents[1]


def read(folder: Path) -> dict[str, list[Result]]:
    """Read the tables of results of a folder; none where it holds nothing but measurements or reports."""
    measured = any(read_rates(folder, kind) for kind in (TRAINING, INFERENCE)) or read_leaks(folder)
    return read_tables(folder) if find_places(folder) or not measured else {}


def render(folder: Path) -> dict[str, str]:
    """Render everything in a folder of results, by the name of its marker.

    Raises:
        ValueError: There is neither a result nor a measurement, or a file is none.
    """
    tables = read(folder)
    texts = {}
    for kind, render_rates in {TRAINING: render_training, INFERENCE: render_inference}.items():
        for name, measured in read_rates(folder, kind).items():
            with naming(folder / f"{name}.json", AGAIN):
                texts[name] = render_rates(measured)
    if reports := read_leaks(folder):
        texts[LEAKS] = render_leaks(reports)
    with naming(folder / FAULTS, AGAIN):
        if faults := read_faults(folder):
            texts[FAULTS] = render_faults(faults)
    for name, results in tables.items():
        texts |= {f"{name}:{task}" if task else name: page for task, page in render_results(results).items()}
        texts[f"{name}:{SUMMARY}"] = render_summary(results)
    if folder.resolve() == RESULTS:
        texts |= render_studies()
    if tables:
        texts |= {AIMS: render_model_aims(tables), OVERVIEW: render_overview(tables)}
        texts[DATA] = render_data(tables, plan_pages(folder, texts))
    return texts


def has_values(name: str, table: str) -> bool:
    """Whether a table holds a result; the aims and the overview of the shipped models hold none of other models.

    >>> has_values("overview", "| data |\\n|---|\\n"), has_values("overview", "| data |\\n|---|\\n| COI |\\n")
    (False, True)
    """
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    return name not in (AIMS, OVERVIEW) or any("| not measured |" not in row for row in rows)


def fill(text: str, tables: Mapping[str, str], quoted: Callable[[str], str], source: Path) -> str:
    """Fill in the tables and figures between the markers in a text.

    Raises:
        ValueError: The text has no marker, one without an end, or one whose name has no results.
    """
    names = re.findall(r"<!-- results:(\S+) -->", text)
    if not names and not re.search(VALUE, text):
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
    return re.sub(VALUE, lambda m: m[1] + quoted(m[2]) + m[3], text)


def make(folder: Path, files: list[Path]) -> dict[Path, str]:
    """Make the content of pages and other files.

    Args:
        folder: Folder of the results.
        files: What to make; nothing: all pages, and of the repository's own results README.md and the model cards.

    Raises:
        ValueError: A result, a marker or a template is wrong.
        OSError: A file cannot be read.
    """
    tables, texts, reports = read(folder), render(folder), read_leaks(folder)

    def quoted(name: str) -> str:
        return quote(name, tables, reports)

    pages = {resolved(path): text for path, text in plan_pages(folder, texts).items()}
    if not files:
        cards = [ROOT / "README.md", *sorted(ROOT.glob("checkpoints/*/README.md"))]
        files = [*pages, *(cards if folder.resolve() == RESULTS else ())]
    made = {
        path: fill_template(resolved(path), pages[resolved(path)], texts, quoted)
        if resolved(path) in pages
        else fill(text_in(path), texts, quoted, path)
        for path in files
    }
    for path in made:
        if resolved(path).parent.parent == ROOT / "checkpoints":
            made[path] = with_model_index(made[path], resolved(path).parent.name, tables)
    return made


def text_in(path: Path) -> str:
    """The text of a page.

    Raises:
        ValueError: It is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a page in UTF-8 ({error}): give the name of a Markdown file.") from None


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 1 when a checked file is out of date, or 2 when the arguments were wrong."""
    parser = argparse.ArgumentParser(description="Render result files as Markdown.", allow_abbrev=False)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of result files")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", type=Path, nargs="*", metavar="FILE.md", help="write all pages, or these files")
    action.add_argument("--check", type=Path, nargs="*", metavar="FILE.md", help="exit 1 if one is out of date")
    action.add_argument("--only", metavar="NAME", help="print this table alone")
    options = parsed(parser, arguments)
    try:
        if options.write is None and options.check is None:
            tables = render(options.results)
            if options.only and options.only not in tables:
                raise ValueError(f"got --only {options.only}, but the tables are {', '.join(tables)}.")
            whole = {name: table for name, table in tables.items() if ":" not in name and has_values(name, table)}
            text = "\n".join(f"### {name}\n\n{table}" for name, table in whole.items())
            with naming_standard_output():
                sys.stdout.write(tables[options.only] if options.only else text)
            return 0
        made = make(options.results, options.write or options.check or [])
        outdated = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
        if options.write is not None:
            for path in outdated:  # when everything is known to be right
                with written_whole(resolved(path)) as hidden:  # a page is an input too: a full disk must not cut it
                    hidden.write_text(made[path])
            return 0
    except BrokenPipeError:  # for `ending_on_signals`
        raise
    except (ValueError, OSError) as error:
        sys.stderr.write(f"tables.py: {sentence_of(error)}\n")
        return 2
    if outdated:
        sys.stderr.write(f"tables.py: out of date: {', '.join(map(str, outdated))}; run it with --write.\n")
    return 1 if outdated else 0


if __name__ == "__main__":
    sys.exit(main())
