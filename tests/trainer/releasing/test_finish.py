"""A finished model: centred, in half the bytes, complete, and the same but for that."""

import json
import re
import shutil
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from safetensors.torch import load_file
from transformers import AutoModel, PreTrainedTokenizerFast

from modeling_dnacse import DnacseConfig, DnacseModel, embed
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.loading.repository import write_repository
from tests.support.families import TINY, random_families
from tests.support.marker import simulate_marker
from trainer.finish import average, main
from trainer.releasing.training_record import record_of
from trainer.train import model_and_tokenizer


def test_a_finished_model_is_the_old_one_less_its_mean_times_a_power_of_two(tmp_path, tiny_folder, fasta):
    done = tmp_path / "deep" / "finished"
    main(["--model", str(tiny_folder), "--train_file", str(fasta), "--output_dir", str(done)])
    tokenizer = PreTrainedTokenizerFast.from_pretrained(done)
    old, new = (DnacseModel.from_pretrained(folder) for folder in (tiny_folder, done))
    inside = [line for line in fasta.read_text().splitlines() if line[0] != ">"]
    others = list(random_families(seed=9).values())
    mean = embed(old, tokenizer, inside).mean(0)
    assert np.linalg.norm(mean) > 1
    centred, got = embed(old, tokenizer, others) - mean, embed(new, tokenizer, others)
    factor = 2.0 ** round(np.log2(np.linalg.norm(got) / np.linalg.norm(centred)))
    np.testing.assert_allclose(got, factor * centred, atol=factor * 2e-2)
    assert 0.7 < np.sqrt(np.square(embed(new, tokenizer, inside)).mean()) < 1.42
    assert all(str(tensor.dtype) == "torch.float16" for tensor in load_file(done / "model.safetensors").values())
    assert str(AutoModel.from_pretrained(done).dtype) == "torch.float32"
    assert {path.name for path in tiny_folder.iterdir()} == {path.name for path in done.iterdir()}


def test_a_model_averaged_with_its_start_has_their_mean_weights(tiny_folder):
    start, trained = (DnacseModel.from_pretrained(tiny_folder) for _ in range(2))
    with torch.no_grad():
        for weights in trained.parameters():
            weights += torch.randn(weights.shape, generator=torch.Generator().manual_seed(0))
    before = {name: weights.clone() for name, weights in trained.named_parameters()}
    average(trained, start, 0.25)
    for name, weights in trained.named_parameters():
        torch.testing.assert_close(weights, 0.75 * before[name] + 0.25 * start.get_parameter(name))
    other = DnacseModel(DnacseConfig(**TINY | {"hidden_size": 96}))
    with pytest.raises(ValueError, match="other weights"):
        average(trained, other, 0.5)
    with pytest.raises(ValueError, match=r"--start_share is 1\.5"):
        average(trained, start, 1.5)


@pytest.mark.parametrize(("name", "said"), [("README.md", "README.md is not UTF-8"), ("training.json", "no JSON")])
def test_a_damaged_card_or_record_is_not_released(name, said, tmp_path, tiny_folder, fasta, caplog):
    shutil.copytree(tiny_folder, tmp_path / "model")
    (tmp_path / "model" / name).write_bytes(b"\xff")
    with pytest.raises(SystemExit, match="2"):
        main(["--model", str(tmp_path / "model"), "--train_file", str(fasta), "--output_dir", str(tmp_path / "new")])
    assert said in caplog.text
    assert not (tmp_path / "new").exists()


def test_the_card_and_the_record_tell_what_was_done(tmp_path, tiny_folder, fasta):
    """They stayed as they were: scores of other weights, and a record by which nobody could repeat the model."""
    model = shutil.copytree(tiny_folder, tmp_path / "model")
    (model / "training.json").write_text('{"steps": 3}')
    score = EvalResult("feature-extraction", "pairs", "pairs", "recall_at_1", 0.99)
    data = ModelCardData(model_name="m", eval_results=[score])
    (model / "README.md").write_text(f"---\n{data.to_yaml()}\n---\n\n# m\n")
    out = tmp_path / "out"
    given = ["--model", str(model), "--start", str(tiny_folder), "--train_file", str(fasta), "--output_dir", str(out)]
    main(given)
    card = ModelCard.load(out / "README.md")
    assert card.data.eval_results is None and f"averaged with `{tiny_folder.name}` (share 0.5)" in card.text
    record = json.loads((out / "training.json").read_text())
    assert record["steps"] == 3 and record["finished"]["start"] == tiny_folder.name
    assert record["finished"]["centred_by"] == {"sources": [fasta.name], "split": None, "sequences": 48}


