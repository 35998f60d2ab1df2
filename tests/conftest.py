"""Shared fixtures. Every test runs offline, on CPU, with a tiny random model."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

from pathlib import Path  # noqa: E402

import pytest  # noqa: E402

from modeling_dnacse import DnacseConfig  # noqa: E402


@pytest.fixture
def reference() -> Path:
    """Recorded values and tiny checkpoints of the public implementations."""
    return Path(__file__).parent / "reference"


@pytest.fixture
def tiny_config() -> DnacseConfig:
    """Three layers, six heads (no power of two, so both halves of the ALiBi slopes are used)."""
    return DnacseConfig(
        vocab_size=96,
        hidden_size=48,
        num_hidden_layers=3,
        num_attention_heads=6,
        intermediate_size=64,
        projection_size=16,
        initializer_range=0.2,  # at 0.02 a random model hardly tells sequences apart, and equality tests test nothing
    )
