"""Generate the result pages: results and templates in, Markdown pages out.

Every subfolder of the results has a page, `README.md`. The pages of the repository's own results have templates in
`templates/`, named like the subfolders; so have an index, RESULTS.md, and a page of the studies. In a template,
`{{NAME}}` on a line of its own is a table of tables.py, and in a sentence a figure of quotes.py. Any other page holds
the tables of its subfolder.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.report.markdown_table import markdown
from benchmarks.report.result_folders import Result

RESULTS = Path(__file__).parents[1] / "results"
STUDIES = RESULTS.with_name("studies")
TEMPLATES = Path(__file__).parent / "templates"
INDEX = "index"
HINT = "*`benchmarks/tables.py` generates this page from the JSON files {where}.{text}*"
SPLITS = ("train", "val", "test", "unseen_val", "unseen_test", "novel_test")


def plan_pages(folder: Path, names: Iterable[str]) -> dict[Path, str]:
    """Find the pages of a folder of results, each with its template's text.

    Args:
        folder: Folder of the results.
        names: Names of the tables.
    """
    pages = {}
    for subfolder in sorted(path for path in folder.glob("*/") if any(path.glob("*.json"))):
        template = find_template(subfolder)
        own = sorted(name for name in names if ":" not in name and owner(name) == subfolder.name)
        text = template.read_text() if template else "\n\n".join([f"# {subfolder.name}", *map(marker, own)])
        pages[subfolder / "README.md"] = text.rstrip() + "\n"
    if folder.resolve() == RESULTS:
        pages[RESULTS.parent / "RESULTS.md"] = (TEMPLATES / f"{INDEX}.md").read_text()
        pages[STUDIES / "README.md"] = (TEMPLATES / f"{STUDIES.name}.md").read_text()
    return pages


def find_template(subfolder: Path) -> Path | None:
    """The template of a subfolder of the repository's results."""
    template = TEMPLATES / f"{subfolder.name}.md"
    return template if subfolder.resolve().parent == RESULTS and template.exists() else None


def owner(table: str) -> str:
    """The subfolder that a table belongs to.

    >>> owner("ablation/coi.val"), owner("coi.test"), owner("leaks")
    ('ablation', 'coi', 'leaks')
    """
    return table.partition("/")[0] if "/" in table else table.rpartition(".")[0] or table


def marker(name: str) -> str:
    """Write the marker of a table in a template."""
    return f"{{{{{name}}}}}"


def fill_template(path: Path, text: str, tables: Mapping[str, str], quoted: Callable[[str], str]) -> str:
    """Fill in a template.

    Args:
        path: Path of the page.
        text: Text of the template.
        tables: Markdown by name.
        quoted: A figure by its name.

    Raises:
        ValueError: It asks for a table or a figure that is not there.
    """

    def replace(found: re.Match[str]) -> str:
        name = found[1]
        try:
            return tables[name].rstrip() if name in tables else quoted(name)
        except ValueError as error:
            raise ValueError(f"the template of {path}: {error}") from error

    title, _, rest = text.partition("\n")
    return f"{title}\n\n{hint(path)}\n" + re.sub(r"\{\{(.+?)\}\}", replace, rest)


def hint(path: Path) -> str:
    """Write the sentence that says from what a page is generated."""
    if path.parent == STUDIES:
        return HINT.format(where="in `results/`", text=" Its text is in [studies.md](../report/templates/studies.md).")
    if path.stem != "README":
        return HINT.format(where="in `results/`", text=f" Its text is in [{INDEX}.md](report/templates/{INDEX}.md).")
    template = find_template(path.parent)
    link = f" Its text is in [{template.name}](../../report/templates/{template.name})." if template else ""
    return HINT.format(where="beside it", text=link)


def render_data(tables: Mapping[str, Sequence[Result]], pages: Mapping[Path, str]) -> str:
    """Render what was measured: a row for each table of results, with a link to its page."""
    titles = {path.parent.name: text.partition("\n")[0].lstrip("# ") for path, text in pages.items()}
    rows = []
    for table, results in tables.items():
        splits = [max(result["splits"].get(split, 0) for result in results) for split in SPLITS]
        machines = sorted({str(result["device"]) for result in results})
        rows.append(
            [
                f"[{titles.get(owner(table), table)}](results/{owner(table)}/README.md)",
                *(f"{records:,}" if records else "–" for records in splits),
                str(len({result["task"] for result in results})),
                str(len({result["model"] for result in results})),
                "; ".join(machines),
            ]
        )
    heads = ("data", *SPLITS, "tasks", "methods", "machine")
    return f"{markdown(heads, rows)}\n\nNumbers under the splits are records that the tasks used.\n"


def shown_pictures(subfolder: Path) -> set[str] | None:
    """The file names of the pictures that the page of a subfolder shows; None where it has no template."""
    template = find_template(subfolder)
    return set(re.findall(r"\]\(([^)/]+\.png)\)", template.read_text())) if template else None
