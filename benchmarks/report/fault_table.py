"""Tables of deliberately damaged inputs and killed commands: the JSON files of tests/attack in, Markdown out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.report.markdown_table import markdown
from benchmarks.report.result_folders import FAULTS
from benchmarks.report.shown_json import read_json

REMEDY = "make it anew with the script of its name, in tests/attack or packaging"

KINDS = ("accepted", "refused", "traceback", "hang", "silent loss", "unclear")


def read_faults(folder: Path) -> Mapping[str, Any] | None:
    """Read the faults in a folder of results; None: there are none.

    Raises:
        ValueError: The file was not written by faults.py.
    """
    path = folder / FAULTS / "faults.json"
    if not path.exists():
        return None
    if read_json(path, REMEDY).get("kind") != FAULTS:
        raise ValueError(f"{path} was not written by tests/attack/faults.py: other results belong elsewhere.")
    versions = path.with_name("versions.json")  # of packaging/versions.py
    return read_json(path, REMEDY) | {
        "artefacts": counts_in(path, "artefacts") | counts_in(path.with_name("command_files.json"), "artefacts"),
        "kills": counts_in(path.with_name("kills.json"), "kills"),
        "mutation": counts_in(path.with_name("mutation.json"), "modules"),
        "coverage": counts_in(path.with_name("coverage.json"), "folders"),
        "versions": read_json(versions, REMEDY) if versions.exists() else None,
    }


def counts_in(path: Path, key: str) -> dict[str, Any]:
    """The counts that a script of tests/attack wrote; none if there is no file.

    Raises:
        ValueError: The file holds something else.
    """
    counts = read_json(path, REMEDY).get(key) if path.exists() else {}
    if not isinstance(counts, dict):
        raise ValueError(f"{path} has no {key}; {REMEDY}")
    return counts


def render_faults(found: Mapping[str, Any]) -> str:
    """Render the counts: a row for each kind of file, and one for each command that was killed.

    >>> counts = dict.fromkeys(KINDS, 0) | {"refused": 9}
    >>> killed = {"kills": 5, "lost": 0, "left_overs": 0}
    >>> print(render_faults({"artefacts": {"records .csv": counts}, "kills": {"bin": killed}, "commit": "abc"}))
    | damaged | tried | accepted | refused | traceback | hang | silent loss | unclear |
    |---|---|---|---|---|---|---|---|
    | records .csv | 9 | 0 | 9 | 0 | 0 | 0 | 0 |
    | all | 9 | 0 | 9 | 0 | 0 | 0 | 0 |
    <BLANKLINE>
    | killed | kills | lost | left-overs |
    |---|---|---|---|
    | bin | 5 | 0 | 0 |
    | all | 5 | 0 | 0 |
    <BLANKLINE>
    """
    artefacts, kills = total(found["artefacts"], KINDS), total(found["kills"], ("kills", "lost", "left_overs"))
    tried = [(name, f"{sum(counts):,}", *(f"{count:,}" for count in counts)) for name, counts in artefacts.items()]
    killed = [(name, *(f"{count:,}" for count in counts)) for name, counts in kills.items()]
    first = markdown(("damaged", "tried", *KINDS), tried)
    tables = f"{first}\n\n{markdown(('killed', 'kills', 'lost', 'left-overs'), killed)}\n"
    if found.get("mutation"):
        mutants = [
            (f"`{name}`", str(one["places"]), str(one["tried"]), str(one["tried"] - len(one["survivors"])))
            for name, one in found["mutation"].items()
        ]
        tables += f"\n{markdown(('mutated', 'places', 'mutants', 'killed by tests'), mutants)}\n"
    if found.get("coverage"):
        reached = [
            (name, f"{count:,}", f"{got:,}", f"{100 * got / count:.1f} %" if count else "")
            for name, (count, got) in total(found["coverage"], ("lines", "reached")).items()
        ]
        tables += f"\n{markdown(('folder', 'lines', 'reached by tests', 'share'), reached)}\n"
    if found.get("versions"):
        tables += f"\n{releases_table(found['versions'])}\n"
    return tables


def releases_table(found: Mapping[str, Any]) -> str:
    """A row for the lowest and for the newest releases of packages."""
    rows = [
        (
            ", ".join(f"{package} {version}" for package, version in one["versions"].items()),
            " ".join(f"`{place}`" for place in found["tests"]),
            ", ".join(f"{count:,} {outcome}" for outcome, count in one["tests"].items()),
            f"{one['difference']:.0e}" if one["difference"] else "0",
        )
        for one in found["releases"].values()
    ]
    return markdown(("releases", "quick tests of", "came to", "largest difference of a vector"), rows)


def total(counts: Mapping[str, Mapping[str, int]], kinds: tuple[str, ...]) -> dict[str, list[int]]:
    """The counts of each kind by name, and of all together."""
    rows = {name: [found[kind] for kind in kinds] for name, found in counts.items()}
    return rows | {"all": [sum(column) for column in zip(*rows.values(), strict=True)]}
