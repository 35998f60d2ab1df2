"""Fingerprints tell content apart, and nothing else."""

import numpy as np
import pytest
import torch

from benchmarks.methods.load import BASELINES, load_method
from benchmarks.methods.method import Split
from benchmarks.provenance import code_fingerprints
from benchmarks.provenance.fingerprints import folder_digest, split_digest
from benchmarks.tasks import TASKS
from modeling_dnacse import DnacseModel

TASK = """
import numpy as np
from benchmarks import near
from benchmarks.near import halve as half

TITLE = "A task"


def score(rows: list) -> float:
    \"\"\"Score the rows.\"\"\"
    if not rows:
        raise ValueError("no rows")
    return half(near.total(rows))
"""
NEAR = """
from .deep.sums import add
from modeling_dnacse import FACTOR as factor


def total(rows):
    return add(rows) * factor  # of all


def halve(number):
    from modeling_dnacse.far import two

    return number / two()


def unused():
    return 0
"""
SOURCES = {
    "benchmarks/__init__.py": "",
    "benchmarks/deep/__init__.py": "",
    "benchmarks/task.py": TASK,
    "benchmarks/near.py": NEAR,
    "benchmarks/deep/sums.py": "def add(rows):\n    return sum(rows)\n",
    "modeling_dnacse/__init__.py": "from .far import FACTOR\n",
    "modeling_dnacse/far.py": "FACTOR = 3\n\n\ndef two():\n    return 2\n",
}


class Checkout:
    """A made checkout whose files a test may change."""

    def __init__(self, root):
        self.root = root
        for name, text in SOURCES.items():
            self.write(name, text)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def change(self, name, old, new):
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def digest(self):
        code_fingerprints.read_module.cache_clear()
        return code_fingerprints.code_digest("benchmarks.task:score")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(code_fingerprints, "ROOT", tmp_path)
    yield Checkout(tmp_path)
    code_fingerprints.read_module.cache_clear()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("benchmarks/task.py", "half(near.total(rows))", "near.total(rows)"),
        ("benchmarks/task.py", "raise ValueError", "raise KeyError"),
        ("benchmarks/near.py", "number / two()", "number // two()"),
        ("benchmarks/deep/sums.py", "sum(rows)", "sum(rows[1:])"),
        ("modeling_dnacse/far.py", "FACTOR = 3", "FACTOR = 4"),
        ("modeling_dnacse/far.py", "return 2", "return 3"),
        ("benchmarks/near.py", "def unused", "rows = list(map(print, []))\nprint(rows)\n\n\ndef unused"),
    ],
)
def test_code_that_computes_something_else_has_another_digest(checkout, name, old, new):
    before = checkout.digest()
    checkout.change(name, old, new)
    assert checkout.digest() != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("benchmarks/task.py", "Score the rows.", "Give the score of the rows."),
        ("benchmarks/task.py", '"no rows"', '"there are no rows: give some"'),
        ("benchmarks/task.py", "rows: list) -> float", "rows: tuple) -> int"),
        ("benchmarks/task.py", '"A task"', '"The task"'),
        ("benchmarks/near.py", "# of all", "# of each and all"),
        ("benchmarks/near.py", "return 0", "return 1"),
    ],
)
def test_words_and_what_is_not_used_count_for_nothing(checkout, name, old, new):
    before = checkout.digest()
    checkout.change(name, old, new)
    assert checkout.digest() == before


def test_a_record_counts_by_the_fields_that_are_given(checkout):
    """A new optional field of the methods' record once made the results of all baselines stale."""
    record = "class Made(NamedTuple):\n    name: str\n    rank: int = 1\n"
    checkout.change("benchmarks/near.py", "def halve", f"{record}\n\ndef halve")
    checkout.change("benchmarks/near.py", "/ two()", "/ two() + Made('a').rank")
    before = checkout.digest()
    checkout.change("benchmarks/near.py", "name: str", "name: bytes")
    checkout.change("benchmarks/near.py", "rank: int = 1\n", "rank: int = 1\n    later: int | None = None\n")
    assert checkout.digest() == before
    checkout.change("benchmarks/near.py", "Made('a').rank", "(Made('a').later or 0)")
    assert checkout.digest() != before, "read"
    checkout.change("benchmarks/near.py", "(Made('a').later or 0)", "Made('a').rank")
    checkout.change("benchmarks/near.py", "rank: int = 1", "rank: int = 2")
    assert checkout.digest() != before, "another default"


