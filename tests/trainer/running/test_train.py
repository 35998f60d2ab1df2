"""Training as a user starts it: a command, a FASTA, a folder that is a complete Hub repository; killed and resumed."""

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from trainer import train
from trainer.running.checkpointing import DRAFTS
from trainer.running.contrastive_trainer import ContrastiveTrainer
from trainer.running.resume import MAY_CHANGE, RUN, check_same_run, checkpoint_to_resume, is_complete

ROOT = Path(__file__).parents[3]
TRAIN = ROOT / "trainer" / "train.py"


@pytest.fixture(scope="module")
def options(fasta, tiny_folder):
    return [
        *("--train_file", str(fasta), "--config_name", str(tiny_folder), "--tokenizer_name", str(tiny_folder)),
        *(
            "--curriculum",
            "mlm:0.2 weighted_simclr:0.8 mi_mix:2",
            "--per_device_train_batch_size",
            "4",
            "--learning_rate",
            "1e-3",
        ),
        *("--head_learning_rate_multiplier", "1", "--logging_steps", "1", "--save_steps", "2", "--eval_steps", "2"),
        *("--save_total_limit", "20", "--use_cpu"),
    ]


def start(options, output, folder, launcher=(), **popen):
    command = [sys.executable, *launcher, str(TRAIN), *options, "--output_dir", str(output)]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a process group of its own, as a scheduler starts it
        **popen,
    )


def run(options, output, folder, launcher=(), **popen):
    process = start(options, output, folder, launcher, **popen)
    text, _ = process.communicate(timeout=300)
    return process.returncode, text


def run_here(options, output):
    """In this process, which saves the seconds that a start takes."""
    train.main([*options, "--output_dir", str(output)])


def mistake_here(options, output, capsys):
    """The last line of what a run that has to be refused says."""
    with pytest.raises(SystemExit) as ended:
        run_here(options, output)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and "Traceback" not in said
    return said.strip().splitlines()[-1]


def wait_for(condition, process):
    deadline = time.monotonic() + 200
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    assert condition()


@pytest.fixture(scope="module")
def trained(options, tmp_path_factory):
    folder = tmp_path_factory.mktemp("train")
    code, text = run(options, folder / "whole", folder)
    assert code == 0, text
    assert "missing keys" not in text, text  # the decoder is tied to the token embeddings, so it has no key
    return folder / "whole"


def last_state(folder):
    newest = max(folder.glob("checkpoint-*"), key=lambda path: int(path.name.partition("-")[2]))
    return newest, json.loads((newest / "trainer_state.json").read_text())


@pytest.mark.slow
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
    assert not [key for key in weights if "projection" in key or "cls" in key]
    card = (trained / "README.md").read_text()
    assert "pooling `mean`" in card and " seconds on 1 process of " in card
    assert set(json.loads((trained / "config.json").read_text())["auto_map"]) == {
        *("AutoConfig", "AutoModel", "AutoModelForMaskedLM", "AutoModelForSequenceClassification")
    }


def test_every_step_is_logged_with_its_phase(trained):
    _, state = last_state(trained)
    steps = [entry for entry in state["log_history"] if "loss" in entry]
    record = json.loads((trained / "training.json").read_text())
    assert record["steps"] == 15
    assert record["seconds"] == pytest.approx(sum(entry["seconds"] for entry in steps), abs=0.1)
    assert [entry["step"] for entry in steps] == list(range(1, 16))
    assert [entry["phase"] for entry in steps] == [1] + [2] * 4 + [3] * 10
    assert ["mixed" in entry for entry in steps] == [False] * 5 + [True] * 10
    assert 0 < sum(entry.get("mixed", 0) for entry in steps) < 10  # of four rows one may be mixed with itself
    assert 0 <= steps[0]["mlm_accuracy"] < 1
    for key in ("positive_similarity", "negative_similarity", "recall_at_1"):
        assert all(key in entry for entry in steps[1:])
    for entry in steps:
        assert 0 <= entry["padding"] < 0.5
        tokens_a_sequence = entry["tokens_per_second"] / entry["pairs_per_second"] / 2
        assert 15 < tokens_a_sequence < 60  # of 90 to 120 bp
        assert entry["input_pairs_per_second"] > entry["pairs_per_second"]


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
    assert {key.partition(".")[0] for key in checkpoint} == {"bert", "projection", "cls"}


