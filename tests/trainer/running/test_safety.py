"""What train.py refuses so that nothing is lost: separate processes, a second run, numbers that are not finite."""

import errno
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from modeling_dnacse import DnacseModel
from modeling_dnacse.loading.checkpoints import load_checkpoint, load_config, load_tokenizer
from modeling_dnacse.loading.repository import write_repository
from modeling_dnacse.machine.locks import Lock
from trainer.objective.objectives import Objectives
from trainer.running.contrastive_trainer import ContrastiveTrainer
from trainer.train import check_processes, main


@pytest.fixture
def refused(fasta, tiny_folder, tmp_path, capsys):
    """Train two steps, which is refused; give what is said."""

    def run(*options):
        training = [
            *("--train_file", str(fasta), "--model_name_or_path", str(tiny_folder), "--validation_fraction", "0"),
            *(
                "--curriculum",
                "weighted_simclr:2steps",
                "--per_device_train_batch_size",
                "4",
                "--disable_tqdm",
                "true",
            ),
            *("--report_to", "none", "--use_cpu", "--output_dir", str(tmp_path / "out")),
        ]
        with pytest.raises(SystemExit) as stopped:
            main([*training, *options])
        assert stopped.value.code == 2
        return capsys.readouterr().err.splitlines()[-1]

    return run


