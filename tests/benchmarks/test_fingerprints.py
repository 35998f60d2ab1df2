"""Fingerprints tell content apart, and nothing else."""

import numpy as np
import pytest
import torch

from benchmarks.methods.load import load_method
from benchmarks.methods.method import Split
from benchmarks.provenance import fingerprints
from benchmarks.provenance.fingerprints import code_digest, folder_digest, imported_modules, split_digest
from modeling_dnacse import DnacseModel


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """`task` imports `near`, which imports `modeling_dnacse.far`; nothing imports `other`."""
    for folder in ("benchmarks", "modeling_dnacse"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "benchmarks/task.py").write_text("import numpy\nfrom benchmarks import near\n")
    (tmp_path / "benchmarks/near.py").write_text("from modeling_dnacse.far import x\n")
    (tmp_path / "modeling_dnacse/far.py").write_text("from .beside import x\n")
    (tmp_path / "modeling_dnacse/beside.py").write_text("x = 1\n")
    (tmp_path / "benchmarks/other.py").write_text("x = 1\n")
    monkeypatch.setattr(fingerprints, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["benchmarks/task.py", "benchmarks/near.py", "modeling_dnacse/beside.py"])
def test_code_is_a_module_and_all_that_it_imports(checkout, name):
    before = code_digest("benchmarks.task")
    with (checkout / name).open("a") as file:
        file.write("y = 2\n")
    assert code_digest("benchmarks.task") != before


def test_code_that_is_not_imported_counts_for_nothing(checkout):
    before = code_digest("benchmarks.task")
    (checkout / "benchmarks/other.py").write_text("x = 3\n")
    assert code_digest("benchmarks.task") == before


def test_relative_imports_are_resolved(checkout):
    found = imported_modules(checkout / "modeling_dnacse/far.py", "modeling_dnacse")
    assert found == ["modeling_dnacse.beside", "modeling_dnacse.beside.x"]


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
    assert len({load_method(name).fingerprint for name in ("tnf", "kmer4", "kmer5")}) == 3
    assert load_method("tnf").fingerprint == load_method("tnf", name="other").fingerprint