def test_training_moves_the_encoder_and_the_head_at_their_own_rates(trained, options, tmp_path):
    state = torch.load(last_state(trained)[0] / "optimizer.pt", weights_only=True)
    assert {group["lr"] for group in state["param_groups"]} == {1e-3}
    defaults = [option for option in options if option != "--head_learning_rate_multiplier"]
    defaults.remove("1")
    run_here([*defaults, "--curriculum", "mi_mix:0.3"], tmp_path / "out")
    state = torch.load(last_state(tmp_path / "out")[0] / "optimizer.pt", weights_only=True)
    assert {round(group["lr"], 6) for group in state["param_groups"]} == {1e-3, 0.1}


KILLED_WHILE_SAVING = """
import os, runpy, signal, sys
from transformers import Trainer

def die(self, folder):
    if folder.endswith("checkpoint-8"):  # weights and optimizer are written, the rest is not
        os.kill(os.getpid(), signal.SIGKILL)
    save(self, folder)

save, Trainer._save_rng_state = Trainer._save_rng_state, die
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["after checkpoint-4", "while it writes checkpoint-8"])
def test_killed_and_resumed_equals_uninterrupted(trained, options, tmp_path, moment):
    """MI-Mix starts at step 6: one kill lands before the switch, one after it, both in the middle of an epoch."""
    out = tmp_path / "out"
    if moment == "after checkpoint-4":
        process = start(options, out, tmp_path)
        wait_for(lambda: (out / "checkpoint-4").exists(), process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    else:
        code, text = run(options, out, tmp_path, ("-c", KILLED_WHILE_SAVING))
        assert code == -signal.SIGKILL, text
        assert (out / DRAFTS / "checkpoint-8" / "optimizer.pt").exists() and not (out / "checkpoint-8").exists()
    assert not (out / "config.json").exists()
    assert all(is_complete(folder / "trainer_state.json") for folder in out.glob("checkpoint-*"))
    run_here([*options, "--resume_from_checkpoint", "last"], out)
    assert_same_weights(trained / "model.safetensors", out / "model.safetensors")
    assert_same_weights(last_state(trained)[0] / "model.safetensors", last_state(out)[0] / "model.safetensors")
    assert not (out / DRAFTS).exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_terminated_at_any_moment_and_resumed_equals_uninterrupted(trained, options, tmp_path, number):
    """The signal goes to the whole process group, workers of the data loader included, as Slurm sends it."""
    out = tmp_path / "out"
    process = start([*options, "--dataloader_num_workers", "1"], out, tmp_path)
    wait_for(lambda: (out / "checkpoint-2").exists(), process)
    time.sleep(random.SystemRandom().uniform(0, 0.3))
    os.killpg(process.pid, number)
    text, _ = process.communicate(timeout=100)
    assert process.returncode == 128 + number, text
    folder, state = last_state(out)
    assert f"stopped by {number.name} at step {state['global_step']} of 15 with a checkpoint" in text
    assert folder.name == f"checkpoint-{state['global_step']}" and not (out / "config.json").exists()
    run_here([*options, "--resume_from_checkpoint", "last"], out)
    assert_same_weights(last_state(trained)[0] / "model.safetensors", last_state(out)[0] / "model.safetensors")


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_leaves_no_checkpoint(options, tmp_path):
    """A file may grow to 500 kB here: the model fits and the optimizer's state does not."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    out, short = tmp_path / "out", [*options, "--curriculum", "info_nce:3steps", "--validation_fraction", "0"]
    code, text = run(short, out, tmp_path, preexec_fn=limit)
    assert code == 2, text
    assert "checkpoint-2 could not be written (" in text and "make room, then go on with" in text
    assert "Traceback" not in text
    assert not out.exists()
    run_here(short, out)
    assert not (out / DRAFTS).exists() and (out / "config.json").exists()


