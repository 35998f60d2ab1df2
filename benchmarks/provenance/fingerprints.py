"""What a figure depends on, as a SHA-256 of content: code, data, weights. Names and paths never enter."""

import ast
import hashlib
import json
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

from benchmarks.methods.method import Split
from modeling_dnacse.machine.provenance import sha256_of

ROOT = Path(__file__).resolve().parents[2]
OURS = ("benchmarks", "modeling_dnacse")


def digest(*parts: Any) -> str:
    """SHA-256 of a sequence of texts, numbers, lists and dicts, in hexadecimal.

    >>> digest("a", "bc") == digest("ab", "c")
    False
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def code_digest(*modules: str) -> str:
    """SHA-256 of the sources of modules of this checkout and of all its modules that they import, by any way.

    Args:
        modules: Dotted names, as in `__name__`.
    """
    files: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = ROOT.joinpath(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if name not in files and path.is_file():
            files[name] = path
            waiting += imported_modules(path, name if path.name == "__init__.py" else name.rpartition(".")[0])
    return digest([(name, sha256_of(path)) for name, path in sorted(files.items())])


def imported_modules(path: Path, package: str) -> list[str]:
    """Names in our packages that a file imports, relative ones resolved; some may be no modules but what is in them.

    Args:
        path: The source file.
        package: The package that it is in.
    """
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return [name for name in found if name.split(".")[0] in OURS]


def split_digest(split: Split) -> str:
    """SHA-256 of the rows of a split: ids, sequences and labels, in their order."""
    labels = {rank: names.tolist() for rank, names in split.labels.items()}
    return digest(split.ids.tolist(), split.sequences, labels)


def folder_digest(folder: Path) -> str:
    """SHA-256 of the files in a folder, by their relative names and contents."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest([(path.relative_to(folder).as_posix(), sha256_of(path)) for path in files])
