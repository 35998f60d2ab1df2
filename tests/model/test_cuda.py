"""What needs a GPU: attention there against eager, embed() against a CPU's, memory that runs out, training in fp16.

    DNACSE_CUDA=1 python -m pytest tests/model/test_cuda.py

The other tests run on a CPU alone, so conftest.py hides the GPU unless it is asked for. None of these has run yet.
"""

import importlib.util
import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from modeling_dnacse import DnacseConfig, DnacseModel, embed
from modeling_dnacse import attention as alibi
from modeling_dnacse.commands.options import LEAST_COSINES
from modeling_dnacse.loading.checkpoints import load_checkpoint
from tests.support.families import random_families
from trainer import train

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a GPU: DNACSE_CUDA=1 python -m pytest tests/model/test_cuda.py"
)
DEVICE = "cuda"
ATTENTIONS = ["sdpa", "packed", "flash_attention_2", "flex_attention"]
SEQUENCES = list(random_families(seed=2).values())
LEAST = 0.999  # cosine of two ways in bfloat16: on a CPU 0.99998 or more, without ALiBi 0.997 or less
ROOM = 64 * 2**20  # bytes


@pytest.fixture
def model():
    """Heads of 32, since flex_attention's kernel takes none below 16; wide weights, or no way would differ."""
    torch.manual_seed(0)
    shape = {"hidden_size": 192, "num_attention_heads": 6, "intermediate_size": 128, "num_hidden_layers": 2}
    return DnacseModel(DnacseConfig(vocab_size=96, **shape, initializer_range=0.1)).to(DEVICE, torch.bfloat16).eval()


@pytest.fixture
def batch():
    ids = torch.randint(5, 96, (4, 200), generator=torch.Generator().manual_seed(0))
    mask = torch.arange(200) < torch.tensor((50, 170, 90, 200))[:, None]
    return {"input_ids": ids.to(DEVICE), "attention_mask": mask.long().to(DEVICE)}


def pooled_and_gradient(model, attention, batch):
    """Vectors (batch, hidden), and the gradient of the first layer's attention as one vector more."""
    model.set_attn_implementation(attention)
    model.zero_grad()
    pooled = model(**batch).pooler_output
    (pooled.float() ** 3).sum().backward()
    return pooled.detach().float(), model.encoder.layer[0].attention.self.Wqkv.weight.grad.float().flatten()


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_each_attention_equals_eager_in_bf16(model, batch, attention, monkeypatch):
    if attention == "flash_attention_2" and importlib.util.find_spec("flash_attn") is None:
        pytest.skip("needs the package flash-attn")
    eager = pooled_and_gradient(model, "eager", batch)
    for found, expected in zip(pooled_and_gradient(model, attention, batch), eager, strict=True):
        assert torch.cosine_similarity(found, expected, dim=-1).min() > LEAST
    monkeypatch.setattr(alibi, "alibi_slopes", lambda heads: [0.0] * heads)
    for lost, expected in zip(pooled_and_gradient(model, "eager", batch), eager, strict=True):
        assert torch.cosine_similarity(lost, expected, dim=-1).max() < LEAST  # so a way that drops ALiBi would show


@pytest.mark.parametrize("name", [None, *LEAST_COSINES])
def test_embed_gives_the_vectors_of_a_cpu(tiny_folder, name):
    model, tokenizer = load_checkpoint(DnacseModel, str(tiny_folder))
    options = {"normalize": True, "both_strands": True, "window_tokens": 30, "overlap_tokens": 5}
    expected = embed(model, tokenizer, SEQUENCES, device="cpu", **options)
    found = embed(model, tokenizer, SEQUENCES, device=DEVICE, dtype=name and getattr(torch, name), **options)
    assert (expected * found).sum(1).min() > (LEAST_COSINES[name] if name else 0.999999)


def test_memory_that_runs_out_on_the_gpu_makes_batches_smaller(tiny_folder):
    model, tokenizer = load_checkpoint(DnacseModel, str(tiny_folder))
    expected = embed(model, tokenizer, SEQUENCES)
    embed(model, tokenizer, SEQUENCES, device=DEVICE)  # what libraries take once is taken
    torch.cuda.empty_cache()
    failures = torch.cuda.memory_stats()["num_ooms"]
    whole = torch.cuda.get_device_properties(DEVICE).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + ROOM) / whole)
    try:
        found = embed(model, tokenizer, SEQUENCES * 60, batch_tokens=10**9)  # all in one batch: some 400 MB
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert torch.cuda.memory_stats()["num_ooms"] > failures
    np.testing.assert_allclose(found, np.tile(expected, (60, 1)), atol=1e-4)


def test_a_step_in_fp16_with_a_scaled_loss(fasta, tiny_folder, tmp_path):
    """Gradient caching under the scaler of accelerate, which a CPU has not."""
    command = ["--train_file", str(fasta), "--model_name_or_path", str(tiny_folder), "--output_dir", str(tmp_path)]
    command += ["--curriculum", "weighted_simclr:1steps", "--per_device_train_batch_size", "8", "--fp16", "true"]
    command += ["--cached_chunk_size", "4", "--learning_rate", "1e-2", "--logging_steps", "1"]
    command += ["--save_strategy", "no", "--eval_strategy", "no", "--load_best_model_at_end", "false"]
    train.main(command)
    steps = [e for e in json.loads((tmp_path / "training_log.json").read_text()) if "loss" in e]
    assert len(steps) == 1 and 0 < steps[0]["loss"] < 20 and math.isfinite(steps[0]["grad_norm"])
    before, after = (load_file(folder / "model.safetensors") for folder in (tiny_folder, tmp_path))
    assert all(tensor.isfinite().all() for tensor in after.values())
    assert any((tensor != before[name]).any() for name, tensor in after.items())