def test_an_unknown_activation_and_misspelt_keys_are_told(refused, tiny_folder, tmp_path, monkeypatch, caplog):
    """The first was a traceback; the second changed nothing, without a word."""
    path = Path(shutil.copytree(tiny_folder, tmp_path / "copy"), "config.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"hidden_act": "nonsense", "num_hiden_layers": 1}))
    given = ("--model_name_or_path", str(path.parent))
    assert f"{path}: hidden_act is 'nonsense'; it must be one of " in refused(*given, "--curriculum", "mlm:2steps")
    monkeypatch.setattr("trainer.train.ContrastiveTrainer.train", fail_to_release)
    assert "enough" in refused(*given)
    assert f"warning: {path} holds num_hiden_layers, which change nothing here" in caplog.text


def test_two_runs_into_one_folder(refused, tmp_path):
    (tmp_path / "out").mkdir()
    with Lock(tmp_path / "out" / ".lock"):
        assert "another run is training into" in refused()
    assert list((tmp_path / "out").iterdir()) == []


def test_a_refused_run_removes_only_the_folder_that_it_made(refused, tmp_path):
    for was_there in (False, True):
        if was_there:
            (tmp_path / "out").mkdir()
        assert "nonsense" in refused("--curriculum", "nonsense:2steps")
        assert (tmp_path / "out").exists() == was_there


def test_an_output_that_is_an_input(refused, tmp_path, fasta, tiny_folder):
    model = tmp_path / "out"
    assert "is an output, but also an input" in refused("--tokenizer_name", str(model))
    assert not model.exists()
    model.mkdir()
    (model / "data.json").write_text(fasta.read_text())
    assert "might replace it" in refused("--train_file", str(model / "data.json"))


def test_a_damaged_record_of_the_model_to_start_from_is_told_before_training(refused, tmp_path, tiny_folder):
    """It was told after the training, and without the name of the file."""
    start = shutil.copytree(tiny_folder, tmp_path / "start")
    (start / "training.json").write_text("{")
    assert f"error: {start / 'training.json'}: no JSON" in refused("--model_name_or_path", str(start))
    assert not list((tmp_path / "out").glob("*"))


def test_an_output_that_holds_files_of_the_names_that_a_run_writes(refused, tmp_path, fasta):
    """A README and what lay in a folder checkpoint-1 were destroyed; through a link, an input was replaced."""
    out = tmp_path / "out"
    for name in ("README.md", "checkpoint-1", "1_Pooling"):
        out.mkdir()
        (out / name).symlink_to(fasta.parent)
        assert f"{out / name} is there already, and a run might replace it; choose another" in refused()
        shutil.rmtree(out)


def test_a_file_of_data_that_is_given_twice(refused, fasta, tmp_path):
    """Each record was a pair with itself, and nothing said so."""
    (tmp_path / "link.fasta").symlink_to(fasta)
    assert "link.fasta is given twice" in refused("--train_file", str(fasta), str(tmp_path / "link.fasta"))


@pytest.mark.slow
def test_other_bases_to_validate_on_are_no_resumed_run(refused, fasta, tmp_path):
    """A run went on, and chose its best checkpoint by scores of different data."""
    validation = tmp_path / "validation.fasta"
    validation.write_text(fasta.read_text())
    options = ("--validation_file", str(validation), "--save_steps", "1", "--eval_steps", "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainer.train.release", fail_to_release)
        assert "enough" in refused(*options)
    turned = str.maketrans("ACGT", "CAGT")
    lines = fasta.read_text().splitlines(keepends=True)
    validation.write_text("".join(x if x[0] == ">" else x.translate(turned) for x in lines))
    said = refused(*options, "--resume_from_checkpoint", "last")
    assert "is of a run with validation fingerprint " in said and "; " not in said


def test_sequences_to_validate_on_that_are_trained_on_are_told(refused, fasta, tmp_path, monkeypatch, caplog):
    """A copy of the training file gave scores of what was learnt, without a word."""
    copy = tmp_path / "copy.fasta"
    lines = fasta.read_text().splitlines(keepends=True)
    copy.write_text("".join(line.replace(">", ">other") for line in lines))
    monkeypatch.setattr("trainer.train.ContrastiveTrainer.train", fail_to_release)
    refused("--validation_file", str(copy))
    count = len(lines) // 2
    assert f"warning: {count} of {count} sequences to validate on are among those trained on" in caplog.text


def fail_to_release(*_args, **_options):
    raise ValueError("enough")


def test_compiling_is_announced(refused, monkeypatch, caplog):
    """For more than a minute nothing was said."""
    monkeypatch.setattr("trainer.train.ContrastiveTrainer.train", fail_to_release)
    refused("--torch_compile", "true")
    assert "the first step compiles the model, which takes minutes" in caplog.text


def test_a_full_disk_of_temporary_files_is_named(refused, monkeypatch):
    def fail(*_args):
        raise OSError(errno.ENOSPC, "Error writing bytes to file")

    monkeypatch.setattr("trainer.records.records.pa.ipc.new_stream", fail)
    assert "records.arrow cannot be written (No space left on device); make room, or" in refused()


def test_data_of_nothing_but_n_or_that_change_meanwhile(refused, tmp_path, monkeypatch):
    """The first were trained on; of the second, the record of the run had the digest of data that were not read."""
    data = tmp_path / "data.fasta"
    data.write_text(">a species=Aus bus\nNNNN\n>b species=Aus bus\nACGT\n")
    assert "data.fasta: record 'a' holds nothing but N; remove it" in refused("--train_file", str(data))
    monkeypatch.setattr("trainer.train.training_data", lambda *_, **__: data.write_text("other"))
    assert "data.fasta changed while it was being read" in refused("--train_file", str(data))
    assert not (tmp_path / "out").exists()


def test_a_loss_that_is_not_finite_stops_and_releases_nothing(refused, tmp_path, monkeypatch):
    loss = torch.tensor(float("nan"), requires_grad=True)
    monkeypatch.setattr("trainer.objective.objectives.Objectives.contrastive_loss", lambda *_, **__: loss)
    assert "the loss of step 1 is nan, so training stops and nothing is released" in refused()
    assert not (tmp_path / "out").exists()


def test_gradients_that_are_not_finite_stop_and_release_nothing(refused, tmp_path, monkeypatch):
    """The model was released, and its training_log.json held Infinity, which is no JSON."""
    loss = Objectives.contrastive_loss
    monkeypatch.setattr(Objectives, "contrastive_loss", lambda *given, **more: 1e30 * loss(*given, **more))
    assert "the gradients of step 1 have the norm inf, so training stops and nothing is released" in refused()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("fp16", "norm", "given"), [(True, torch.inf, None), (True, 2.0, 2.0), (False, 2.0, 2.0)])
