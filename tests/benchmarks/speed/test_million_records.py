"""Many records through the command: what is measured is the command's own, and stands beside the other results."""

import json

import pytest

from benchmarks.report.result_folders import INFERENCE, read_rates
from benchmarks.speed import million_records
from benchmarks.tables import render


def test_a_run_measures_the_command_and_is_rendered(tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(million_records, "BLOCK", 80)  # three blocks, the last one partly filled
    command = ["--name", "many", "--output", str(tmp_path / "inference"), "--model", str(tiny_folder)]
    assert million_records.main([*command, "--records", "200", "--bp", "60", "--device", "cpu"]) == 0
    result = json.loads((tmp_path / "inference" / "many.json").read_text())
    assert (result["records"], result["bp"], result["model"]) == (200, 60, "tiny")
    assert result["command"] == "dnacse embed records.fasta -o vectors.parquet --device cpu --model tiny"
    assert result["seconds"] > 0 and 100 < result["peak_memory_mb"] < 2048  # torch alone takes more than 100 MB
    assert str(tmp_path) not in json.dumps(result)
    assert render(tmp_path)["inference/many"].startswith("200 records of 60 bp through `dnacse embed` with tiny: ")
    assert read_rates(tmp_path, INFERENCE) == {}  # no rates: nothing to draw


def test_records_are_all_different(tmp_path, monkeypatch):
    monkeypatch.setattr(million_records, "BLOCK", 80)
    million_records.write_records(tmp_path / "records.fasta", 200, 40)
    lines = (tmp_path / "records.fasta").read_text().splitlines()
    assert lines[::2] == [f">r{row}" for row in range(200)]
    assert len(set(lines[1::2])) == 200 and {len(sequence) for sequence in lines[1::2]} == {40}


def test_a_command_that_fails_leaves_no_result(tmp_path, capfd):
    command = ["--name", "none", "--output", str(tmp_path), "--model", str(tmp_path / "missing")]
    assert million_records.main([*command, "--records", "1", "--device", "cpu"]) == 2
    assert "missing" in capfd.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["training_memory", "other"])
def test_what_is_no_measurement_is_refused(tmp_path, kind):
    (tmp_path / "inference").mkdir()
    (tmp_path / "inference" / "x.json").write_text(json.dumps({"kind": kind}))
    with pytest.raises(ValueError, match=r"x.json is no measurement of inference_throughput.py"):
        read_rates(tmp_path, INFERENCE)
