"""The architecture's rules, checked: imports point one way and no script shadows a library."""

import ast
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from transformers.dynamic_module_utils import get_imports, get_relative_import_files

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {"modeling_dnacse": set(), "trainer": {"modeling_dnacse"}, "benchmarks": {"modeling_dnacse"}}
FILES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).glob("*.py"))]


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_imports_point_one_way(path):
    package = path.parent.name
    others = set(MAY_IMPORT) - {package} - MAY_IMPORT[package]
    assert not others & set(imported(path))


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.parent.name != "modeling_dnacse" and p.stem != "__init__"], ids=str
)
def test_no_script_shadows_a_library(path, monkeypatch):
    """A launched script's own folder comes first on the path."""
    monkeypatch.setattr(
        sys, "path", [entry for entry in sys.path if Path(entry or ".").resolve() not in (ROOT, path.parent)]
    )
    assert path.stem not in sys.stdlib_module_names
    assert path.stem in sys.modules or find_spec(path.stem) is None


def test_hub_files_import_what_every_user_has():
    entrance = str(ROOT / "modeling_dnacse" / "modeling_dnacse.py")
    pipeline = str(ROOT / "modeling_dnacse" / "pipeline_dnacse.py")
    for name in [entrance, pipeline, *get_relative_import_files(entrance)]:
        allowed = {"torch", "transformers", "huggingface_hub"} | sys.stdlib_module_names
        assert set(get_imports(name)) <= allowed  # transformers leaves out what stands in `try:`
