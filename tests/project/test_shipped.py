"""The shipped models: small, complete, the commands' defaults, and better than chance at what they were made for."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from benchmarks.data.cami import read_cami
from benchmarks.data.simulate import main as simulate
from benchmarks.data.simulate_genomes import main as simulate_genomes
from benchmarks.methods.method import paired_cosines
from benchmarks.methods.networks import weights_revision
from modeling_dnacse import embed
from modeling_dnacse.cli import command_line, main
from modeling_dnacse.commands.options import LEAST_COSINES, SHIPPED, SHIPPED_FOR_GENOMES
from modeling_dnacse.loading.encoders import load_encoder
from modeling_dnacse.loading.model_folders import SHIPPED_BARCODES
from modeling_dnacse.reading.sequences import read_fasta, reverse_complement
from modeling_dnacse.vectors.neighbours import nearest

ROOT = Path(__file__).parents[2]
MOST_BYTES, MOST_PARAMETERS = 12 * 2**20, 6_000_000


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    simulate(["--output", str(folder), "--species", "24", "--records_per_species", "6"])
    return folder


@pytest.mark.parametrize(
    ("folder", "similarity"),
    [*((folder, "species_similarity") for folder in SHIPPED_BARCODES), (SHIPPED_FOR_GENOMES, "bin_similarity")],
)
def test_each_is_small_calibrated_and_of_the_packages_code(folder, similarity):
    assert folder.resolve() == ROOT / "checkpoints" / folder.name
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < MOST_BYTES
    model, _ = load_encoder(str(folder))
    assert model.num_parameters() <= MOST_PARAMETERS
    assert 0 < getattr(model.config, similarity) < 1
    for file in folder.glob("*.py"):
        assert file.read_text() == (ROOT / "modeling_dnacse" / file.name).read_text(), file.name


@pytest.mark.parametrize("folder", [*SHIPPED_BARCODES, SHIPPED_FOR_GENOMES])
def test_its_results_are_of_these_weights(folder):
    results = [
        json.loads(path.read_text()) for path in (ROOT / "benchmarks" / "results").rglob(f"*.{folder.name}.*json")
    ]
    assert len(results) >= 5
    assert {result["model_revision"] for result in results} == {weights_revision(str(folder))}


def test_the_card_is_the_barcode_models():
    assert (ROOT / "model_card.md").resolve() == (SHIPPED / "README.md").resolve()


@pytest.mark.parametrize("command", ["embed", "identify", "cluster", "bin", "calibrate", "export"])
def test_the_commands_take_them(command):
    extra = {"identify": ["--reference", "r"], "calibrate": ["--for", "bins"], "export": []}.get(command, [])
    given = [] if command == "export" else ["in.fasta"]
    output = [] if command == "calibrate" else ["-o", "out"]
    args = command_line().parse_args([command, *given, *output, *extra])
    by_marker = command in ("identify", "cluster")  # which find the model of the marker
    assert args.model == (None if by_marker else str(SHIPPED_FOR_GENOMES if command == "bin" else SHIPPED))


@pytest.mark.slow
def test_a_fresh_process_embeds_with_it_offline(tmp_path, data):
    output = tmp_path / "vectors.parquet"
    command = [
        sys.executable,
        "-m",
        "modeling_dnacse.cli",
        "embed",
        str(data / "unseen_test.fasta"),
        "-o",
        str(output),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    records = list(read_fasta(data / "unseen_test.fasta"))
    table = pq.read_table(output)
    assert table["id"].to_pylist() == [record.id for record in records]
    vectors = np.stack(table["embedding"].to_numpy())
    model, tokenizer = load_encoder(str(SHIPPED))
    flipped = embed(model, tokenizer, [reverse_complement(record.sequence) for record in records])
    assert paired_cosines(vectors, flipped, np.arange(len(records))).mean() > 0.97  # both strands have nearly one


@pytest.mark.parametrize("name", LEAST_COSINES)
def test_half_precision_costs_it_next_to_nothing(data, name):
    model, tokenizer = load_encoder(str(SHIPPED))
    sequences = [record.sequence for record in read_fasta(data / "unseen_test.fasta")][:10]
    exact, half = (embed(model, tokenizer, sequences, dtype=dtype) for dtype in (None, getattr(torch, name)))
    assert 1 - paired_cosines(half, exact, np.arange(10)).min() < 1e-5  # as the README says


@torch.no_grad()
@pytest.mark.parametrize("folder", [SHIPPED, SHIPPED_FOR_GENOMES])
def test_remote_code_gives_what_embed_gives(data, folder):
    model = AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert str(model.dtype) == "torch.float32"
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    sequences = [record.sequence for record in read_fasta(data / "unseen_test.fasta")][:5]
    vectors = model(**tokenizer([*sequences, "ACGTTGCA"], padding=True, return_tensors="pt")).pooler_output
    np.testing.assert_allclose(vectors[:5], embed(*load_encoder(str(folder)), sequences), atol=1e-3)


def test_identify_names_species_that_the_library_holds(tmp_path, data):
    calls = tmp_path / "calls.tsv"
    main(["identify", str(data / "test.fasta"), "--reference", str(data / "train.fasta"), "-o", str(calls)])
    truth = {row["id"]: row["species"] for row in csv.DictReader((data / "barcodes.tsv").open(), delimiter="\t")}
    rows = list(csv.DictReader(calls.open(), delimiter="\t"))
    assert len(rows) == 20
    assert np.mean([row["species"] == truth[row["id"]] for row in rows]) > 0.8


@pytest.mark.slow
def test_contigs_of_a_genome_are_near(tmp_path):
    """Simulated genomes have little of what real ones share: by chance one in eight would be right."""
    table = tmp_path / "contigs.tsv"
    simulate_genomes(["--output", str(table), "--species", "8", "--seed", "0"])
    rows = list(csv.DictReader(table.open(), delimiter="\t"))
    vectors = embed(*load_encoder(str(SHIPPED_FOR_GENOMES)), [row["sequence"] for row in rows], normalize=True)
    found, _ = nearest(vectors, vectors, exclude=np.arange(len(rows)))
    species = np.array([row["species"] for row in rows])
    assert np.mean(species[found[:, 0]] == species) > 0.25
    main(["bin", str(table), "-o", str(tmp_path / "bins")])
    assert read_cami(tmp_path / "bins" / "bins.tsv")