def test_a_step_that_the_scaler_skips_has_no_norm(fp16, norm, given, monkeypatch):
    """In float16 the first steps are skipped until the scale fits."""
    monkeypatch.setattr("transformers.Trainer._get_grad_norm", lambda *_: norm)
    trainer = object.__new__(ContrastiveTrainer)
    trainer.args = SimpleNamespace(fp16=fp16)
    assert trainer._get_grad_norm() == given


@pytest.mark.parametrize("value", [torch.inf, 1e20])
def test_weights_that_are_not_finite_are_no_checkpoint(value, refused, tmp_path, monkeypatch):
    """It was saved, the next step ended with advice to resume from it, and that ended in the same way.

    With `--learning_rate 1e30` the weights of sites are finite, but all vectors zeros, and the model was released.
    """

    def spoil(trainer, *_args, **_kwargs):
        with torch.no_grad():
            next(trainer.model.parameters()).fill_(value)
        return torch.tensor(1.0)

    monkeypatch.setattr("trainer.running.contrastive_trainer.ContrastiveTrainer.training_step", spoil)
    said = "made weights that are NaN, infinite or above 1e18, so"
    assert f"step 1 {said} training stops" in refused("--save_steps", "1")
    assert f"step 2 {said} nothing is released" in refused("--save_strategy", "no")
    assert not (tmp_path / "out").exists()


def test_options_of_trainer_that_do_not_fit(refused, tmp_path):
    """A package that is not installed, and a schedule that lacks an argument, ended in tracebacks."""
    assert "liger-kernel" in refused("--use_liger_kernel", "true")
    said = "--lr_scheduler_type cannot be used with these --lr_scheduler_kwargs"
    assert said in refused("--lr_scheduler_type", "warmup_stable_decay")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("no room"), "no room"),
        (
            RuntimeError("[enforce fail at inline_container.cc:672] . x"),
            "torch could not write all bytes",
        ),
    ],
    ids=["system", "torch"],
)
def test_a_failure_leaves_no_draft_of_a_checkpoint(error, reason, refused, tmp_path, monkeypatch):
    def fail(*_args):
        raise error

    monkeypatch.setattr("trainer.running.contrastive_trainer.put_folder_in_place", fail)
    said = refused("--save_steps", "1")
    assert f"could not be written ({reason}" in said and "or start anew if no checkpoint was saved" in said
    assert not (tmp_path / "out").exists()


def test_an_architecture_that_does_not_exist(tiny_folder):
    """Hugging Face's servers could not be reached, it said."""
    with pytest.raises(ValueError, match="there is no folder nowhere here, and this process is offline"):
        load_config("nowhere", load_tokenizer(str(tiny_folder)))


def test_weights_that_are_not_finite_are_neither_released_nor_loaded(tiny_folder, tmp_path):
    model, tokenizer = load_checkpoint(DnacseModel, str(tiny_folder))
    with torch.no_grad():
        next(model.parameters()).fill_(torch.inf)
    with pytest.raises(ValueError, match="the model to release: the weight .* holds NaN or infinity"):
        write_repository(tmp_path / "model", model, tokenizer, {})
    assert not (tmp_path / "model").exists()
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    with pytest.raises(ValueError, match=f"{tmp_path / 'model'}: the weight .* holds NaN or infinity"):
        load_checkpoint(DnacseModel, str(tmp_path / "model"))


def test_processes_that_would_train_separately(monkeypatch):
    """torchrun without a GPU and without --use_cpu: each process sees itself alone."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    alone = pytest.raises(ValueError, match="2 processes were started, but without a GPU each would train alone: add")
    with alone:
        check_processes(1)


def test_nothing_written_names_a_path_of_this_machine(tiny_folder, tmp_path):
    """A model that was loaded from a folder and saved again, with a threshold that is no longer its own."""
    model, tokenizer = load_checkpoint(DnacseModel, str(tiny_folder))
    write_repository(tmp_path / "again", model, tokenizer, {})
    for path in (tmp_path / "again").rglob("*"):
        assert path.is_dir() or str(tiny_folder.parent).encode() not in path.read_bytes(), path
    assert load_file(tmp_path / "again" / "model.safetensors").keys() == model.state_dict().keys()
    config = json.loads((tmp_path / "again" / "config.json").read_text())
    assert "_name_or_path" not in config
