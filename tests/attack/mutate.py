"""Change the core one operator or number at a time, and see whether its tests notice: a JSON of survivors out.

    python tests/attack/mutate.py --output benchmarks/results/faults/mutation.json --only trainer.losses

Not part of the test suite. A mutant is a module with one comparison, arithmetic or boolean operator, sign or number
changed. It runs the tests that reach the module in a fork of this process, until the first fails. A mutant that takes
several times the time of the unchanged module is killed, too. Mutants are drawn at random. Results of other
modules in the JSON stay.
"""

import argparse
import ast
import contextlib
import copy
import importlib
import io
import json
import os
import random
import resource
import signal
import sys
import time
import types
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch

from benchmarks.report.result_files import commit
from tests import conftest  # loads what all tests need, once

TARGETS = {  # module -> tests that reach it, beside its own examples
    "trainer.losses": ["tests/trainer/objective/test_losses.py"],
    "trainer.objective.mixing": ["tests/trainer/running/test_curriculum.py"],
    "trainer.running.curriculum": ["tests/trainer/running/test_curriculum.py"],
    "modeling_dnacse.placement": ["tests/model/test_placement_votes.py"],
    "modeling_dnacse.local_offsets": ["tests/model/test_local_offsets.py"],
    "modeling_dnacse.identification.library": [
        "tests/identification/test_closeness.py",
        "tests/identification/test_identification.py",
        "tests/identification/test_calibration.py",
        "tests/identification/test_common_ancestor.py",
        "tests/identification/test_identifier.py",
    ],
    "modeling_dnacse.identification.closeness": [
        "tests/identification/test_closeness.py",
        "tests/identification/test_identification.py",
    ],
    "modeling_dnacse.identification.calibration.assumed_cases": ["tests/identification/test_calibration.py"],
    "modeling_dnacse.identification.calibration.cases": ["tests/identification/test_calibration.py"],
    "modeling_dnacse.identification.calibration.fit": ["tests/identification/test_calibration.py"],
    "modeling_dnacse.identification.calibration.probability_curves": [
        "tests/identification/test_probability_curves.py"
    ],
    "modeling_dnacse.identification.votes": ["tests/identification/test_votes.py"],
    "modeling_dnacse.identification.call_rules": ["tests/identification/test_call_rules.py"],
    "modeling_dnacse.clustering.species_merges": ["tests/clustering/test_species_merges.py"],
    "modeling_dnacse.clustering.tree_cuts": [
        "tests/clustering/test_barcode_gap.py",
        "tests/clustering/test_species_merges.py",
    ],
    "modeling_dnacse.clustering.site_linkage": ["tests/clustering/test_barcode_gap.py"],
    "modeling_dnacse.clustering.large_samples": ["tests/clustering/test_large_samples.py"],
    "modeling_dnacse.vectors.cell_search": ["tests/vectors/test_cell_search.py"],
    "modeling_dnacse.vectors.site_bits": ["tests/vectors/test_site_bits.py"],
    "benchmarks.scoring.agreements": ["tests/benchmarks/scoring/test_intervals.py"],
    "benchmarks.scoring.intervals": ["tests/benchmarks/scoring/test_intervals.py"],
    "benchmarks.scoring.paired": ["tests/benchmarks/scoring/test_paired.py"],
    "benchmarks.scoring.classification_metrics": ["tests/benchmarks/scoring/test_classification_metrics.py"],
    "benchmarks.scoring.sequence_classification": ["tests/benchmarks/tasks/test_fine_tune.py"],
    "benchmarks.scoring.naming": ["tests/benchmarks/scoring/test_naming.py"],
    "benchmarks.scoring.clusterings": ["tests/benchmarks/scoring/test_clusterings.py"],
    "benchmarks.scoring.bins": ["tests/clustering/test_binning.py"],
}
PAIRS = [
    *((ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.BitAnd, ast.BitOr), (ast.And, ast.Or)),
    *((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn)),
]
SWAP: dict[type, type] = {one: other for pair in PAIRS for one, other in (pair, pair[::-1])}
SWAP |= {ast.Pow: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.MatMult: ast.Mult}
SLACK = 5  # times the time of the unchanged module


def places(tree: ast.Module) -> list[Any]:
    """The nodes that can be changed, in the order of the text; annotations and docstrings are not among them."""
    skipped = {part for node in ast.walk(tree) for part in annotations(node)}
    found = []
    for node in ast.walk(tree):
        if node in skipped:
            continue
        operator = node.ops[0] if isinstance(node, ast.Compare) else getattr(node, "op", None)
        is_number = isinstance(node, ast.Constant) and type(node.value) in (int, float, bool)
        if type(operator) in SWAP or isinstance(operator, ast.USub | ast.Invert | ast.Not) or is_number:
            found.append(node)
    return found


