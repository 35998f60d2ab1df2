"""The architecture's rules, checked: imports point one way and no script shadows a library."""

import ast
import re
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest
from transformers.dynamic_module_utils import get_imports, get_relative_import_files

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "modeling_dnacse": set(),
    "trainer": {"modeling_dnacse"},
    "benchmarks": {"modeling_dnacse"},
    "device": {"modeling_dnacse", "trainer", "benchmarks"},
}
FILES = [
    path
    for package in MAY_IMPORT
    for path in sorted((ROOT / package).rglob("*.py"))
    if not any(part.startswith("dnacse-") for part in path.parts)  # the shipped models' copies of the code
]
STAYING = {"__init__", "cli"}  # at the root of modeling_dnacse is what travels to the Hub, and these


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def place(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=place)
def test_imports_point_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    others = set(MAY_IMPORT) - {package} - MAY_IMPORT[package]
    assert not others & set(imported(path))


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if p.relative_to(ROOT).parts[0] != "modeling_dnacse" and "__package__" in p.read_text()],
    ids=place,
)
def test_no_script_shadows_a_library(path, monkeypatch):
    """A launched script's own folder comes first on the path, with all modules and sub-packages in it."""

    def own(entry):
        return entry in (ROOT, path.parent) or entry.is_relative_to(ROOT / "tests")

    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not own(Path(entry or ".").resolve())])
    beside = {other.stem for other in path.parent.glob("*.py")} | {
        other.parent.name for other in path.parent.glob("*/__init__.py")
    }
    for name in beside - {"__init__"}:
        assert name not in sys.stdlib_module_names
        assert find_spec(name) is None, name


def folders_imported(path):
    """The folders of its own package that a file imports from, beside its own; the package's root counts for none."""
    package, *inside = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = [package, *inside][: len(inside) + 2 - node.level] if node.level else []
            place = [*base, *(node.module or "").split(".")]
            if (
                place[0] == package
                and len(place) > 1
                and (ROOT / package / place[1]).is_dir()
                and [place[1]] != inside
            ):
                yield place[1]


@pytest.mark.parametrize("package", ["modeling_dnacse", "trainer"])
def test_no_two_folders_of_a_package_import_each_other(package):
    arrows = {
        (path.parent.name, folder)
        for path in FILES
        if path.relative_to(ROOT).parts[0] == package and path.parent != ROOT / package
        for folder in folders_imported(path)
    }
    assert arrows
    assert not {arrow for arrow in arrows if arrow[::-1] in arrows}


def test_a_folder_holds_one_idea():
    folders = Counter(path.parent for path in FILES)
    assert {place(folder): count for folder, count in folders.items() if count > 19} == {}


def test_the_wheel_has_all_sub_packages():
    listed = re.findall(r"^    (modeling_dnacse[.\w]*)$", (ROOT / "setup.cfg").read_text(), flags=re.MULTILINE)
    there = {".".join(path.relative_to(ROOT).parent.parts) for path in FILES if path.stem == "__init__"}
    assert set(listed) == {name for name in there if name.startswith("modeling_dnacse")}


def test_the_root_of_the_package_is_what_travels_to_the_hub():
    root = ROOT / "modeling_dnacse"
    entrances = [str(root / f"{name}_dnacse.py") for name in ("modeling", "pipeline")]
    travelling = {
        Path(name).stem for entrance in entrances for name in [entrance, *get_relative_import_files(entrance)]
    }
    assert {path.stem for path in root.glob("*.py")} == travelling | STAYING
    assert not travelling & STAYING


def test_hub_files_import_what_every_user_has():
    entrance = str(ROOT / "modeling_dnacse" / "modeling_dnacse.py")
    pipeline = str(ROOT / "modeling_dnacse" / "pipeline_dnacse.py")
    for name in [entrance, pipeline, *get_relative_import_files(entrance)]:
        allowed = {"torch", "transformers", "huggingface_hub"} | sys.stdlib_module_names
        assert set(get_imports(name)) <= allowed  # transformers leaves out what stands in `try:`
