"""Scripts and commands where the memory is full, or where the clock stands still, as under faketime."""

import logging
import time

import pytest

from modeling_dnacse.cli import main
from trainer import finish, train


def full(*_: object, **__: object) -> None:
    raise MemoryError("Cannot allocate memory (os error 12)")


def test_a_full_memory_in_training_is_one_sentence(fasta, tiny_folder, tmp_path, monkeypatch, capsys, caplog):
    """Both were tracebacks."""
    monkeypatch.setattr(train, "train", full)
    with pytest.raises(SystemExit) as stopped:
        run = ["--train_file", str(fasta), "--model_name_or_path", str(tiny_folder), "--use_cpu"]
        train.main([*run, "--output_dir", str(tmp_path / "run")])
    assert stopped.value.code == 2 and "train.py: error: the memory is full; give it more" in capsys.readouterr().err
    monkeypatch.setattr(finish, "halve", full)
    given = ["--model", str(tiny_folder), "--train_file", str(fasta), "--output_dir", str(tmp_path / "finished")]
    with caplog.at_level(logging.INFO), pytest.raises(SystemExit) as stopped:
        finish.main(given)
    assert stopped.value.code == 2 and "error: the memory is full; give it more" in caplog.text
    assert not list(tmp_path.glob("*finished*"))


def test_a_clock_that_stands_still_divides_by_no_zero(fasta, tiny_folder, tmp_path, monkeypatch):
    """It was a traceback after the output had been put in place, and ended training at its first log."""
    monkeypatch.setattr(time, "perf_counter", lambda: 1.0)
    main(["embed", str(fasta), "-o", str(tmp_path / "v.npy"), "--model", str(tiny_folder)])
    run = ["--train_file", str(fasta), "--model_name_or_path", str(tiny_folder), "--curriculum", "info_nce:1steps"]
    run += ["--per_device_train_batch_size", "4"]
    train.main([*run, "--validation_fraction", "0", "--use_cpu", "--output_dir", str(tmp_path / "run")])
    assert (tmp_path / "run" / "model.safetensors").exists()
