"""Loading by name: what is not there or does not fit is one sentence that names it."""

import shutil

import pytest

from modeling_dnacse import DnacseModel
from modeling_dnacse.checkpoints import load_checkpoint
from trainer.train_tokenizer import train_tokenizer


def test_model_and_tokenizer_come_together(tiny_folder):
    model, tokenizer = load_checkpoint(DnacseModel, str(tiny_folder))
    assert len(tokenizer) == model.config.vocab_size == 96


def copy_without(tiny_folder, folder, name):
    shutil.copytree(tiny_folder, folder)
    (folder / name).unlink()
    return folder


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
def test_an_incomplete_folder_is_named(tiny_folder, tmp_path, missing):
    folder = copy_without(tiny_folder, tmp_path / "model", missing)
    (folder / "tokenizer_config.json").unlink(missing_ok=True)
    with pytest.raises(ValueError, match=str(folder)) as error:
        load_checkpoint(DnacseModel, str(folder))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_truncated_weights_are_named(tiny_folder, tmp_path, name):
    folder = copy_without(tiny_folder, tmp_path / "model", "model.safetensors")
    (folder / name).write_bytes((tiny_folder / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(ValueError, match=str(folder)) as error:
        load_checkpoint(DnacseModel, str(folder))
    assert "\n" not in str(error.value)


def test_another_models_tokenizer_is_refused(tiny_folder, tmp_path):
    train_tokenizer(["ACGTTGCAACGGTACCGATTACA" * 9, "GGATCCTTAAGGCCATATCG" * 9], vocab_size=128).save_pretrained(
        tmp_path
    )
    larger = train_tokenizer(["ACGT"], vocab_size=9)
    larger.add_tokens([f"[extra{i}]" for i in range(100)])
    larger.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="has 109 entries and pad id 3, the model 96 and 3; give the tokenizer"):
        load_checkpoint(DnacseModel, str(tiny_folder), str(tmp_path))
