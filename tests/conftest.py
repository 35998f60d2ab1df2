"""Shared fixtures. Every test runs offline, on CPU, with a tiny random model."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
if "DNACSE_CUDA" not in os.environ:  # which test_cuda.py asks for
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
if "PYTEST_XDIST_WORKER" in os.environ:  # several processes with all threads each wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["NUMBA_OPT"] = "1"  # UMAP is compiled anew in each run; on small data compiling is all that takes time

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from modeling_dnacse import DnacseConfig, DnacseModel
from modeling_dnacse.loading.repository import write_repository
from tests.support.families import TINY, random_families
from tests.support.marker import fit_arguments, simulate_marker, write_marker, write_markers
from trainer import fit_sites
from trainer.train_tokenizer import train_tokenizer


@pytest.fixture(autouse=True)
def same_number_of_threads() -> Iterator[None]:
    """Restore it: commands and UMAP change it, and sums over more threads have other last digits."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


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
    """A complete tiny checkpoint, tokenizer included, as modeling_dnacse/loading/repository.py writes it."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(list(random_families(seed=1).values()), vocab_size=96)
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    write_repository(folder, DnacseModel(DnacseConfig(**TINY)), tokenizer, {"README.md": "# tiny\n"})
    return folder


@pytest.fixture(scope="session")
def fasta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 labelled records of 12 species."""
    path = tmp_path_factory.mktemp("data") / "families.fasta"
    path.write_text("".join(f">{header}\n{sequence}\n" for header, sequence in random_families(seed=0).items()))
    return path


@pytest.fixture(scope="session")
def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete model of a simulated marker, as trainer/fit_sites.py writes it."""
    folder = tmp_path_factory.mktemp("sites")
    fit_sites.main(fit_arguments(write_marker(folder / "marker.tsv", simulate_marker(seed=1)), folder / "model"))
    return folder / "model"


@pytest.fixture(scope="session")
def two_marker_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model of two simulated markers, the second with indels."""
    folder = tmp_path_factory.mktemp("markers")
    arguments = fit_arguments(folder / "first.tsv", folder / "model")[2:] + write_markers(folder)
    fit_sites.main([*arguments, "--site_support", "0", "--site_kmer", "8"])
    return folder / "model"


@pytest.fixture(scope="session")
def indel_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of a marker whose genera differ by indels: an offset for each block of 16 bases."""
    folder = tmp_path_factory.mktemp("indels")
    data = write_marker(folder / "marker.tsv", simulate_marker(seed=1, genera=32, indels=True))
    fit_sites.main([*fit_arguments(data, folder / "model"), "--site_support", "0", "--site_kmer", "8"])
    return folder / "model"
