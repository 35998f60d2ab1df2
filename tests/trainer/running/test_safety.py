"""What train.py refuses so that nothing is lost: separate processes, a second run, numbers that are not finite."""

import json

import pytest
import torch
from safetensors.torch import load_file

from modeling_dnacse import DnacseModel
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.loading.repository import write_repository
from modeling_dnacse.machine.locks import Lock
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


def test_two_runs_into_one_folder(refused, tmp_path):
    (tmp_path / "out").mkdir()
    with Lock(tmp_path / "out" / ".lock"):
        assert "another run is training into" in refused()
    assert list((tmp_path / "out").iterdir()) == []


def test_an_output_that_is_an_input(refused, tmp_path, fasta, tiny_folder):
    model = tmp_path / "out"
    assert "is an output, but also an input" in refused("--tokenizer_name", str(model))
    assert not model.exists()
    model.mkdir()
    (model / "data.json").write_text(fasta.read_text())
    assert "might replace it" in refused("--train_file", str(model / "data.json"))


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
