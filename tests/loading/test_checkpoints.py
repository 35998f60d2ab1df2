"""Loading by name: what is not there or does not fit is one sentence that names it."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging

from modeling_dnacse import DnacseConfig, DnacseModel
from modeling_dnacse.loading.checkpoints import check_tables, load_checkpoint, load_tokenizer
from tests.support.families import TINY
from trainer.train_tokenizer import train_tokenizer


def test_model_and_tokenizer_come_together(tiny_folder):
    model, tokenizer = load_checkpoint(DnacseModel, str(tiny_folder))
    assert len(tokenizer) == model.config.vocab_size == 96


def test_no_bar_of_weights_is_shown_and_hooks_of_others_stay(tiny_folder, capsys):
    bars = []
    former = logging.set_tqdm_hook(lambda bar, given, options: bars.append(options) or bar(*given, **options))
    try:
        load_checkpoint(DnacseModel, str(tiny_folder))
        assert not bars and "Loading weights" not in capsys.readouterr().err
        DnacseModel.from_pretrained(tiny_folder)
        assert bars[0]["desc"] == "Loading weights"
    finally:
        logging.set_tqdm_hook(former)


def copy_without(tiny_folder, folder, name):
    shutil.copytree(tiny_folder, folder)
    (folder / name).unlink()
    return folder


@pytest.mark.slow
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


@pytest.mark.parametrize("absurd", [{"num_hidden_layers": 1000}, {"hidden_size": 2**16, "num_attention_heads": 2}])
def test_a_configuration_never_asks_for_more_memory_than_the_weights_need(tiny_folder, tmp_path, absurd, monkeypatch):
    """Within their ranges, such numbers ask for hundreds of gigabytes, and the system ends the process."""
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text()) | absurd
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(DnacseModel, "from_pretrained", None)  # it must not be called
    with pytest.raises(
        ValueError, match=r"config\.json asks for [\d,]+ weights or more, and the files of weights have"
    ):
        load_checkpoint(DnacseModel, str(folder))


def test_a_weight_of_another_shape_is_named(tiny_folder, tmp_path):
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    key = "embeddings.word_embeddings.weight"
    save_file(weights | {key: weights[key][:-1].clone()}, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ValueError, match=rf"the weight {key} has the shape \(95, \d+\), and its config\.json asks for"
    ):
        load_checkpoint(DnacseModel, str(folder))


@pytest.mark.parametrize("table", ["spelling", "kmer_sites", "kept_sites", "marker_of_site"])
def test_tables_that_do_not_fit_the_configuration_are_refused(table):
    config = DnacseConfig(
        **TINY
        | {"vocab_size": 9, "vocabulary": "[UNK] [CLS] [SEP] [PAD] [MASK] A C G T", "num_hidden_layers": 0}
        | {"sites": 8, "gene_sites": 12, "site_kmer": 3, "marker_starts": [0, 6], "markers": ["a", "b"], "kmer": 3}
    )
    model = DnacseModel(config)
    check_tables(model, "m")
    key, tensor = next((key, tensor) for key, tensor in model.state_dict().items() if key.endswith(table))
    tensor.view(-1)[3] = {"kmer_sites": 12, "kept_sites": 2}.get(table, 1)
    with pytest.raises(ValueError, match=rf"m: {key} does not fit config\.json"):
        check_tables(model, "m")


def test_another_models_tokenizer_is_refused(tiny_folder, tmp_path):
    train_tokenizer(["ACGTTGCAACGGTACCGATTACA" * 9, "GGATCCTTAAGGCCATATCG" * 9], vocab_size=128).save_pretrained(
        tmp_path
    )
    larger = train_tokenizer(["ACGT"], vocab_size=9)
    larger.add_tokens([f"[extra{i}]" for i in range(100)])
    larger.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="has 109 entries and pad id 3, the model 96 and 3; give the tokenizer"):
        load_checkpoint(DnacseModel, str(tiny_folder), str(tmp_path))


def test_ids_of_tokens_beyond_the_embeddings_are_refused(tiny_folder, tmp_path):
    """The number of tokens fitted; the first sequence with the last of them was an IndexError."""
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"]["TT"] = 96
    (folder / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="has 97 entries and pad id 3, the model 96 and 3; give the tokenizer"):
        load_checkpoint(DnacseModel, str(folder))


def test_a_half_precision_checkpoint_computes_in_full(tiny_folder, tmp_path):
    """transformers would train its bfloat16 weights as they are, in which small steps round away."""
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    DnacseModel.from_pretrained(folder).to(torch.bfloat16).save_pretrained(folder)
    model, _ = load_checkpoint(DnacseModel, str(folder))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


@pytest.mark.parametrize(("field", "value"), [("pooling", "max"), ("return_dict", False)])
def test_a_value_that_is_not_allowed_is_named(tiny_folder, tmp_path, field, value):
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {field: value}))
    with pytest.raises(ValueError, match=rf"{folder}.*{field}.*{value}") as error:
        load_checkpoint(DnacseModel, str(folder))
    assert "\n" not in str(error.value)


def test_a_tokenizer_without_policy_gets_it(tmp_path):
    """DNABERT-2's: without it lower case, gaps and U are unknown, and sentence-transformers cuts at its limit."""
    plain = train_tokenizer(["ACGTTGCAACGGTACCGATTACA" * 9], vocab_size=32)
    published = json.loads(plain.backend_tokenizer.to_str()) | {"normalizer": None}
    tokenizer = Tokenizer.from_str(json.dumps(published))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", model_max_length=512).save_pretrained(
        tmp_path
    )
    loaded = load_tokenizer(str(tmp_path))
    assert loaded("acg-uu")["input_ids"] == plain("ACGTT")["input_ids"]
    loaded.save_pretrained(tmp_path / "again")
    again = PreTrainedTokenizerFast.from_pretrained(tmp_path / "again")
    assert again("acg-uu")["input_ids"] == plain("ACGTT")["input_ids"] and again.model_max_length > 1e9


@pytest.mark.parametrize("name", [None, 5, b"model"])
def test_a_name_that_is_no_path_is_one_sentence(name, tiny_folder):
    with pytest.raises(ValueError, match="as a path; give the name of a file or folder"):
        load_checkpoint(DnacseModel, name)
    with pytest.raises(ValueError, match="there is no folder none/of/these"):
        load_checkpoint(DnacseModel, Path("none/of/these"))
    assert load_checkpoint(DnacseModel, tiny_folder)[0].config.hidden_size == 48