def test_moves_merges_and_splits_of_modules_change_no_digest(checkout):
    before = checkout.digest()
    checkout.write("benchmarks/sums.py", SOURCES["benchmarks/deep/sums.py"])
    checkout.change("benchmarks/near.py", "from .deep.sums", "from benchmarks.sums")
    (checkout.root / "benchmarks/deep/sums.py").unlink()
    assert checkout.digest() == before, "moved"
    checkout.write("modeling_dnacse/inner/numbers.py", "def two():\n    return 2\n")
    checkout.write("modeling_dnacse/inner/__init__.py", "")
    checkout.change("benchmarks/near.py", "modeling_dnacse.far import two", "modeling_dnacse.inner.numbers import two")
    assert checkout.digest() == before, "split"
    body = (checkout.root / "benchmarks/near.py").read_text().replace("from benchmarks.sums import add\n", "")
    checkout.write("benchmarks/near.py", body + "\n" + SOURCES["benchmarks/deep/sums.py"])
    assert checkout.digest() == before, "merged"
    checkout.change("benchmarks/task.py", "from benchmarks import near", "import benchmarks.near as near")
    checkout.change("benchmarks/task.py", "halve as half", "halve as one_half")
    checkout.change("benchmarks/task.py", "half(near", "one_half(near")
    assert checkout.digest() == before, "imported under another name"


def test_a_name_that_is_not_found_is_no_code_that_counts_for_nothing(checkout):
    checkout.change("benchmarks/near.py", "from .deep.sums import add", "from .deep.sums import plus as add")
    with pytest.raises(ValueError, match="benchmarks.deep.sums defines no plus"):
        checkout.digest()


def test_the_code_of_all_tasks_and_methods_is_found():
    """Of genomic_benchmarks it was not: its package imports its own modules."""
    roots = [f"{task.__name__}:score" for task in TASKS.values()]
    roots += [f"{make.__module__}:{make.__name__}" for make in {*BASELINES.values()}]
    digests = {
        root: code_fingerprints.code_digest(root) for root in [*roots, "benchmarks.methods.networks:load_network"]
    }
    assert len(set(digests.values())) == len(digests)


def test_rows_tell_splits_apart():
    split = Split(np.array(["a", "b"]), ["AC", "GT"], {"species": np.array(["x", "y"])})
    changed = [
        split._replace(sequences=["ACG", "T"]),
        split._replace(ids=np.array(["b", "a"])),
        split._replace(labels={"species": np.array(["x", "x"])}),
        split._replace(labels={"genus": np.array(["x", "y"])}),
    ]
    assert len({split_digest(other) for other in [split, *changed]}) == 5
    assert split_digest(split) == split_digest(Split(*split))


def test_folders_are_told_apart_by_content_not_by_name(tmp_path):
    for name, text in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "file").write_text(text)
    first, same, other = (folder_digest(tmp_path / name) for name in "abc")
    assert first == same != other


def test_networks_are_told_apart_by_weights_and_tokenizer_not_by_name(tiny_folder, tmp_path):
    def copy(name: str) -> str:
        folder = tmp_path / name
        folder.mkdir()
        for path in tiny_folder.iterdir():
            if path.is_file():
                (folder / path.name).write_bytes(path.read_bytes())
        return str(folder)

    first = load_method(str(tiny_folder)).fingerprint
    assert load_method(copy("same"), name="another").fingerprint == first
    cut = tmp_path / "cut" / "tokenizer.json"
    copy("cut")
    cut.write_text(cut.read_text().replace('"[MASK]"', '"[HIDE]"'))
    trained = copy("trained")
    network = DnacseModel.from_pretrained(trained)
    with torch.no_grad():
        next(network.parameters())[0, 0] += 1
    network.save_pretrained(trained)
    assert len({first, *(load_method(str(tmp_path / name)).fingerprint for name in ("cut", "trained"))}) == 3
    assert load_method(f"untrained:{trained}").fingerprint != load_method(trained).fingerprint


def test_baselines_are_told_apart():
    assert len({load_method(name).fingerprint for name in ("tnf", "kmer5", "kmer6")}) == 3
    assert load_method("tnf").fingerprint == load_method("tnf", name="other").fingerprint
