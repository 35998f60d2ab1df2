"""Training as a user starts it: a command, a FASTA, a folder that is a complete Hub repository; killed and resumed."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from trainer.resume import checkpoint_to_resume, is_complete

ROOT = Path(__file__).parents[1]
TRAIN = ROOT / "trainer" / "train.py"


@pytest.fixture(scope="module")
def options(fasta, tiny_folder):
    return [
        *("--train_file", str(fasta), "--config_name", str(tiny_folder), "--tokenizer_name", str(tiny_folder)),
        *(
            "--curriculum",
            "weighted_simclr:1 mi_mix:2",
            "--per_device_train_batch_size",
            "4",
            "--learning_rate",
            "1e-3",
        ),
        *("--head_learning_rate_multiplier", "1", "--logging_steps", "1", "--save_steps", "2", "--eval_steps", "2"),
        *("--save_total_limit", "20", "--use_cpu"),
    ]


def start(options, output, folder):
    command = [sys.executable, str(TRAIN), *options, "--output_dir", str(output)]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(options, output, folder):
    process = start(options, output, folder)
    text, _ = process.communicate(timeout=300)
    return process.returncode, text


@pytest.fixture(scope="module")
def trained(options, tmp_path_factory):
    folder = tmp_path_factory.mktemp("train")
    code, text = run(options, folder / "whole", folder)
    assert code == 0, text
    return folder / "whole"


def last_state(folder):
    newest = max(folder.glob("checkpoint-*"), key=lambda path: int(path.name.partition("-")[2]))
    return newest, json.loads((newest / "trainer_state.json").read_text())


def test_the_output_is_a_complete_repository(trained):
    names = {str(path.relative_to(trained)) for path in trained.rglob("*") if "checkpoint-" not in str(path)}
    assert names >= {
        *("config.json", "model.safetensors", "configuration_dnacse.py", "modeling_dnacse.py", "tokenizer.json"),
        *(
            "tokenizer_config.json",
            "README.md",
            "training.json",
            "training_log.json",
            "modules.json",
            "1_Pooling/config.json",
        ),
    }
    assert not [name for name in names if name.endswith((".bin", ".pt")) or name.startswith(".")]
    weights = load_file(trained / "model.safetensors")
    assert not [key for key in weights if "projection" in key]
    assert set(json.loads((trained / "config.json").read_text())["auto_map"]) == {
        *("AutoConfig", "AutoModel", "AutoModelForMaskedLM", "AutoModelForSequenceClassification")
    }


def test_every_step_is_logged_with_its_phase(trained):
    _, state = last_state(trained)
    steps = [entry for entry in state["log_history"] if "loss" in entry]
    curriculum_steps = json.loads((trained / "training.json").read_text())["steps"]
    assert [entry["step"] for entry in steps] == list(range(1, curriculum_steps + 1))
    assert [entry["phase"] for entry in steps] == [1] * (curriculum_steps // 3) + [2] * (curriculum_steps * 2 // 3)
    for key in ("positive_similarity", "negative_similarity", "recall_at_1", "pairs_per_second"):
        assert all(key in entry for entry in steps)


def test_the_released_weights_are_the_best_checkpoint_of_the_last_phase(trained):
    """Over all phases the best could be one that MI-Mix has not touched: half of the curriculum lost silently."""
    _, state = last_state(trained)
    evaluations = [entry for entry in state["log_history"] if "eval_recall_at_1" in entry and entry["step"] > 5]
    scores = {entry["step"]: entry["eval_recall_at_1"] for entry in evaluations}
    best = max(scores, key=lambda step: (scores[step], step))
    assert state["best_global_step"] == best
    released = load_file(trained / "model.safetensors")
    checkpoint = load_file(trained / f"checkpoint-{best}" / "model.safetensors")
    assert all(torch.equal(value, checkpoint[f"bert.{key}"]) for key, value in released.items())
    assert any("projection" in key for key in checkpoint)


def test_training_moves_the_encoder_and_the_head_at_their_own_rates(trained, options, tmp_path):
    state = torch.load(last_state(trained)[0] / "optimizer.pt", weights_only=True)
    assert {group["lr"] for group in state["param_groups"]} == {1e-3}
    defaults = [option for option in options if option != "--head_learning_rate_multiplier"]
    defaults.remove("1")
    code, text = run([*defaults, "--curriculum", "mi_mix:0.3"], tmp_path / "out", tmp_path)
    assert code == 0, text
    state = torch.load(last_state(tmp_path / "out")[0] / "optimizer.pt", weights_only=True)
    assert {round(group["lr"], 6) for group in state["param_groups"]} == {1e-3, 0.1}


@pytest.mark.parametrize("kill_after", [4, 8])
def test_killed_and_resumed_equals_uninterrupted(trained, options, tmp_path, kill_after):
    """Phase I has 5 steps: one kill lands before the switch, one after it, both in the middle of an epoch."""
    process = start(options, tmp_path / "out", tmp_path)
    done = tmp_path / "out" / f"checkpoint-{kill_after}" / "trainer_state.json"
    deadline = time.monotonic() + 200
    while not is_complete(done) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert is_complete(done) and not (tmp_path / "out" / "config.json").exists()
    code, text = run([*options, "--resume_from_checkpoint", "last"], tmp_path / "out", tmp_path)
    assert code == 0, text
    assert_same_weights(trained / "model.safetensors", tmp_path / "out" / "model.safetensors")
    assert_same_weights(
        last_state(trained)[0] / "model.safetensors", last_state(tmp_path / "out")[0] / "model.safetensors"
    )


def assert_same_weights(first, second):
    first, second = load_file(first), load_file(second)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_checkpoint_cut_short_is_not_resumed_from(tmp_path):
    """Killed while it wrote a checkpoint: its trainer_state.json, the last file, is missing or half there."""
    for step, state in ((9, '{"global_step": 9}'), (10, '{"global_st'), (11, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert checkpoint_to_resume(tmp_path, "last") == str(tmp_path / "checkpoint-9")
    with pytest.raises(ValueError, match="missing or cut short"):
        checkpoint_to_resume(tmp_path, str(tmp_path / "checkpoint-10"))
    (tmp_path / "checkpoint-9" / "trainer_state.json").unlink()
    with pytest.raises(ValueError, match="holds no checkpoint"):
        checkpoint_to_resume(tmp_path, "last")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--curriculum", "simclr:1"], '"simclr" is no objective'),
        (["--train_file", "missing.fasta"], "missing.fasta"),
        (["--max_steps", "5"], "the curriculum sets the number of steps"),
        (["--per_device_train_batch_size", "1000"], "fewer pairs than one batch of 1000; lower"),
        (["--model_name_or_path", "x"], "give either --model_name_or_path"),
        (["--validation_split", "val"], "split"),
        (["--config_name", "broken.json"], "cannot be loaded as a configuration"),
        (["--train_file", "splits.tsv"], "have the splits test, train: say which to train on with --train_split"),
        (["--train_file", "unlabelled.fasta"], "no species of the training data has two records"),
    ],
)
def test_a_mistake_is_one_sentence(options, tmp_path, change, words):
    (tmp_path / "broken.json").write_text('{"model_type": "dnacse", "pooling": "max"}')
    (tmp_path / "splits.tsv").write_text("id\tsequence\tspecies\tsplit\na\tACGT\tA b\ttrain\nb\tACGT\tA b\ttest\n")
    (tmp_path / "unlabelled.fasta").write_text("".join(f">r{i}\nACGTACGTAC\n" for i in range(100)))
    code, text = run([*options, "--validation_fraction", "0", *change], tmp_path / "out", tmp_path)
    assert code == 2
    assert words in text.strip().splitlines()[-1] and "Traceback" not in text
    assert not list((tmp_path / "out").glob("checkpoint-*"))


def test_an_earlier_run_is_not_overwritten(trained, options):
    code, text = run(options, trained, trained.parent)
    assert code == 2 and "holds an earlier run: go on with --resume_from_checkpoint last" in text


def test_a_trained_folder_can_be_trained_further(trained, options, tmp_path):
    further = ["--model_name_or_path", str(trained), *options[:2], *options[6:], "--curriculum", "info_nce:0.5"]
    code, text = run(further, tmp_path / "out", tmp_path)
    assert code == 0, text
    assert json.loads((tmp_path / "out" / "training.json").read_text())["base_model"] == trained.name
