"""benchmarks/run.py as users start it: results are written, complete and free of paths; errors are one sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import run
from benchmarks.result_files import validate, write_result
from benchmarks.simulate import simulate, write_records

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    write_records(simulate(species=30, records_per_species=6), folder)
    return folder / "barcodes.tsv"


@pytest.fixture(scope="module")
def results(data, tmp_path_factory) -> Path:
    """Two models on two tasks, by the command line, from another folder than the repository."""
    output = tmp_path_factory.mktemp("results")
    command = [sys.executable, ROOT / "benchmarks/run.py", "--model", "tnf", "kmer4", "--task", "knn"]
    command += ["species_clustering", "--data", data, "--output", output]
    done = subprocess.run(
        command, cwd=data.parent, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": ""}
    )
    assert done.returncode == 0, done.stderr
    return output


def read(folder: Path, name: str) -> dict:
    return json.loads((folder / name).read_text())


def test_one_result_for_each_task_and_model(results):
    names = [
        f"barcodes.{task}.{model}.test.json" for task in ("knn", "species_clustering") for model in ("kmer4", "tnf")
    ]
    assert sorted(path.name for path in results.iterdir()) == names
    knn = read(results, "barcodes.knn.tnf.test.json")
    validate(knn)
    assert knn["metrics"]["species_seen"]["value"] > 0.9
    assert set(knn["splits"]) == {"train", "test", "unseen_test"}
    assert knn["costs"]["embedding"]["peak_memory_mb"] > 0
    # the same numbers in another order of columns
    assert knn["metrics"] == read(results, "barcodes.knn.kmer4.test.json")["metrics"]


def test_no_path_of_this_machine_is_in_a_result(results, data):
    for path in results.iterdir():
        text = path.read_text()
        assert str(data.parent) not in text
        assert str(ROOT) not in text
        assert "/home" not in text


def test_a_path_in_a_result_is_refused(results, tmp_path):
    result = read(results, "barcodes.knn.tnf.test.json")
    with pytest.raises(ValueError, match="paths of this machine"):
        write_result(result | {"model": "/home/me/model"}, tmp_path)
    with pytest.raises(ValueError, match="model"):
        write_result({key: value for key, value in result.items() if key != "model"}, tmp_path)
    with pytest.raises(ValueError, match="species_seen"):
        write_result(result | {"metrics": {"species_seen": {"value": float("nan")}}}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_validation_and_a_part_of_the_data(data, tmp_path):
    flags = ["--model", "tnf", "--task", "knn", "--data", str(data), "--output", str(tmp_path), "--name", "mine"]
    assert run.main([*flags, "--evaluation_split", "val", "--max_sequences", "90"]) == 0
    result = read(tmp_path, "barcodes.knn.mine.val.json")
    assert set(result["splits"]) == {"train", "val", "unseen_val"}
    assert sum(result["splits"].values()) <= 90 == result["max_sequences"]


def test_a_failing_pair_loses_no_other(data, tmp_path, monkeypatch, capsys):
    def fail(*_):
        raise RuntimeError("out of memory\nsecond line")

    monkeypatch.setattr(run.species_clustering, "score", fail)
    flags = ["--model", "tnf", "--task", "species_clustering", "knn", "--data", str(data), "--output", str(tmp_path)]
    assert run.main(flags) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["barcodes.knn.tnf.test.json"]
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "run.py: failed: species_clustering with tnf: RuntimeError: out of memory"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--task": "knnn"}, "knn, species_clustering"),
        ({"--model": "no/such/model/folder"}, "neither a baseline"),
        ({"--data": "missing.tsv"}, "no file missing.tsv"),
        ({"--max_sequences": "1"}, "raise --max_sequences"),
        ({"--name": "a b"}, "2 names for 1 models"),
    ],
)
def test_wrong_arguments_are_one_sentence(data, tmp_path, capsys, changed, message):
    flags = {"--model": "tnf", "--task": "knn", "--data": str(data), "--output": str(tmp_path)} | changed
    assert run.main([word for flag, value in flags.items() for word in (flag, *value.split())]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_missing_split_is_named(data, tmp_path, capsys):
    lines = [line for line in data.read_text().splitlines(keepends=True) if "unseen" not in line]
    (tmp_path / "seen.tsv").write_text("".join(lines))
    flags = ["--model", "tnf", "--task", "knn", "--data", str(tmp_path / "seen.tsv"), "--output", str(tmp_path)]
    assert run.main(flags) == 2
    assert "no record of the split unseen_test" in capsys.readouterr().err