EVERYTHING = [
    *("--curriculum", "mlm:2steps noise_contrastive:2steps weighted_simclr:1steps mi_mix:2steps info_nce:1steps"),
    *(
        "--mlm_span",
        "window",
        "--mlm_weight",
        "0.1",
        "--genus_weight",
        "0.1",
        "--pooling",
        "cls_tanh",
        "--mixing_layers",
        "0",
        "--bf16",
        "true",
    ),
    *("--crop", "40", "90", "--strand", "random", "--substitution_rate", "0.02", "--singletons", "drop"),
    *("--chunk_tokens", "100", "--gradient_accumulation_steps", "2"),
    *("--gradient_checkpointing", "true"),
]


@pytest.mark.slow
def test_every_objective_and_option_in_one_run(options, fasta, tmp_path):
    genera = tmp_path / "genera.fasta"  # species e to h are of a genus of their own
    genera.write_text(re.sub(r"species=Genus ([e-h])", r"species=Other \1", fasta.read_text()))
    run_here([*options, *EVERYTHING, "--train_file", str(genera)], tmp_path / "out")
    log = json.loads((tmp_path / "out" / "training_log.json").read_text())
    steps = [entry for entry in log if "loss" in entry]
    assert [entry["phase"] for entry in steps] == [1, 1, 2, 2, 3, 4, 4, 5]
    assert all(entry["loss"] > 0 and entry["tokens_per_second"] > 0 and 0 <= entry["padding"] < 0.5 for entry in steps)
    assert ["mlm_accuracy" in entry for entry in steps] == [True] * 4 + [False] * 4
    assert ["genus_accuracy" in entry for entry in steps] == [False] * 2 + [True] * 6
    assert ["recall_at_1" in entry for entry in steps] == [False] * 2 + [True] * 6
    released = load_file(tmp_path / "out" / "model.safetensors")
    assert "pooler.dense.weight" in released
    assert not [name for name in released if name.startswith(("cls.", "projection.", "genera.", "bert."))]
    checkpoint = load_file(last_state(tmp_path / "out")[0] / "model.safetensors")
    assert {name.partition(".")[0] for name in checkpoint} == {"bert", "cls", "projection", "genera"}


def test_a_cross_entropy_over_genera_needs_two(options, tmp_path, capsys):
    said = mistake_here([*options, "--genus_weight", "0.1"], tmp_path / "out", capsys)
    assert "--genus_weight: the training data name 1 genera and need two or more" in said


TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")


@pytest.fixture(scope="module")
def distributed_options(options, tiny_folder, tmp_path_factory):
    """Without what random numbers of their own would set apart: dropout, encoder noise; SGD, to compare gradients."""
    config = json.loads((tiny_folder / "config.json").read_text()) | {"hidden_dropout_prob": 0.0}
    path = tmp_path_factory.mktemp("config") / "config.json"
    path.write_text(json.dumps(config))
    return [
        *(*options, "--config_name", str(path), "--optim", "sgd", "--learning_rate", "1e-3"),
        *("--curriculum", "weighted_simclr:3steps noise_contrastive:2steps mi_mix:4steps", "--max_grad_norm", "0"),
        *("--noise_additive", "0", "--noise_multiplicative", "0", "--noise_substitution", "0"),
        *("--per_device_train_batch_size", "2", "--cached_chunk_size", "2", "--per_device_eval_batch_size", "3"),
    ]


