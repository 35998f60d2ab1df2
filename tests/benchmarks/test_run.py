"""benchmarks/run.py as users start it: results are complete and repeatable, planted errors are caught."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import jobs, run
from benchmarks.data.simulate import simulate, write_records
from benchmarks.methods.load import load_method
from benchmarks.methods.method import Unsuited
from benchmarks.report.result_files import validate, write_result
from benchmarks.tasks import knn, species_clustering
from modeling_dnacse import DnacseModel
from tests.support.benchmark_runs import read, rewrite, start

ROOT = Path(__file__).parents[2]
TIMES = {"costs", "date"}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    write_records(simulate(species=30, records_per_species=6), folder)
    return folder / "barcodes.tsv"


@pytest.fixture(scope="module")
def results(data, tmp_path_factory) -> Path:
    """Two models on two tasks, by the command line, from another folder than the repository."""
    output = tmp_path_factory.mktemp("results")
    command = [sys.executable, ROOT / "benchmarks/run.py", "--model", "tnf", "kmer5", "--task", "knn"]
    command += ["species_clustering", "--data", data, "--output", output]
    done = subprocess.run(
        command, cwd=data.parent, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": ""}
    )
    assert done.returncode == 0, done.stderr
    return output


@pytest.mark.slow
def test_one_result_for_each_task_and_model(results):
    names = [
        f"barcodes.{task}.{model}.test.json" for task in ("knn", "species_clustering") for model in ("kmer5", "tnf")
    ]
    assert sorted(path.name for path in results.iterdir()) == names
    knn = read(results)
    validate(knn)
    assert knn["metrics"]["species_seen"]["value"] > 0.9
    assert set(knn["splits"]) == {"train", "test", "unseen_test", "novel_test"}
    assert knn["splits"]["novel_test"] == 0
    assert knn["costs"]["task"]["peak_memory_mb"] > 0
    # each query once for each split asked, the references with them
    assert knn["costs"]["method"]["sequences"] == sum(knn["splits"].values()) + knn["splits"]["train"]


@pytest.mark.slow
def test_a_second_run_changes_nothing_but_times(results, data, tmp_path):
    assert (
        run.main(
            ["--model", "kmer5", "tnf", "--task", "species_clustering", "knn", "--data", str(data)]
            + ["--output", str(tmp_path)]
        )
        == 0
    )
    for path in results.iterdir():
        first, second = read(results, path.name), read(tmp_path, path.name)
        assert {key for key in first if first[key] != second[key]} <= TIMES


def test_no_path_of_this_machine_is_in_a_result(results, data):
    for path in results.iterdir():
        text = path.read_text()
        assert str(data.parent) not in text
        assert str(ROOT) not in text
        assert "/home" not in text


def test_a_wrong_result_is_refused(results, tmp_path):
    result = read(results)
    with pytest.raises(ValueError, match="paths of this machine"):
        write_result(result | {"model": "/home/me/model"}, tmp_path)
    with pytest.raises(ValueError, match="model"):
        write_result({key: value for key, value in result.items() if key != "model"}, tmp_path)
    with pytest.raises(ValueError, match="schema 1, but this version has schema 2: make it anew"):
        write_result(result | {"schema_version": 1}, tmp_path)
    good = result["metrics"]["species_seen"]
    wrong = [
        {"value": float("nan")},
        {"value": "1"},
        {"interval": [0.1]},
        {"interval": [0.9, 0.1]},
        {"value": True},
        {"interval": 1},
        {"per_seed": []},
    ]
    wrong += [{"scored": -1}, {"left_out": None}]
    for metric in (*(good | changed for changed in wrong), 0.5):
        with pytest.raises(ValueError, match="species_seen"):
            write_result(result | {"metrics": {"species_seen": metric}}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_validation_and_a_part_of_the_data(data, tmp_path):
    flags = ["--name", "mine", "--evaluation_split", "val", "--max_sequences", "90"]
    assert start(data, tmp_path, *flags) == 0
    result = read(tmp_path, "barcodes.knn.mine.val.json")
    assert set(result["splits"]) == {"train", "val", "unseen_val"}
    assert sum(result["splits"].values()) <= 90 == result["max_sequences"]


def test_a_failing_pair_loses_no_other(data, tmp_path, monkeypatch, capsys):
    def fail(*_, **__):
        raise RuntimeError("out of memory\nsecond line")

    monkeypatch.setattr(species_clustering, "score", fail)
    flags = ["--model", "tnf", "--task", "species_clustering", "knn", "--data", str(data), "--output", str(tmp_path)]
    assert run.main(flags) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["barcodes.knn.tnf.test.json"]
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "run.py: failed: species_clustering with tnf: RuntimeError: out of memory"


def test_a_second_model_of_the_same_name_does_not_replace_the_first_ones_result(data, tmp_path, capsys):
    """Two folders of one name, as a/final and b/final; here two baselines, whose names differ by a dot alone."""
    flags = ["--model", "tnf", "kmer6", "--name", "mine.1", "mine-1", "--task", "knn"]
    assert run.main([*flags, "--data", str(data), "--output", str(tmp_path)]) == 1
    assert read(tmp_path, "barcodes.knn.mine-1.test.json")["model"] == "mine.1"
    assert "knn with mine-1: barcodes.knn.mine-1.test.json belongs to another pair" in capsys.readouterr().err


def test_an_unsuited_pair_is_left_out_and_no_failure(data, tmp_path, monkeypatch, capsys):
    def refuse(method, *_, **__):
        raise Unsuited(f"{method.name} gives no vectors.")

    monkeypatch.setattr(species_clustering, "score", refuse)
    assert start(data, tmp_path, task="species_clustering") == 0
    assert not list(tmp_path.iterdir())
    assert "run.py: left out: species_clustering with tnf: tnf gives no vectors." in capsys.readouterr().err


def test_resume_runs_only_what_has_changed(data, tmp_path, capsys):
    source = Path(shutil.copy(data, tmp_path))

    def is_run(*flags: str) -> bool:
        assert start(source, tmp_path / "results", "--resume", *flags) == 0
        return "nothing has changed" not in capsys.readouterr().err

    assert is_run()
    assert not is_run()
    assert is_run("--seed", "1")
    # another model, whatever it is called
    assert start(source, tmp_path / "results", "--resume", "--seed", "1", "--name", "tnf", model="kmer5") == 0
    assert is_run("--seed", "1")
    rewrite(data, source, lambda row: [row[0], row[1], row[2] + "x", *row[3:]])
    assert is_run("--seed", "1")
    assert not is_run("--seed", "1")
    broken = tmp_path / "results" / "barcodes.knn.tnf.test.json"
    broken.write_text(broken.read_text()[:100])
    assert is_run("--seed", "1")


def test_resume_runs_again_what_has_other_code(data, tmp_path, monkeypatch, capsys):
    assert start(data, tmp_path, "--resume") == 0
    monkeypatch.setattr("benchmarks.evaluation.code_digest", lambda *_: "edited")
    capsys.readouterr()
    assert start(data, tmp_path, "--resume") == 0
    assert "nothing has changed" not in capsys.readouterr().err


def test_shuffled_labels_score_at_chance(data, tmp_path):
    rows = [line.split("\t") for line in data.read_text().splitlines()[1:]]
    species = iter(np.random.default_rng(0).permutation([row[2] for row in rows if row[-1] == "train"]))

    def change(row: list[str]) -> list[str]:
        return [*row[:2], next(species), *row[3:]] if row[-1] == "train" else row

    shuffled = rewrite(data, tmp_path / "barcodes.tsv", change)
    assert start(shuffled, tmp_path / "results") == 0
    assert read(tmp_path / "results")["metrics"]["species_seen"]["value"] < 0.3  # 20 species


def test_a_leaked_split_is_counted_and_warned_of(data, results, tmp_path, capsys):
    header, *rows = data.read_text().splitlines()
    tests = [row for row in rows if row.endswith("\ttest")]
    assert read(results)["leaked"] < 3 < len(tests)  # records of one species can be alike
    copies = ["copy_" + row.removesuffix("test") + "train" for row in tests]
    leaked = tmp_path / "barcodes.tsv"
    leaked.write_text("\n".join([header, *rows, *copies]) + "\n")
    assert start(leaked, tmp_path / "results") == 0
    count = read(tmp_path / "results")["leaked"]
    assert count >= len(tests)
    assert f"warning: knn: {count} sequences of barcodes.tsv are in more than one" in capsys.readouterr().err


@pytest.mark.slow
def test_a_swapped_model_has_another_revision_and_no_vector_of_the_first(data, tiny_folder, tmp_path):
    """An evaluation whose cache was keyed by a name gave the second model the first one's embeddings."""
    folder, cache = tmp_path / "model", tmp_path / "cache"
    shutil.copytree(tiny_folder, folder)
    flags = ["--cache", str(cache), "--resume", "--max_sequences", "60"]
    output = tmp_path / "results"
    assert start(data, output, *flags, model=str(folder)) == 0
    first = read(output, "barcodes.knn.model.test.json")
    network = DnacseModel.from_pretrained(folder)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(torch.empty_like(parameter).uniform_(-1, 1))
    network.save_pretrained(folder)
    assert start(data, output, *flags, model=str(folder)) == 0
    second = read(output, "barcodes.knn.model.test.json")
    assert first["model_revision"] != second["model_revision"]
    assert first["fingerprint"] != second["fingerprint"]
    assert len(list(cache.iterdir())) == 2
    sequences = ["ACGTTGCAACGGTACC" * 4]
    kept, anew = (load_method(str(folder), cache=place).encode(sequences) for place in (cache, None))
    assert np.array_equal(kept, anew)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--task": "knnn"}, "knn, species_clustering"),
        ({"--model": "no/such/model/folder"}, "neither a baseline"),
        ({"--model": str(ROOT)}, "nor a checkpoint folder (with a config.json)"),
        ({"--data": "missing.tsv"}, "no file missing.tsv"),
        ({"--max_sequences": "1"}, "raise --max_sequences"),
        ({"--name": "a b"}, "2 names for 1 models"),
        ({"--set": "knn"}, "TASK.NAME=VALUE"),
        ({"--set": "knn.neighbours=3"}, "no such argument"),
        ({"--set": "species_clustering.most=1"}, "give 2 or more"),
        *(
            ({"--set": f"identify.queries={value}"}, "a whole number above 0")
            for value in ("abc", "[]", "-1", "1e400")
        ),
        ({"--set": "fine_tune.learning_rate=nan"}, "a number above 0"),
        ({"--cache": __file__}, "is a file"),
        ({"--device": "foo"}, "--device foo cannot be used here: Expected one of cpu"),
        ({"--data": str(ROOT)}, f"{ROOT} is a folder; give a file of labelled sequences"),
        ({"--output": f"{__file__}/results"}, "there is no folder"),
    ],
)
def test_wrong_arguments_are_one_sentence(data, tmp_path, capsys, changed, message):
    flags = {"--model": "tnf", "--task": "knn", "--data": str(data), "--output": str(tmp_path)} | changed
    assert run.main([word for flag, value in flags.items() for word in (flag, *value.split())]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_arguments_of_a_task_can_be_set(data, tmp_path, monkeypatch):
    def score(method, *splits, seed: int, depth: int = 3, kind: str = "deep"):
        return {"depth": {"value": depth / 10, "scored": 1, "left_out": 0, "kind": kind}}

    monkeypatch.setattr(knn, "score", score)
    assert start(data, tmp_path, "--set", "knn.depth=5", "knn.kind=flat") == 0
    result = read(tmp_path)
    assert result["options"] == {"depth": 5, "kind": "flat"}
    assert result["metrics"]["depth"] == {"value": 0.5, "scored": 1, "left_out": 0, "kind": "flat"}


def test_missing_splits_are_named(data, tmp_path, capsys):
    unsplit = rewrite(data, tmp_path / "barcodes.tsv", lambda row: [*row[:-1], "all"])
    assert start(unsplit, tmp_path) == 2
    assert "no record of the splits train, test, unseen_test, novel_test" in capsys.readouterr().err
    seen = rewrite(data, tmp_path / "seen.tsv", lambda row: [*row[:-1], row[-1].removeprefix("unseen_")])
    assert start(seen, tmp_path, task="species_clustering") == 2
    assert start(seen, tmp_path) == 0
    assert set(read(tmp_path, "seen.knn.tnf.test.json")["metrics"]) == {"species_seen", "species_seen_macro"}


def test_queries_without_a_species_are_warned_of(data, tmp_path, capsys):
    """Intervals took them for one species, so that they had no width."""
    header = data.read_text().split("\n", 1)[0].split("\t")
    place = header.index("species")

    def nameless(row):
        return [*row[:place], "" if row[-1] == "unseen_test" else row[place], *row[place + 1 :]]

    assert start(rewrite(data, tmp_path / "barcodes.tsv", nameless), tmp_path) == 0
    assert re.search(
        r"(\d+) of \1 sequences in the split unseen_test of barcodes.tsv have no species", capsys.readouterr().err
    )


def test_sequences_without_kmers_are_warned_of(data, tmp_path, capsys):
    """One of 5 bp ended species_clustering in a sentence of SciPy that named neither it nor the file."""
    header, first, *rows = data.read_text().splitlines()
    cells = first.split("\t")
    cells[header.split("\t").index("sequence")] = "ACGTA"
    (tmp_path / "barcodes.tsv").write_text("\n".join([header, "\t".join(cells), *rows]) + "\n")
    start(tmp_path / "barcodes.tsv", tmp_path)
    assert f"1 sequences of barcodes.tsv, such as {cells[0]} in the split" in capsys.readouterr().err


def test_a_misspelled_split_is_warned_of(data, tmp_path, capsys):
    wrong = rewrite(data, tmp_path / "barcodes.tsv", lambda row: [*row[:-1], row[-1].replace("unseen_v", "unsen_v")])
    assert start(wrong, tmp_path) == 0
    assert "are left out, as no task reads their split ('unsen_val'" in capsys.readouterr().err


def test_files_of_several_splits_are_named_without_their_paths(data, tmp_path):
    header, *rows = data.read_text().splitlines()
    for name in ("train", "test"):
        part = [row for row in rows if row.endswith(f"\t{name}")]
        (tmp_path / f"{name}.tsv").write_text("\n".join([header, *part]) + "\n")
    source = f"splits:train={tmp_path}/train.tsv,test={tmp_path}/test.tsv"
    assert start(source, tmp_path / "results") == 0
    within = tmp_path.name
    result = read(tmp_path / "results", f"splits-train-{within}-train-test-{within}-test.knn.tnf.test.json")
    assert result["data"] == f"splits:train={within}-train.tsv,test={within}-test.tsv"


def test_a_task_with_a_folder_of_its_own(tmp_path, capsys):
    """Its splits are read from there; what is in two of them is counted and said, as in a table."""
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.csv").write_text("sequence,label\nACGTACGT,0\nTTTTACGT,1\n")
    assert start(tmp_path, tmp_path / "results", task="gue") == 0
    assert "4 sequences" in capsys.readouterr().err
    (file,) = (tmp_path / "results").iterdir()
    result = json.loads(file.read_text())
    assert result["leaked"] == 4
    assert result["splits"] == {"train": 2, "dev": 2, "test": 2}
    assert result["metrics"]["accuracy"]["value"] == 1


@pytest.mark.slow
def test_a_baseline_learns_from_train_alone(data, tmp_path):
    """Its weights, and so its revision, are the same whatever the other splits hold."""
    flags = ["--cache", str(tmp_path / "cache"), "--evaluation_split", "val", "--set", "strand.queries=10"]
    source, revisions = Path(shutil.copy(data, tmp_path)), set()
    for gone in ("none", "test"):
        rewrite(data, source, lambda row, gone=gone: [*row[:-1], "other"] if row[-1].endswith(gone) else row)
        assert start(source, tmp_path / "results", *flags, model="kmer_mlp", task="strand") == 0
        revisions.add(read(tmp_path / "results", "barcodes.strand.kmer-mlp.val.json")["model_revision"])
    assert len(revisions) == 1
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_data_without_bases_pipes_and_empty_arguments_are_refused(data, tmp_path, capsys):
    """Sequences of N were scored, a FIFO was waited for, and an empty output was the working folder."""
    blank = rewrite(data, tmp_path / "blank.tsv", lambda row: [row[0], "N" * 50, *row[2:]])
    assert start(blank, tmp_path / "out") == 2
    assert "has no bases but N; add them or remove it" in capsys.readouterr().err
    os.mkfifo(tmp_path / "fifo.tsv")
    assert start(tmp_path / "fifo.tsv", tmp_path / "out") == 2
    assert "fifo.tsv is no regular file" in capsys.readouterr().err
    for output in (["--output", ""], ["--output="]):
        with pytest.raises(SystemExit, match="2"):
            run.main(["--model", "tnf", "--task", "knn", "--data", str(data), *output])
        assert "give" in capsys.readouterr().err.splitlines()[-1]


def test_data_that_change_while_they_are_read_are_refused(data, tmp_path, monkeypatch, capsys):
    """The result held the digest of other data than were scored."""
    copy = tmp_path / "copy.tsv"
    shutil.copy(data, copy)

    monkeypatch.setattr(jobs, "describe", lambda *_: copy.write_text(""))
    assert start(copy, tmp_path / "out") == 2
    assert "copy.tsv changed while it was being read" in capsys.readouterr().err


def test_a_stopped_run_leaves_neither_temporary_files_nor_locks(data, tmp_path, monkeypatch, capsys):
    """They stayed after SIGTERM; the cache of the vectors was one of them."""

    def stopped(*_):
        tempfile.mkdtemp()  # as tools get one, which are stopped with the run
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(run, "evaluate", stopped)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    assert start(data, tmp_path / "out") == 128 + signal.SIGTERM
    assert "stopped by SIGTERM" in capsys.readouterr().err
    assert not [*(tmp_path / "tmp").iterdir(), *(tmp_path / "out").iterdir()]
    assert tempfile.tempdir == str(tmp_path / "tmp")


def test_names_with_control_characters_are_refused(data, tiny_folder, tmp_path, capsys):
    """The result was written, and tables.py then refused the whole folder."""
    folder = shutil.copytree(tiny_folder, tmp_path / "a\x1b[31m")
    renamed = shutil.copy(data, tmp_path / "b\x1b[31m.tsv")
    output = tmp_path / "results"
    for flags, named in (
        (["--model", "tnf", "--name", "a\x1b[31m", "--data", str(data)], "'a\\x1b[31m'"),
        (["--model", str(folder), "--data", str(data)], "'a\\x1b[31m'"),
        (["--model", f"untrained:{folder}", "--data", str(data)], "'a\\x1b[31m'"),
        (["--model", "tnf", "--data", str(renamed)], "'b\\x1b[31m.tsv'"),
    ):
        assert run.main([*flags, "--task", "knn", "--output", str(output)]) == 2
        assert f"the name {named} holds a control character" in capsys.readouterr().err
    assert not output.exists()


def test_neither_a_strangers_file_nor_another_models_result_is_replaced(data, tmp_path, capsys):
    result = tmp_path / "barcodes.knn.a-b.test.json"
    for text in ('{"my": "file"}', "hello"):
        result.write_text(text)
        assert start(data, tmp_path, "--name", "a-b") == 1
        assert f"{result.name} exists and is not a result of run.py; give another name" in capsys.readouterr().err
        assert result.read_text() == text
    result.unlink()
    assert start(data, tmp_path, "--name", "a/b") == 0
    before = result.read_bytes()
    assert start(data, tmp_path, "--name", "a-b") == 1
    assert "is of the model a/b: give this one another --name" in capsys.readouterr().err
    assert result.read_bytes() == before