def test_what_cannot_be_finished_is_refused(tmp_path, tiny_folder, fasta, caplog):
    (tmp_path / "full" / "other").mkdir(parents=True)
    for options, message in (
        (["--output_dir", str(tmp_path / "full")], "is there already"),
        (["--output_dir", str(tmp_path / "new"), "--start_share", "0.5"], "--start_share is the weight of"),
        (["--output_dir", str(tmp_path / "o"), "--train_split", "none"], "none"),
    ):
        with pytest.raises(SystemExit):
            main(["--model", str(tiny_folder), "--train_file", str(fasta), *options])
        assert message in caplog.text
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(("texts", "options"), [(["A"] * 40, []), (["A" * 60, "C" * 60], ["--sequences", "1"])])
def test_a_model_is_not_centred_by_sequences_that_are_all_the_same(texts, options, tmp_path, tiny_folder, caplog):
    """Its vectors were multiplied by 2^25, which is infinite in float16; one sequence was a math domain error."""
    data = tmp_path / "same.tsv"
    data.write_text("id\tsequence\n" + "".join(f"r{row}\t{text}\n" for row, text in enumerate(texts)))
    given = ["--model", str(tiny_folder), "--train_file", str(data), "--output_dir", str(tmp_path / "out"), *options]
    with pytest.raises(SystemExit, match="2"):
        main(given)
    assert f"drawn ({1 if options else 40}) have one and the same vector, so nothing is left of it when" in caplog.text
    assert not (tmp_path / "out").exists()


def test_weights_beyond_float16_are_refused(tmp_path, tiny_folder, fasta, caplog):
    """They became infinite, and the folder was called finished."""
    model, tokenizer = load_checkpoint(DnacseModel, str(tiny_folder))
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.mul_(1e7)
    write_repository(tmp_path / "large", model, tokenizer, {})
    with pytest.raises(SystemExit, match="2"):
        main(["--model", str(tmp_path / "large"), "--train_file", str(fasta), "--output_dir", str(tmp_path / "out")])
    name = r"embeddings\.word_embeddings\.weight of model\.safetensors"
    assert re.search(rf"the weight {name} reaches \S+, and float16 ends at 65,504; give", caplog.text)
    assert not (tmp_path / "out").exists()


def test_a_model_of_sites_keeps_its_vectors_and_its_records(tmp_path, site_folder, fasta):
    main(["--model", str(site_folder), "--output_dir", str(tmp_path / "out"), "--train_file", str(fasta)])
    sequences = [record["sequence"] for record in simulate_marker(seed=1)[:6]]
    before, after = (
        embed(*load_checkpoint(DnacseModel, str(one)), sequences) for one in (site_folder, tmp_path / "out")
    )
    np.testing.assert_allclose(before, after, atol=0.02)
    finished = {"start": None, "start_share": None, "centred_by": None, "seed": 0}
    before = json.loads((site_folder / "training.json").read_text())
    assert record_of(str(tmp_path / "out")) == before | {"finished": finished}
    assert record_of(str(tmp_path)) is None


def test_neither_a_trained_nor_a_finished_model_keeps_the_thresholds_of_its_start(tmp_path, tiny_folder, fasta):
    start = shutil.copytree(tiny_folder, tmp_path / "start")
    thresholds = {"species_similarity": 0.9, "bin_similarity": 0.8, "held_out": "00000000"}
    config = json.loads((start / "config.json").read_text()) | thresholds
    (start / "config.json").write_text(json.dumps(config))
    assert load_checkpoint(DnacseModel, str(start))[0].config.species_similarity == 0.9
    main(["--model", str(start), "--train_file", str(fasta), "--output_dir", str(tmp_path / "finished")])
    arguments: Any = SimpleNamespace(
        **{"model_name_or_path": str(start), "mlm_weight": 0.0, "curriculum": "weighted_simclr:1"},
        **dict.fromkeys(("pooling", "tokenizer_name", "torch_compile")),
        attn_implementation="sdpa",
        device=torch.device("cpu"),
    )
    finished, trained = DnacseConfig.from_pretrained(tmp_path / "finished"), model_and_tokenizer(arguments)[0].config
    for config in (finished, trained):
        assert config.species_similarity is None and config.bin_similarity is None
    assert finished.held_out == "00000000" and trained.held_out is None  # which may learn from these records
