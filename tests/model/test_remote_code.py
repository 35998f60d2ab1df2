"""A released folder as a stranger gets it: another process, another directory, our package not importable."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from modeling_dnacse import DnacseModel, embed
from modeling_dnacse.loading.repository import write_repository
from tests.support.strangers import HUB_FILES, SEQUENCES, stranger


@pytest.fixture
def ours(tiny_folder):
    return embed(
        DnacseModel.from_pretrained(tiny_folder), PreTrainedTokenizerFast.from_pretrained(tiny_folder), SEQUENCES
    )


LOAD = f"""
    import json, torch
    from transformers import AutoModel, AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(repository, trust_remote_code=True)
    model = AutoModel.from_pretrained(repository, trust_remote_code=True).eval()
    tokens = tokenizer({SEQUENCES!r}, padding=True, return_tensors="pt")
    with torch.no_grad():
        vectors = model(**tokens).pooler_output
"""


@pytest.mark.slow
def test_auto_model_gives_the_same_vectors(tiny_folder, tmp_path, ours):
    code = (
        LOAD
        + "    assert type(model).__module__.startswith('transformers_modules.')\n"
        + "    print(json.dumps(vectors.tolist()))"
    )
    np.testing.assert_allclose(stranger(code, tiny_folder, tmp_path), ours, atol=1e-5)


@pytest.mark.slow
def test_a_stranger_can_save_what_was_loaded(tiny_folder, tmp_path, ours):
    """Fine-tuned by somebody else and saved again, the folder is still complete."""
    code = (
        LOAD
        + f"""
    model.save_pretrained({str(tmp_path / "again")!r})
    tokenizer.save_pretrained({str(tmp_path / "again")!r})
    print(0)
    """
    )
    stranger(code, tiny_folder, tmp_path)
    shutil.rmtree(tmp_path / "hf")
    again = stranger(LOAD + "    print(json.dumps(vectors.tolist()))", tmp_path / "again", tmp_path)
    np.testing.assert_allclose(again, ours, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("auto_class", ["AutoModelForMaskedLM", "AutoModelForSequenceClassification"])
def test_heads_load_from_the_encoder(tiny_folder, tmp_path, auto_class):
    code = f"""
    import json
    from transformers import {auto_class}
    model = {auto_class}.from_pretrained(repository, trust_remote_code=True)
    print(json.dumps([type(model).__name__, model.num_parameters()]))
    """
    name, parameters = stranger(code, tiny_folder, tmp_path)
    assert name == auto_class.replace("AutoModel", "Dnacse")
    assert parameters > DnacseModel.from_pretrained(tiny_folder).num_parameters()


@pytest.mark.slow
def test_sentence_transformers_gives_the_same_vectors(tiny_folder, tmp_path, ours):
    pytest.importorskip("sentence_transformers")
    code = f"""
    import json
    from sentence_transformers import SentenceTransformer
    model = SentenceTransformer(repository, trust_remote_code=True, device="cpu")
    long = "ACGTTGCA" * 1000
    assert model.tokenizer(long)["input_ids"] and not (model.encode(long) == model.encode(long[:-400])).all()
    print(json.dumps(model.encode({SEQUENCES!r}).tolist()))
    """
    np.testing.assert_allclose(stranger(code, tiny_folder, tmp_path), ours, atol=1e-5)


@pytest.mark.parametrize("pooling", ["cls", "mean_last_two", "cls_tanh"])
def test_sentence_transformers_represents_every_pooling(pooling, tiny_folder, tiny_config, tmp_path):
    """It has no module for two of them, and without its files it would silently take the mean."""
    sentence_transformers = pytest.importorskip("sentence_transformers")
    tiny_config.pooling = pooling
    torch.manual_seed(0)
    model, tokenizer = DnacseModel(tiny_config), PreTrainedTokenizerFast.from_pretrained(tiny_folder)
    write_repository(tmp_path / "model", model, tokenizer, {"README.md": "# tiny\n"})
    for folder in (tmp_path / "model", tmp_path / "again"):  # also after sentence-transformers has written it anew
        reader = sentence_transformers.SentenceTransformer(str(folder), trust_remote_code=True, device="cpu")
        np.testing.assert_allclose(reader.encode(SEQUENCES), embed(model, tokenizer, SEQUENCES), atol=1e-5)
        reader.save(str(tmp_path / "again"))


def test_hub_files_are_one_flat_set(tiny_folder):
    """No folder but sentence-transformers' pooling, and no import of anything that a user of transformers lacks."""
    files = {str(path.relative_to(tiny_folder)) for path in Path(tiny_folder).rglob("*.py")}
    assert files == HUB_FILES
