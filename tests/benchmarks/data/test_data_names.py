"""Data of one name in several folders: each has results of its own, none replaces another's."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.data.simulate import simulate, write_records
from benchmarks.data.splits import describe
from benchmarks.report.result_files import read_results
from tests.support.benchmark_runs import read, rewrite, start


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    write_records(simulate(species=12, records_per_species=6), folder)
    return folder / "barcodes.tsv"


def test_folders_of_a_collection_are_named_with_it(tmp_path):
    """GUE has mouse/0 and tf/0."""
    names = []
    for collection in ("mouse", "tf"):
        (tmp_path / collection / "0").mkdir(parents=True)
        names.append(describe(str(tmp_path / collection / "0"), {}).name)
    assert names == ["mouse-0", "tf-0"]


@pytest.mark.slow
def test_files_of_one_name_in_several_folders_do_not_share_a_result(data, tmp_path, monkeypatch):
    """DNABERT-S has marine/clustering_0.tsv and plant/clustering_0.tsv; what they hold may even be the same."""
    for folder in ("marine", "plant"):
        (tmp_path / folder).mkdir()
        shutil.copy(data, tmp_path / folder / "clustering_0.tsv")
    flags = {"output": tmp_path / "results", "task": "species_clustering"}
    assert start(f"splits:unseen_test={tmp_path}/marine/clustering_0.tsv", **flags) == 0
    monkeypatch.chdir(tmp_path / "plant")
    assert start("splits:unseen_test=clustering_0.tsv", **flags) == 0
    stems = {path.name.partition(".")[0] for path in (tmp_path / "results").iterdir()}
    assert stems == {"splits-unseen_test-marine-clustering_0", "splits-unseen_test-plant-clustering_0"}
    assert set(read_results(tmp_path / "results")) == {f"{stem}.test" for stem in stems}


def test_a_result_of_other_data_is_not_replaced(data, tmp_path, monkeypatch, capsys):
    ours, theirs = tmp_path / "ours" / "barcodes.tsv", tmp_path / "theirs" / "barcodes.tsv"
    for path in (ours, theirs):
        path.parent.mkdir()
        shutil.copy(data, path)
    output = tmp_path / "results"
    assert start(ours, output) == 0
    assert start(theirs, output) == 0  # a copy is the same data
    rewrite(data, ours, lambda row: [row[0], row[1], row[2] + "x", *row[3:]])
    there = (output / "barcodes.knn.tnf.test.json").read_text()
    assert start(ours, output) == 1
    refused = (
        "barcodes.knn.tnf.test.json is of other data of the same name, from another place: give another --output."
    )
    assert refused in capsys.readouterr().err
    assert (output / "barcodes.knn.tnf.test.json").read_text() == there
    rewrite(data, theirs, lambda row: [row[0], row[1], row[2] + "y", *row[3:]])
    monkeypatch.chdir(theirs.parent)
    assert start(Path("barcodes.tsv"), output) == 0  # the same place, changed
    changed = read(output)
    assert changed["data_sha256"] != json.loads(there)["data_sha256"]
    del changed["data_place"]  # as results were before it was recorded
    (output / "barcodes.knn.tnf.test.json").write_text(json.dumps(changed | {"data": "barcodes.fasta"}))
    assert start(ours, output) == 1
    (output / "barcodes.knn.tnf.test.json").write_text(json.dumps(changed))
    assert start(ours, output) == 0


def test_a_later_revision_of_hub_data_is_in_the_same_place():
    first, second, other = (describe(f"hub:{name}", {}) for name in ("me/coi@a1", "me/coi@b2", "you/coi@a1"))
    assert first.name == "hub:me/coi@a1"
    assert first.place == second.place != other.place
