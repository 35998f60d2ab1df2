"""A FASTA without any label trains: masked tokens, and DNACSE's pairs of a record with itself."""

import json
import math

import pytest
import torch
from safetensors.torch import load_file

from modeling_dnacse import DnacseModel, embed
from modeling_dnacse.loading.checkpoints import load_checkpoint
from tests.support.families import random_families
from trainer import train


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "unlabelled.fasta"
    sequences = random_families(seed=4, species=40, records=1).values()
    path.write_text("".join(f">r{number}\n{sequence}\n" for number, sequence in enumerate(sequences)))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["mlm", "noise_contrastive"])
def test_sequences_without_labels_train_and_are_released(unlabelled, tiny_folder, tmp_path, objective):
    """Validation holds out records, each a species of its own, and asks for a record's twin."""
    out = tmp_path / "out"
    train.main(
        [
            *("--train_file", str(unlabelled), "--model_name_or_path", str(tiny_folder), "--output_dir", str(out)),
            *("--curriculum", f"{objective}:4steps", "--pairing", "identical", "--per_device_train_batch_size", "8"),
            *(
                "--learning_rate",
                "1e-3",
                "--logging_steps",
                "1",
                "--eval_steps",
                "2",
                "--save_steps",
                "2",
                "--use_cpu",
            ),
        ]
    )
    record = json.loads((out / "training.json").read_text())
    assert record["steps"] == 4 and record["arguments"]["curriculum"] == f"{objective}:4steps"
    assert [record["data"][part]["species"] for part in ("training", "validation")] == [0, 0]
    assert record["data"]["training"]["records"] + record["data"]["validation"]["records"] == 40
    assert record["validation"]["recall_at_1"] == 1
    steps = [entry for entry in json.loads((out / "training_log.json").read_text()) if "loss" in entry]
    assert len(steps) == 4 and all(math.isfinite(entry["loss"]) and entry["loss"] > 0 for entry in steps)
    assert all(("mlm_accuracy" in entry) == (objective == "mlm") for entry in steps)
    assert all(("negative_similarity" in entry) == (objective == "noise_contrastive") for entry in steps)

    before, after = (load_file(folder / "model.safetensors") for folder in (tiny_folder, out))
    assert before.keys() == after.keys()
    assert not torch.allclose(
        before["encoder.layer.0.mlp.wo.weight"], after["encoder.layer.0.mlp.wo.weight"], atol=1e-4
    )
    vectors = embed(*load_checkpoint(DnacseModel, str(out)), ["ACGT" * 20, "TTGCA" * 10])
    assert vectors.shape == (2, 48) and torch.isfinite(torch.as_tensor(vectors)).all()