@pytest.mark.slow
def test_two_processes_train_as_one_though_they_stop_and_resume(distributed_options, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    run_here([*distributed_options, "--per_device_train_batch_size", "4"], one)
    on_two = [*distributed_options, "--ddp_backend", "gloo"]
    process = start(on_two, two, tmp_path, TWO)
    wait_for(lambda: (two / "checkpoint-2").exists(), process)
    found = subprocess.run(["ps", "--ppid", str(process.pid), "-o", "pid="], capture_output=True, text=True)
    os.kill(int(found.stdout.split()[-1]), signal.SIGTERM)  # one of the two: the other has to be told
    text, _ = process.communicate(timeout=100)
    step = last_state(two)[1]["global_step"]
    assert f"stopped by SIGTERM at step {step} of 9" in text and not (two / "config.json").exists()
    code, text = run([*on_two, "--resume_from_checkpoint", "last"], two, tmp_path, TWO)
    assert code == 0, text
    assert text.count("released") == 1  # one process tells, one writes

    logs = [json.loads((folder / "training_log.json").read_text()) for folder in (one, two)]
    for kind in ("loss", "eval_loss"):
        first, second = ({entry["step"]: entry for entry in log if kind in entry} for log in logs)
        assert first.keys() == second.keys()
        for step in first:
            for key in {kind, "positive_similarity", "recall_at_1", "eval_recall_at_1"} & first[step].keys():
                assert first[step][key] == pytest.approx(second[step][key], rel=1e-3), (first[step], second[step])
    first, second = (load_file(folder / "model.safetensors") for folder in (one, two))
    assert all(torch.allclose(first[name], second[name], atol=1e-5) for name in first)


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
        (["--adam_beta1", "2"], "--optim adamw_torch_fused refuses its options (Invalid beta parameter"),
        (["--curriculum", "simclr:1"], '"simclr" is not an objective'),
        (["--train_file", "missing.fasta"], "missing.fasta"),
        (["--max_steps", "5"], "the curriculum sets the number of steps"),
        (["--per_device_train_batch_size", "1000"], "fewer pairs than one batch of 1000; lower"),
        (["--mixing_layers", "1 3"], "--mixing_layers 1 3: the model has the layers 0 to 2"),
        (["--cached_chunk_size", "1"], "mi_mix mixes sequences that pass the model together, and here each is alone"),
        (["--model_name_or_path", "x"], "give either --model_name_or_path"),
        (["--validation_split", "val"], "split"),
        (["--config_name", "broken.json"], "broken.json: pooling is 'max'; it must be mean or"),
        (
            ["--train_file", "splits.tsv"],
            "the training data have the splits test, train: say which to take with --train_split",
        ),
        (
            ["--validation_file", "splits.tsv"],
            "the validation data have the splits test, train: say which to take with --validation_split",
        ),
        (
            ["--train_file", "splits.tsv", "--train_split", "train", "--validation_split", "train"],
            "--train_split and --validation_split are both train, which validates on the records trained on",
        ),
        (
            ["--train_file", "splits.tsv", "--train_split", "train", "--validation_split", "train"]
            + ["--validation_file", "splits.tsv"],
            "splits.tsv is among --train_file and --validation_file, which validates on the records trained on",
        ),
        (["--train_file", "unlabelled.fasta"], "no species of the training data has two records"),
    ],
)
def test_a_mistake_is_one_sentence(options, tmp_path, monkeypatch, capsys, change, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.json").write_text('{"model_type": "dnacse", "pooling": "max"}')
    (tmp_path / "splits.tsv").write_text("id\tsequence\tspecies\tsplit\na\tACGT\tA b\ttrain\nb\tACGT\tA b\ttest\n")
    (tmp_path / "unlabelled.fasta").write_text("".join(f">r{i}\nACGTACGTAC\n" for i in range(100)))
    assert words in mistake_here([*options, "--validation_fraction", "0", *change], tmp_path / "out", capsys)
    assert not list((tmp_path / "out").glob("checkpoint-*"))


def test_an_earlier_run_is_not_overwritten(trained, options, capsys):
    said = mistake_here(options, trained, capsys)
    assert "holds an earlier run: go on with --resume_from_checkpoint last" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--per_device_train_batch_size", "8"], "--per_device_train_batch_size 4, not 8; pairs an epoch 20, not 16"),
        (["--curriculum", "mi_mix:3"], "--curriculum mlm:0.2 weighted_simclr:0.8 mi_mix:2, not mi_mix:3: go on"),
        (["--learning_rate", "2e-3"], "--learning_rate 0.001, not 0.002: go on with the same, or start a new run"),
        (["--train_file", "other.fasta"], "data fingerprint "),
        (["--train_file", "mutated.fasta"], "data fingerprint "),
        (["--adam_beta2", "0.5"], "--adam_beta2 0.999, not 0.5"),
        (["--neftune_noise_alpha", "5"], "--neftune_noise_alpha None, not 5.0"),
        (["--accelerator_config", '{"dispatch_batches": true}'], "--accelerator_config {"),
        (["--config_name", "other.json"], "hidden_dropout_prob of the model 0.1, not 0.5: go on with the same"),
        (["--tokenizer_name", "turned"], "vocabulary of the model "),
    ],
)
def test_another_run_does_not_go_on_from_a_checkpoint(
    trained, options, fasta, tiny_folder, tmp_path, monkeypatch, capsys, change, words
):
    """Trainer would silently skip the wrong batches, keep the old learning rate, or begin another phase."""
    monkeypatch.chdir(tmp_path)
    config = json.loads((tiny_folder / "config.json").read_text())
    Path("other.json").write_text(json.dumps(config | {"hidden_dropout_prob": 0.5}))
    tokens = json.loads(Path(shutil.copytree(tiny_folder, "turned"), "tokenizer.json").read_text())
    numbers = tokens["model"]["vocab"]
    numbers["A"], numbers["C"] = numbers["C"], numbers["A"]
    Path("turned", "tokenizer.json").write_text(json.dumps(tokens))
    lines = fasta.read_text().splitlines(keepends=True)
    Path("other.fasta").write_text("".join([*lines[50:], *lines[:50]]))  # the same records in another order
    turned = str.maketrans("ACGT", "CAGT")  # and of other bases, which are as many
    Path("mutated.fasta").write_text("".join(x if x[0] == ">" else x.translate(turned) for x in lines))
    assert words in mistake_here([*options, "--resume_from_checkpoint", "last", *change], trained, capsys)


