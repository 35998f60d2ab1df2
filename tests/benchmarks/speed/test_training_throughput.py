"""The measurement of training: every arm is a run of the real trainer, and padding is what sets them apart."""

import json
import re
import shlex
from pathlib import Path

import pytest
from transformers import HfArgumentParser

from benchmarks.report.speed_tables import render_training
from benchmarks.speed import training_throughput
from modeling_dnacse import DnacseConfig
from trainer.arguments import ContrastiveArguments

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def command(fasta, tiny_folder):
    return [
        *("--name", "tiny", "--steps", "4", "--batch_size", "8", "--max_length", "96"),
        *("--", "--train_file", str(fasta), "--config_name", str(tiny_folder), "--tokenizer_name", str(tiny_folder)),
        "--use_cpu",
    ]


@pytest.mark.slow
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


def test_an_arm_that_fails_is_seen_in_the_file_and_the_table(command, tmp_path, monkeypatch, capsys):
    """Only stderr once knew of it, so that a committed result looked whole."""

    def run(arguments):
        if "--cached_chunk_size" in arguments:
            raise ValueError("train.py was killed by SIGKILL")
        return [{"pairs_per_second": 2.0}], 100.0

    monkeypatch.setattr(training_throughput, "run", run)
    assert training_throughput.main(["--output", str(tmp_path), "--arm", "padded", "cached", *command]) == 1
    result = json.loads((tmp_path / "tiny.json").read_text())
    assert list(result["arms"]) == ["padded"]
    assert result["failed"] == {"cached": "train.py was killed by SIGKILL"}
    assert "training_throughput.py: cached: train.py was killed by SIGKILL" in capsys.readouterr().err
    assert "Failed: cached (train.py was killed by SIGKILL)." in render_training(result)
    assert "Failed" not in render_training(result | {"failed": {}})


def test_a_process_that_fails_is_told_by_its_last_line(tmp_path, monkeypatch):
    script = tmp_path / "train.py"
    script.write_text("import sys\nprint('starting')\nsys.exit('train.py: error: --temperature is 0.0')\n")
    monkeypatch.setattr(training_throughput, "TRAIN", script)
    with pytest.raises(ValueError, match=r"^train\.py: error: --temperature is 0\.0$"):
        training_throughput.run([])


def test_a_process_without_last_words_names_its_signal(tmp_path, monkeypatch):
    """As the kernel ends one for which memory does not suffice."""
    script = tmp_path / "train.py"
    script.write_text("import os, signal\nprint('so far so good', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setattr(training_throughput, "TRAIN", script)
    with pytest.raises(ValueError, match=r"^train\.py was killed by SIGKILL$"):
        training_throughput.run([])


@pytest.mark.parametrize("sizes", [(64, 400), (32, 400), (8, 3000), (4, 3000), (3, 100)])
def test_cached_arms_cache(sizes):
    """A chunk as large as the batch once passed for caching: a side then goes through the model in one piece."""
    batch_size, max_length = sizes
    options = training_throughput.arms(*sizes)
    cached, larger, tokens = (
        dict(zip(options[name][::2], options[name][1::2], strict=True))
        for name in ("cached", "cached, 4 x batch", "tokens")
    )
    assert 2 <= int(cached["--cached_chunk_size"]) < int(cached["--per_device_train_batch_size"]) == batch_size
    assert larger == cached | {"--per_device_train_batch_size": str(4 * batch_size)}
    assert 0 < int(tokens["--chunk_tokens"]) <= batch_size * max_length / 2


def test_a_batch_too_small_to_cache_is_refused(command, tmp_path, capsys):
    end = command.index("--")
    changed = ["--output", str(tmp_path), *command[:end], "--batch_size", "2", *command[end:]]
    assert training_throughput.main(changed) == 2
    assert "--batch_size is 2; it must be 3 or more" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_command_of_the_docstring_parses(tmp_path):
    (command,) = re.findall(
        r"^    python benchmarks/speed/training_throughput\.py ((?:.*\\\n)*.*)", training_throughput.__doc__, re.M
    )
    training = training_throughput.parse(shlex.split(command.replace("\\\n", " "))).training
    parser = HfArgumentParser(ContrastiveArguments, allow_abbrev=False)
    (args,) = parser.parse_args_into_dataclasses([*training, "--use_cpu", "--output_dir", str(tmp_path)])
    assert (ROOT / args.config_name).exists()


def test_the_base_size_is_dnabert_2s():
    config = DnacseConfig.from_json_file(ROOT / "trainer" / "configs" / "base.json")
    assert config.to_diff_dict() == DnacseConfig().to_diff_dict()
    shape = config.hidden_size, config.num_hidden_layers, config.num_attention_heads, config.intermediate_size
    assert shape == (768, 12, 12, 3072)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("notes", "notes.json exists and is not a measurement of training; give another name"),
        ("a/b", "--name is a/b, but becomes the name of a file"),
        ("a\x1b[31m", "the name 'a\\x1b[31m' holds a control character"),
    ],
)
def test_names_are_checked_before_anything_is_measured(name, words, command, tmp_path, capsys):
    """A stranger's file was replaced, and tables.py refused the folder for a control character."""
    (tmp_path / "notes.json").write_text("mine")
    assert training_throughput.main(["--output", str(tmp_path), "--name", name, *command[2:]]) == 2
    assert words in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
