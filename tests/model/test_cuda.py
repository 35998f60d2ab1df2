"""What needs a GPU: attention there against eager, embed() against a CPU's, memory that runs out, training.

    DNACSE_CUDA=1 python -m pytest tests/model/test_cuda.py
    DNACSE_CUDA=rehearse python -m pytest tests/model/test_cuda.py    # on a CPU, what of it a CPU can do

The other tests run on a CPU alone, so conftest.py hides the GPU unless it is asked for. None of these has run on a GPU
yet. The rehearsal shows that they are right but for the GPU: flex_attention runs uncompiled, and what needs CUDA's
memory, float16's scaler or FSDP is skipped.
"""

import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.attention import flex_attention as torch_flex

from modeling_dnacse import DnacseConfig, DnacseModel, ManifoldMixup, embed
from modeling_dnacse import attention as alibi
from modeling_dnacse.commands.options import LEAST_COSINES
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.loading.repository import write_repository
from tests.support.families import random_families
from trainer import train
from trainer.running.resume import STATE

ON_GPU = torch.cuda.is_available()
REHEARSED = not ON_GPU and os.environ.get("DNACSE_CUDA") == "rehearse"
pytestmark = pytest.mark.skipif(
    not ON_GPU and not REHEARSED, reason="needs a GPU: DNACSE_CUDA=1 python -m pytest tests/model/test_cuda.py"
)
needs_gpu = pytest.mark.skipif(not ON_GPU, reason="a CPU has nothing like it")
ROOT = Path(__file__).parents[2]
DEVICE = "cuda" if ON_GPU else "cpu"
WITHOUT_FLASH = ["sdpa", "packed", "flex_attention"]
ATTENTIONS = [*WITHOUT_FLASH, "flash_attention_2"]
SEQUENCES = list(random_families(seed=2).values())
LEAST = 0.999  # cosine of two ways in bfloat16: on a CPU 0.99998 or more, without ALiBi 0.997 or less
ROOM = 64 * 2**20  # bytes
SHAPE = {"hidden_size": 192, "num_attention_heads": 6, "intermediate_size": 128, "num_hidden_layers": 2}


@pytest.fixture(autouse=True)
def uncompiled_on_a_cpu(monkeypatch):
    """A CPU compiles flex_attention for minutes and refuses its gradient; torch's uncompiled form has one."""
    if REHEARSED:
        monkeypatch.setattr(torch_flex, "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG", True)
        monkeypatch.setattr(torch_flex, "_validate_device", lambda query, key, value: None)
        monkeypatch.setattr(alibi, "refuse_gradient_on_cpu", lambda qkv: None)


@pytest.fixture(scope="module")
def wide_folder(tiny_folder, tmp_path_factory):
    """A checkpoint with heads of 32, since flex_attention's kernel takes none below 16; without dropout."""
    _, tokenizer = load_checkpoint(DnacseModel, str(tiny_folder))
    torch.manual_seed(0)
    config = DnacseConfig(vocab_size=96, **SHAPE, initializer_range=0.1, hidden_dropout_prob=0.0)
    folder = tmp_path_factory.mktemp("checkpoint") / "wide"
    write_repository(folder, DnacseModel(config), tokenizer, {"README.md": "# wide\n"})
    return folder


@pytest.fixture
def model():
    """Heads of 32 as above; wide weights, or no way would differ."""
    torch.manual_seed(0)
    config = DnacseConfig(vocab_size=96, **SHAPE, initializer_range=0.1)
    return DnacseModel(config).to(DEVICE, torch.bfloat16).eval()


@pytest.fixture
def batch():
    return batch_of(200)


def batch_of(length):
    """Four sequences, the longest of `length` tokens."""
    ids = torch.randint(5, 96, (4, length), generator=torch.Generator().manual_seed(0))
    mask = torch.arange(length) < (torch.tensor((0.25, 0.85, 0.45, 1.0)) * length).long()[:, None]
    return {"input_ids": ids.to(DEVICE), "attention_mask": mask.long().to(DEVICE)}


def pooled_and_gradient(model, attention, batch, mixup=None):
    """Vectors (batch, hidden), and the gradient of the first layer's attention as one vector more."""
    model.set_attn_implementation(attention)
    model.zero_grad()
    pooled = model(**batch, mixup=mixup).pooler_output
    (pooled.float() ** 3).sum().backward()
    return pooled.detach().float(), model.encoder.layer[0].attention.self.Wqkv.weight.grad.float().flatten()


def assert_close(found, expected, least=LEAST):
    for one, other in zip(found, expected, strict=True):
        assert torch.cosine_similarity(one, other, dim=-1).min() > least


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_each_attention_equals_eager_in_bf16(model, batch, attention, monkeypatch):
    if attention == "flash_attention_2" and importlib.util.find_spec("flash_attn") is None:
        pytest.skip("needs the package flash-attn")
    eager = pooled_and_gradient(model, "eager", batch)
    assert_close(pooled_and_gradient(model, attention, batch), eager)
    monkeypatch.setattr(alibi, "alibi_slopes", lambda heads: [0.0] * heads)
    for lost, expected in zip(pooled_and_gradient(model, "eager", batch), eager, strict=True):
        assert torch.cosine_similarity(lost, expected, dim=-1).max() < LEAST  # so a way that drops ALiBi would show


