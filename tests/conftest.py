"""Shared fixtures. Every test runs offline, on CPU, with a tiny random model."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
if "DNACSE_CUDA" not in os.environ:  # which test_cuda.py asks for
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["NUMBA_OPT"] = "1"  # UMAP is compiled anew in each run; on small data compiling is all that takes time

from pathlib import Path

import numpy as np
import pytest
import torch

from modeling_dnacse import DnacseConfig, DnacseModel
from trainer.release import write_repository
from trainer.train_tokenizer import train_tokenizer

TINY = {
    "vocab_size": 96,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "intermediate_size": 64,
    "initializer_range": 0.2,  # at 0.02 a random model hardly tells sequences apart, and equality tests test nothing
}


@pytest.fixture
def reference() -> Path:
    """Recorded values and tiny checkpoints of the public implementations."""
    return Path(__file__).parent / "reference"


@pytest.fixture
def tiny_config() -> DnacseConfig:
    """Three layers, six heads (no power of two, so both halves of the ALiBi slopes are used)."""
    return DnacseConfig(**TINY, projection_size=16)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete tiny checkpoint, tokenizer included, as trainer/release.py writes it."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(list(random_families(seed=1).values()), vocab_size=96)
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    write_repository(folder, DnacseModel(DnacseConfig(**TINY)), tokenizer, {"README.md": "# tiny\n"})
    return folder


def random_families(seed: int, species: int = 12, records: int = 4, length: int = 120) -> dict[str, str]:
    """Sequences by header, `r0 species=Genus a`: each species one random sequence, 3 % substituted in each record."""
    rng = np.random.default_rng(seed)
    sequences = {}
    for number in range(species):
        ancestor = rng.choice(list("ACGT"), length)
        for record in range(records):
            mutated = np.where(rng.random(length) < 0.03, rng.choice(list("ACGT"), length), ancestor)
            name = f"r{number}_{record} species=Genus {chr(97 + number)}"
            sequences[name] = "".join(mutated[: length - int(rng.integers(length // 4))])
    return sequences


@pytest.fixture(scope="session")
def fasta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 labelled records of 12 species."""
    path = tmp_path_factory.mktemp("data") / "families.fasta"
    path.write_text("".join(f">{header}\n{sequence}\n" for header, sequence in random_families(seed=0).items()))
    return path