def test_the_number_of_processes_is_fixed_and_the_size_of_chunks_is_not(trained):
    facts = json.loads((trained / "checkpoint-4" / RUN).read_text())
    assert facts["processes"] == 1 and not {f"--{name}" for name in MAY_CHANGE} & facts.keys()
    check_same_run(trained / "checkpoint-4", facts)
    with pytest.raises(ValueError, match="is of a run with processes 1, not 2: go on with the same"):
        check_same_run(trained / "checkpoint-4", facts | {"processes": 2})


@pytest.mark.slow
def test_a_run_that_ended_before_its_release_is_released_as_it_is(options, tmp_path):
    """A SIGTERM in the last step leaves such a run: Trainer would make one more step, in the middle of an epoch."""
    out, short = tmp_path / "out", [*options, "--curriculum", "info_nce:3steps", "--validation_fraction", "0"]
    run_here(short, out)
    released = (out / "model.safetensors").rename(tmp_path / "released.safetensors")
    (out / "config.json").unlink()
    run_here([*short, "--resume_from_checkpoint", "last"], out)
    assert_same_weights(released, out / "model.safetensors")
    assert json.loads((out / "training.json").read_text())["steps"] == 3
    assert not (out / "checkpoint-4").exists()


def test_only_a_saved_step_is_the_best(options, tmp_path, monkeypatch):
    """Step 1, validated but not saved, once kept step 2 from being the best, and the last step was released."""
    scores = iter([0.9, 0.8, 0.7, 0.8])
    monkeypatch.setattr(
        "trainer.running.contrastive_trainer.validation_scores", lambda *_: {"loss": 1.0, "recall_at_1": next(scores)}
    )
    run_here([*options, "--curriculum", "info_nce:3steps", "--eval_steps", "1"], tmp_path / "out")
    assert last_state(tmp_path / "out")[1]["best_global_step"] == 2
    assert json.loads((tmp_path / "out" / "training.json").read_text())["released_step"] == 2
    released = load_file(tmp_path / "out" / "model.safetensors")
    checkpoint = load_file(tmp_path / "out" / "checkpoint-2" / "model.safetensors")
    assert all(torch.equal(value, checkpoint[f"bert.{name}"]) for name, value in released.items())


def test_a_run_without_its_best_checkpoint_is_refused(options, tmp_path, monkeypatch, capsys):
    """It ended with the last step, or with damaged weights, silently; the uninterrupted run released the best step."""
    scores = iter([0.9, 0.1, 0.9])
    monkeypatch.setattr(
        "trainer.running.contrastive_trainer.validation_scores", lambda *_: {"loss": 1.0, "recall_at_1": next(scores)}
    )
    short = [*options, "--curriculum", "info_nce:4steps"]
    run_here(short, tmp_path / "out")
    (tmp_path / "out" / "config.json").unlink()
    best = tmp_path / "out" / "checkpoint-2"
    again = [*short, "--resume_from_checkpoint", "last"]
    shutil.copy(tmp_path / "out" / "checkpoint-4" / "model.safetensors", best)
    said = mistake_here(again, tmp_path / "out", capsys)
    assert f"{best / 'model.safetensors'} is not what was written, so it is damaged" in said
    (best / "model.safetensors").unlink()
    assert f"{best / 'model.safetensors'} is missing" in mistake_here(again, tmp_path / "out", capsys)
    shutil.rmtree(best)
    said = mistake_here(again, tmp_path / "out", capsys)
    assert f"{best} is missing. It is the best checkpoint so far" in said