def test_flex_serves_batches_of_other_sizes(model):
    """One compiled kernel for all shapes: a training run meets a new number of tokens at every step."""
    for length in (200, 64, 333, 128, 17, 500, 90, 250, 301, 77, 410)[: 3 if REHEARSED else None]:
        batch = batch_of(length)
        expected = pooled_and_gradient(model, "eager", batch)
        assert_close(pooled_and_gradient(model, "flex_attention", batch), expected)


@pytest.mark.parametrize("attention", WITHOUT_FLASH)
def test_mixup_under_each_attention_equals_eager(model, batch, attention):
    """MI-Mix at layer 1 changes the mask, and so the packing, between two layers."""
    coefficients = torch.tensor([0.9, 0.6, 0.8, 0.7], device=DEVICE)
    mixup = ManifoldMixup(1, torch.tensor([1, 2, 3, 0], device=DEVICE), coefficients)
    expected = pooled_and_gradient(model, "eager", batch, mixup)
    assert_close(pooled_and_gradient(model, attention, batch, mixup), expected)


@pytest.mark.parametrize("name", [None, *LEAST_COSINES])
def test_embed_gives_the_vectors_of_a_cpu(tiny_folder, name):
    model, tokenizer = load_checkpoint(DnacseModel, str(tiny_folder))
    options = {"normalize": True, "both_strands": True, "window_tokens": 30, "overlap_tokens": 5}
    expected = embed(model, tokenizer, SEQUENCES, device="cpu", **options)
    found = embed(model, tokenizer, SEQUENCES, device=DEVICE, dtype=name and getattr(torch, name), **options)
    assert (expected * found).sum(1).min() > (LEAST_COSINES[name] if name else 0.999999)


@needs_gpu
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


def command(fasta, folder, output, *options):
    """Two steps, one of each phase, of which each is logged."""
    return [
        *("--train_file", str(fasta), "--model_name_or_path", str(folder), "--output_dir", str(output)),
        *("--curriculum", "weighted_simclr:1steps mi_mix:1steps", "--per_device_train_batch_size", "8"),
        *("--learning_rate", "1e-3", "--head_learning_rate_multiplier", "1", "--logging_steps", "1"),
        *("--save_strategy", "no", "--eval_strategy", "no", "--load_best_model_at_end", "false", *options),
        *([] if ON_GPU else ["--use_cpu"]),
    ]


def steps_of(folder):
    """The logged steps of a run."""
    return [entry for entry in json.loads((folder / "training_log.json").read_text()) if "loss" in entry]


@pytest.fixture(scope="module")
def by_eager(fasta, wide_folder, tmp_path_factory):
    """The steps of a run in float32 under eager."""
    output = tmp_path_factory.mktemp("eager") / "run"
    train.main(command(fasta, wide_folder, output, "--attn_implementation", "eager"))
    return steps_of(output)


PRECISIONS = {"float32": (), "bf16": ("--bf16", "true"), "fp16": ("--fp16", "true")}


@pytest.mark.parametrize("chunk", [0, 4], ids=["plain", "cached"])
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("attention", WITHOUT_FLASH)
def test_both_phases_train_as_eager_does(fasta, wide_folder, by_eager, tmp_path, attention, precision, chunk):
    """Phase I and MI-Mix, under a scaler in fp16, with and without gradient caching."""
    if precision == "fp16" and not ON_GPU:
        pytest.skip("a CPU has no scaler")
    options = (*PRECISIONS[precision], "--attn_implementation", attention, "--cached_chunk_size", str(chunk))
    train.main(command(fasta, wide_folder, tmp_path / "run", *options))
    steps = steps_of(tmp_path / "run")
    assert len(steps) == 2 and all(math.isfinite(step["grad_norm"]) for step in steps)
    # MI-Mix draws the partners within a chunk, so only the first step is the same with and without
    tolerance = 1e-4 if precision == "float32" else 0.02
    for step, expected in list(zip(steps, by_eager, strict=True))[: 1 if chunk else 2]:
        assert step["loss"] == pytest.approx(expected["loss"], rel=tolerance)
        if precision != "fp16":  # the scaler may skip the first steps, whose norm then is of scaled gradients
            assert step["grad_norm"] == pytest.approx(expected["grad_norm"], rel=10 * tolerance)
    before, after = (load_file(folder / "model.safetensors") for folder in (wide_folder, tmp_path / "run"))
    assert all(tensor.isfinite().all() for tensor in after.values())
    assert precision == "fp16" or any((tensor != before[name]).any() for name, tensor in after.items())


@needs_gpu
@pytest.mark.slow
def test_fsdp_resumes_to_the_same_weights(fasta, wide_folder, tmp_path):
    """One process; --compare embeddings leaves the projection head idle, for which Adam has no state."""
    launcher = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--num_processes", "1"]
    launcher += ["--config_file", str(ROOT / "trainer/configs/fsdp.yaml"), str(ROOT / "trainer/train.py")]

    def run(output, *options):
        arguments = command(fasta, wide_folder, output, "--compare", "embeddings", "--bf16", "true", *options)
        arguments[arguments.index("--save_strategy") + 1] = "steps"
        done = subprocess.run(
            [*launcher, *arguments, "--save_steps", "1"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return load_file(output / "model.safetensors")

    whole = run(tmp_path / "whole")
    first = tmp_path / "whole" / "checkpoint-1"
    assert (first / STATE).exists()
    shutil.copytree(first, tmp_path / "resumed" / "checkpoint-1")
    resumed = run(tmp_path / "resumed", "--resume_from_checkpoint", "last")
    for name, tensor in whole.items():
        torch.testing.assert_close(resumed[name], tensor, atol=1e-6, rtol=1e-5)
