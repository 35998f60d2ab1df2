"""Where names of this checkout are defined: a dotted name in; the statements that define it out.

Modules are read as syntax trees and never imported. `find` follows a name through imports to its definition.
"""

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import NamedTuple

OURS = ("benchmarks", "modeling_dnacse")
BARE = "<statements>"  # what a module does when it is imported, beside defining names


class Place(NamedTuple):
    """Where a name is defined: a module and a name in it, or the module itself where the name is ""."""

    module: str
    name: str


class Module(NamedTuple):
    """The top level of a source file."""

    definitions: dict[str, list[ast.stmt]]  # name -> the statements that define it; BARE -> those that define none
    imports: dict[str, Place]  # name -> what it stands for, where that is ours


@cache
def read_module(name: str, root: Path) -> Module:
    """Read the top level of a module of this checkout."""
    definitions: dict[str, list[ast.stmt]] = {}
    imports: dict[str, Place] = {}
    path = path_of(name, root)
    for statement in flatten(ast.parse(path.read_text()).body):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            imports |= imported(statement, name, path.name == "__init__.py")
        elif not is_text(statement) and not is_script(statement):
            for defined in names_defined(statement) or [BARE]:
                definitions.setdefault(defined, []).append(statement)
    return Module(definitions, imports)


def path_of(name: str, root: Path) -> Path:
    """The source file of a dotted name, whether or not there is one."""
    path = root.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def flatten(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, with those within `try:` and `if TYPE_CHECKING:`, which may be imports."""
    for statement in statements:
        if isinstance(statement, ast.Try):
            yield from flatten([*statement.body, *(inner for handler in statement.handlers for inner in handler.body)])
        elif isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from flatten(statement.body)
        else:
            yield statement


def is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a docstring."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def is_script(statement: ast.stmt) -> bool:
    """Whether a statement is of those that make a module a script: `if __name__ == …`, `if not __package__`."""
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Name) and node.id in ("__name__", "__package__") for node in ast.walk(statement.test)
    )


def names_defined(statement: ast.stmt) -> list[str]:
    """The names that a top-level statement defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    return []


def imported(statement: ast.Import | ast.ImportFrom, module: str, is_package: bool) -> dict[str, Place]:
    """Names that an import defines, where they are ours."""
    if isinstance(statement, ast.Import):
        places = {
            alias.asname or alias.name.split(".")[0]: Place(
                alias.name if alias.asname else alias.name.split(".")[0], ""
            )
            for alias in statement.names
        }
    else:
        package = module if is_package else module.rpartition(".")[0]
        base = resolve_name("." * statement.level + (statement.module or ""), package)
        places = {alias.asname or alias.name: Place(base, alias.name) for alias in statement.names}
    return {name: place for name, place in places.items() if place.module.split(".")[0] in OURS}


def find(place: Place, root: Path) -> Place:
    """Follow a name through imports to where it is defined.

    Raises:
        ValueError: it is defined nowhere.
    """
    if not place.name or place.name == BARE:
        return place
    if path_of(place.module, root).is_file():
        module = read_module(place.module, root)
        if place.name in module.definitions:
            return place
        if place.name in module.imports and module.imports[place.name] != place:  # a package may import its own module
            return find(module.imports[place.name], root)
    inner = f"{place.module}.{place.name}"
    if path_of(inner, root).is_file():
        return Place(inner, "")
    raise ValueError(f"{place.module} defines no {place.name}, so what it computes cannot enter a fingerprint")