def test_a_best_checkpoint_that_was_damaged_meanwhile_is_not_released(options, tmp_path, monkeypatch, capsys):
    """The last weights were released under the step of the best ones."""
    weights = tmp_path / "out" / "checkpoint-2" / "model.safetensors"
    scores = iter([0.9, 0.1])

    def score(*_):
        weights.unlink(missing_ok=True)  # it is there at the second call
        return {"loss": 1.0, "recall_at_1": next(scores)}

    monkeypatch.setattr("trainer.running.contrastive_trainer.validation_scores", score)
    said = mistake_here([*options, "--curriculum", "info_nce:4steps"], tmp_path / "out", capsys)
    assert f"{weights} is missing" in said and not (tmp_path / "out" / "config.json").exists()


@pytest.mark.slow
def test_a_run_whose_folder_was_moved_goes_on_and_releases_its_best(options, tmp_path, monkeypatch):
    """Step 2 was the best: its path of before would be gone, and the last step released."""
    scores = iter([0.9, 0.1, 0.9])
    monkeypatch.setattr(
        "trainer.running.contrastive_trainer.validation_scores", lambda *_: {"loss": 1.0, "recall_at_1": next(scores)}
    )
    short = [*options, "--curriculum", "info_nce:4steps"]
    run_here(short, tmp_path / "out")
    moved = (tmp_path / "out").rename(tmp_path / "moved")
    (moved / "config.json").unlink()
    released = (moved / "model.safetensors").rename(tmp_path / "released.safetensors")
    scores = iter([0.9])
    run_here([*short, "--resume_from_checkpoint", "last"], moved)
    assert json.loads((moved / "training.json").read_text())["released_step"] == 2
    assert_same_weights(released, moved / "model.safetensors")
    assert str(tmp_path) not in last_state(moved)[0].joinpath("trainer_state.json").read_text()


@pytest.mark.parametrize(
    ("loads_best", "best", "step"), [(True, "out/checkpoint-4", 4), (False, "out/checkpoint-4", 9), (True, None, 9)]
)
def test_the_record_names_the_step_that_is_released(loads_best, best, step):
    run = SimpleNamespace(
        args=SimpleNamespace(load_best_model_at_end=loads_best),
        state=SimpleNamespace(best_model_checkpoint=best, best_global_step=4, global_step=9),
    )
    assert ContrastiveTrainer.step_to_release.fget(run) == step


def test_a_trained_folder_can_be_trained_further(trained, options, tmp_path):
    further = ["--model_name_or_path", str(trained), *options[:2], *options[6:], "--curriculum", "info_nce:0.5"]
    run_here(further, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "training.json").read_text())["base_model"] == trained.name


def test_a_model_without_layers_trains_but_has_nothing_to_mix(options, tiny_folder, tmp_path, capsys):
    """The control that tells what layers add."""
    config = json.loads((tiny_folder / "config.json").read_text()) | {"num_hidden_layers": 0}
    (tmp_path / "config.json").write_text(json.dumps(config))
    without = [*options, "--config_name", str(tmp_path / "config.json"), "--save_strategy", "no"]
    without += ["--load_best_model_at_end", "false", "--eval_strategy", "no"]
    with pytest.raises(SystemExit):
        train.main([*without, "--output_dir", str(tmp_path / "mixed")])
    assert "mi_mix mixes the input of a layer, and this model has none: take it out" in capsys.readouterr().err
    train.main([*without, "--curriculum", "weighted_simclr:2steps", "--output_dir", str(tmp_path / "out")])
    log = json.loads((tmp_path / "out" / "training_log.json").read_text())
    assert all(0 < entry["grad_norm"] < 100 for entry in log if "grad_norm" in entry) and len(log) >= 2
