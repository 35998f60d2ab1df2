"""The measurement of training: every arm is a run of the real trainer, and padding is what sets them apart."""

import json

import pytest

from benchmarks import training_throughput


@pytest.fixture(scope="module")
def command(fasta, tiny_folder):
    return [
        *("--name", "tiny", "--steps", "4", "--batch_size", "8", "--max_length", "96", "--chunk", "4"),
        *("--", "--train_file", str(fasta), "--config_name", str(tiny_folder), "--tokenizer_name", str(tiny_folder)),
        "--use_cpu",
    ]


def test_arms_are_measured_side_by_side(command, tmp_path):
    arms = ["padded", "packed", "varlen"]
    assert training_throughput.main(["--output", str(tmp_path), "--arm", *arms, *command]) == 0
    result = json.loads((tmp_path / "tiny.json").read_text())
    assert set(result["arms"]) == {"padded", "packed"}
    assert result["waiting_for_a_gpu"] == ["varlen"]  # and never a figure made up
    for arm in result["arms"].values():
        assert arm["pairs_per_second"] > 0 and arm["tokens_per_second"] > 0 and arm["peak_memory_mb"] > 100
    assert result["arms"]["padded"]["padding"] > 0.3
    assert result["arms"]["packed"]["padding"] == 0


def test_an_arm_that_fails_is_told_with_its_reason(command, tmp_path, capsys):
    broken = [*command, "--temperature", "0"]
    assert training_throughput.main(["--output", str(tmp_path), "--arm", "packed", *broken]) == 1
    assert "packed: train.py" in (said := capsys.readouterr().err) and "--temperature is 0.0" in said
    assert json.loads((tmp_path / "tiny.json").read_text())["arms"] == {}
