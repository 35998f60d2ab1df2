"""A finished model: centred, in half the bytes, complete, and the same but for that."""

import numpy as np
import pytest
from conftest import random_families
from safetensors.torch import load_file
from transformers import AutoModel, PreTrainedTokenizerFast

from modeling_dnacse import DnacseModel, embed
from trainer.finish import main


def test_a_finished_model_is_the_old_one_less_its_mean(tmp_path, tiny_folder, fasta):
    done = tmp_path / "deep" / "finished"
    main(["--model", str(tiny_folder), "--train_file", str(fasta), "--output_dir", str(done)])
    tokenizer = PreTrainedTokenizerFast.from_pretrained(done)
    old, new = (DnacseModel.from_pretrained(folder) for folder in (tiny_folder, done))
    inside = [line for line in fasta.read_text().splitlines() if line[0] != ">"]
    others = list(random_families(seed=9).values())
    mean = embed(old, tokenizer, inside).mean(0)
    assert np.linalg.norm(mean) > 1
    np.testing.assert_allclose(embed(new, tokenizer, others), embed(old, tokenizer, others) - mean, atol=2e-2)
    assert all(str(tensor.dtype) == "torch.float16" for tensor in load_file(done / "model.safetensors").values())
    assert str(AutoModel.from_pretrained(done).dtype) == "torch.float32"
    assert {path.name for path in tiny_folder.iterdir()} == {path.name for path in done.iterdir()}


def test_what_cannot_be_finished_is_refused(tmp_path, tiny_folder, fasta, caplog):
    for options, message in (
        (["--output_dir", str(tmp_path)], "is there already"),
        (["--output_dir", str(tmp_path / "o"), "--train_split", "none"], "none"),
    ):
        with pytest.raises(SystemExit):
            main(["--model", str(tiny_folder), "--train_file", str(fasta), *options])
        assert message in caplog.text
    assert not (tmp_path / "o").exists()
