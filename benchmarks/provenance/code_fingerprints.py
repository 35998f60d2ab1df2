"""Hash what a result's code computes: one SHA-256 of functions, classes and all definitions that they use.

A figure should be measured again when its code computes something else, and only then. So the digest is made of
definitions, not of files: it starts at a function, such as the `score` of a task, and follows each name to its
definition, in any module of ours. Definitions enter as syntax trees without the parts that compute nothing:
docstrings, comments, layout, annotations of functions, texts of errors, and the place of a definition. Moving, merging
and splitting modules therefore changes no digest; renaming a function does.

Names are followed as they are written. A definition that is found in another way, as by `getattr` or from a string, is
not seen: give it as another root. A name that leads into our packages and is not found there is an error, since its
code would silently be left out.
"""

import ast
from copy import deepcopy
from pathlib import Path

from benchmarks.provenance.definitions import (
    BARE,
    Module,
    Place,
    find,
    imported,
    is_text,
    path_of,
    read_module,
)
from benchmarks.provenance.fingerprints import digest

ROOT = Path(__file__).resolve().parents[2]


def code_digest(*roots: str) -> str:
    """SHA-256 of what definitions compute, with all definitions of this checkout that they use.

    Args:
        roots: `MODULE:NAME`, as in `benchmarks.tasks.knn:score`.

    Raises:
        ValueError: a name is not defined where it is imported from.
    """
    waiting = [Place(*root.split(":")) for root in roots]
    reached: set[Place] = set()
    trees: set[str] = set()
    while waiting:
        place = find(waiting.pop(), ROOT)
        if place in reached:
            continue
        reached |= {place}
        if not place.name:  # a module as a whole, whose use is unknown
            waiting += [Place(place.module, name) for name in read_module(place.module, ROOT).definitions]
            continue
        module = read_module(place.module, ROOT)
        if BARE in module.definitions:
            waiting.append(Place(place.module, BARE))
        for statement in module.definitions[place.name]:
            computing = Computing(place.module, module)
            trees.add(ast.dump(computing.visit(deepcopy(statement))))
            waiting += computing.used
    return digest(sorted(trees))


def is_optional_field(statement: ast.stmt) -> bool:
    """Whether a statement of a class is a field that is None unless it is given."""
    value = statement.value if isinstance(statement, ast.AnnAssign) else None
    return isinstance(value, ast.Constant) and value.value is None


class Computing(ast.NodeTransformer):
    """A definition's syntax tree to the part that computes; `used` are the places of the names in it that are ours."""

    def __init__(self, name: str, module: Module) -> None:
        """Start in a module of this name."""
        self.name, self.module = name, module
        self.imports = dict(module.imports)
        self.used: list[Place] = []

    def visit_ImportFrom(self, node: ast.Import | ast.ImportFrom) -> None:
        """An import within a function: leave it out, but follow what it imports."""
        self.imports |= imported(node, self.name, path_of(self.name, ROOT).name == "__init__.py")

    def visit_Import(self, node: ast.Import) -> None:
        """Likewise."""
        self.visit_ImportFrom(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Leave out docstring and annotations."""
        node.returns = None
        return self.visit_body(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Leave out the docstring and optional fields."""
        node.body = [each for each in node.body if not is_optional_field(each)]
        return self.visit_body(node)

    def visit_body(self, node: ast.FunctionDef | ast.ClassDef) -> ast.AST:
        """Leave out texts that stand alone."""
        node.body = [each for each in node.body if not is_text(each)] or [ast.Pass()]
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Leave out the annotation of an argument."""
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Leave out the annotation of a variable or field."""
        node.annotation = ast.Constant(None)
        self.generic_visit(node)
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Keep which error is raised, not what it says."""
        error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return ast.Raise(self.visit(error) if error else None, None)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """An attribute of a module is the name in it."""
        place = self.place_of(node.value)
        if place is None:
            self.generic_visit(node)
            return node
        self.used.append(Place(place.module, node.attr))
        return ast.Name(node.attr, ast.Load())

    def place_of(self, node: ast.expr) -> Place | None:
        """The module that an expression names, if it does."""
        if isinstance(node, ast.Name) and node.id in self.imports:
            place = find(self.imports[node.id], ROOT)
        elif isinstance(node, ast.Attribute) and (outer := self.place_of(node.value)):
            inner = f"{outer.module}.{node.attr}"
            place = Place(inner, "") if path_of(inner, ROOT).is_file() else None
        else:
            return None
        return place if place and not place.name else None

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Note a name of ours, and give it the name that it has where it is defined."""
        if node.id in self.imports:
            place = find(self.imports[node.id], ROOT)
            self.used.append(place)
            return ast.Name(place.name or place.module.rpartition(".")[2], ast.Load())
        if node.id in self.module.definitions:
            self.used.append(Place(self.name, node.id))
        return node
