"""Tables of deliberately damaged inputs and killed commands: the JSON files of tests/attack in, Markdown out."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.report.markdown_table import markdown
from benchmarks.report.result_folders import FAULTS

KINDS = ("accepted", "refused", "traceback", "hang", "silent loss", "unclear")


def read_faults(folder: Path) -> Mapping[str, Any] | None:
    """Read the faults in a folder of results; None: there are none.

    Raises:
        ValueError: The file was not written by faults.py.
    """
    path = folder / FAULTS / "faults.json"
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(found, dict) or found.get("kind") != FAULTS:
        raise ValueError(f"{path} was not written by tests/attack/faults.py: other results belong elsewhere.")
    more = folder / FAULTS / "command_files.json"  # of tests/attack/command_files.py
    if more.exists():
        found["artefacts"] |= json.loads(more.read_text())["artefacts"]
    for name, key in (("kills", "kills"), ("mutation", "modules")):  # of tests/attack/kills.py and mutate.py
        more = folder / FAULTS / f"{name}.json"
        found[name] = json.loads(more.read_text())[key] if more.exists() else {}
    versions = folder / FAULTS / "versions.json"  # of packaging/versions.py
    return found | {"versions": json.loads(versions.read_text()) if versions.exists() else None}


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
