"""Batches: within their budget, each row once, and smaller ones where memory runs out."""

import numpy as np
import pytest
import torch

from modeling_dnacse.embedding.batching import (
    CPU_TOKENS,
    CUDA_TOKENS,
    compute_in_batches,
    find_batch_tokens,
    is_out_of_memory,
)

LENGTHS = np.random.default_rng(0).integers(1, 60, 200)


def machine(room, error):
    """A `compute` that runs out of memory with more than `room` padded tokens, and the batches that it computed."""
    batches = []

    def compute(rows):
        if len(rows) * LENGTHS[rows].max() > room:
            raise error
        batches.append(rows)

    return compute, batches


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        MemoryError(),
    ],
)
def test_batches_shrink_when_memory_runs_out(error):
    compute, batches = machine(100, error)
    held = compute_in_batches(LENGTHS, 5000, compute, str)
    assert sorted(np.concatenate(batches)) == list(range(len(LENGTHS)))
    assert 50 < held <= 100  # halved as often as need be, and no more
    assert all(len(rows) * LENGTHS[rows].max() <= 100 for rows in batches)


def test_a_budget_that_fits_is_kept():
    compute, batches = machine(5000, MemoryError())
    assert compute_in_batches(LENGTHS, 300, compute, str) == 300
    assert max(len(rows) * LENGTHS[rows].max() for rows in batches) <= 300


def test_a_row_that_does_not_fit_alone_is_named():
    compute, _ = machine(LENGTHS.max() - 1, MemoryError())
    longest = int(LENGTHS.argmax())
    with pytest.raises(ValueError, match=f"^sequence {longest}, {LENGTHS.max()} tokens at once, .*--window_tokens"):
        compute_in_batches(LENGTHS, 5000, compute, lambda row: f"sequence {row}")


def test_other_errors_pass():
    compute, _ = machine(0, RuntimeError("shapes differ"))
    with pytest.raises(RuntimeError, match="shapes differ"):
        compute_in_batches(LENGTHS, 300, compute, str)


def test_what_torch_says_on_cpu_is_understood():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    ("free", "tokens"), [(80 * 2**30, CUDA_TOKENS), (4 * 2**30, 2**31 // (80 * 768)), (0, CPU_TOKENS)]
)
def test_the_budget_on_cuda_follows_free_memory(monkeypatch, free, tokens):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 80 * 2**30))
    assert find_batch_tokens(torch.device("cuda"), hidden_size=768) == tokens