def annotations(node: ast.AST) -> list[ast.AST]:
    """All nodes of the annotations of a node."""
    tops = [getattr(node, "annotation", None), getattr(node, "returns", None)]
    return [part for top in tops if top is not None for part in ast.walk(top)]


def mutate(tree: ast.Module, number: int) -> tuple[ast.Module, str]:
    """Change one place of a copy; say what was changed."""
    tree = copy.deepcopy(tree)
    node = places(tree)[number]
    before = ast.unparse(node)
    if isinstance(node, ast.Compare):
        node.ops[0] = SWAP[type(node.ops[0])]()
    elif isinstance(node, ast.Constant):
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1
    elif isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd() if isinstance(node.op, ast.USub) else ast.Not()
        if " not " in f" {before}":  # `not x` becomes `not not x`
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
    else:
        node.op = SWAP[type(node.op)]()
    return ast.fix_missing_locations(tree), f"{node.lineno}: {before} -> {ast.unparse(node)}"


def put_in(module: ModuleType, tree: ast.Module, path: str) -> None:
    """Replace the code of a loaded module, also where others have imported its functions and classes."""
    changed = types.ModuleType(module.__name__)
    changed.__dict__.update(__file__=path, __package__=module.__package__)
    exec(compile(tree, path, "exec"), changed.__dict__)
    for name, new in vars(changed).items():
        old = vars(module).get(name)
        if isinstance(new, type) and isinstance(old, type) and new.__module__ == module.__name__:
            for key, method in vars(new).items():
                graft(vars(old).get(key), method)
        elif getattr(new, "__module__", None) == module.__name__:
            graft(old, new)
        elif isinstance(new, int | float | str | tuple | dict | list) and not name.startswith("__"):
            setattr(module, name, new)


def graft(old: Any, new: Any) -> None:
    """Give a function, also a wrapped one, the code of another one."""
    old, new = (getattr(value, "__wrapped__", getattr(value, "fget", value)) for value in (old, new))
    old, new = (getattr(value, "__func__", value) for value in (old, new))
    if isinstance(old, types.FunctionType) and isinstance(new, types.FunctionType):
        old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__


def survives(module: ModuleType, tree: ast.Module, tests: list[str], seconds: int) -> bool:
    """Whether all tests pass in a fork, within some seconds of processor time."""
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            signal.alarm(20 * seconds)
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            path = str(module.__file__)
            put_in(module, tree, path)
            code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", *tests, path])
        os._exit(int(code != 0))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def attack(name: str, most: int, limit: float, seed: int) -> dict[str, Any]:
    """Try up to `most` mutants of a module, until `limit` seconds are over.

    Raises:
        ValueError: the tests of the unchanged module fail.
    """
    module = importlib.import_module(name)
    tree = ast.parse(Path(str(module.__file__)).read_text())
    with contextlib.redirect_stdout(io.StringIO()):  # loads what the forks would load
        pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *TARGETS[name], str(module.__file__)])
    started, spent = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    if not survives(module, tree, TARGETS[name], 300):
        raise ValueError(f"{name}: the tests fail without a mutation")
    sys.stderr.write(f"{name}: {time.monotonic() - started:.0f} s without a mutation\n")
    usual = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - spent
    count = len(places(tree))
    chosen = random.Random(seed).sample(range(count), min(most, count))
    tried, survivors = 0, []
    for number in chosen:
        if time.monotonic() - started > limit:
            break
        changed, what = mutate(tree, number)
        tried += 1
        if survives(module, changed, TARGETS[name], 2 + int(SLACK * usual)):
            survivors.append(what)
        sys.stderr.write(f"{name}:{what}{'  SURVIVES' if survivors[-1:] == [what] else ''}\n")
    return {"places": count, "tried": tried, "survivors": sorted(survivors), "seed": seed, "commit": commit()}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Mutation testing of the core.", allow_abbrev=False)
    parser.add_argument("--output", type=Path, required=True, help="JSON to write, or to add to")
    parser.add_argument("--only", nargs="+", choices=TARGETS, default=list(TARGETS), help="modules; default: all")
    parser.add_argument("--mutants", type=int, default=40, help="of each module; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=600, help="for each module; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # forks of this process must not wait for threads that it had
    result = {"kind": "mutation", "modules": {}}
    if options.output.exists():
        result = json.loads(options.output.read_text())
    for name in options.only:
        result["modules"][name] = attack(name, options.mutants, options.seconds, options.seed)
        result["date"] = datetime.now(UTC).date().isoformat()
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    assert conftest.__file__
    main()
