"""Lists of what the shipped models were trained on: whole, and those of the data where these are at hand."""

import csv
import gzip
import hashlib
import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "benchmarks" / "records"


def rows(path):
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        yield from csv.DictReader(lines, delimiter="\t")


def digest(sequence):
    return hashlib.sha256(sequence.upper().encode()).hexdigest()[:8]


def test_every_barcode_that_was_trained_on_is_listed_once():
    trained = json.loads((ROOT / "checkpoints" / "dnacse-barcode-mini" / "training.json").read_text())
    listed = [row["id"] for row in rows(RECORDS / "coi_train.tsv.gz")]
    assert len(listed) == len(set(listed)) == trained["data"]["training"]["records"]


def test_genomes_are_assemblies_of_two_splits():
    listed = list(rows(RECORDS / "genomes.tsv"))
    assert len({row["id"] for row in listed}) == len(listed) == 224
    assert all(len(row["sha256"]) == 8 and int(row["bp"]) <= 700_000 for row in listed)
    assert {row["split"] for row in listed} == {"train", "test"}


@pytest.mark.skipif("DNACSE_DATA" not in os.environ, reason="needs DNACSE_DATA")
def test_lists_are_those_of_the_data():
    csv.field_size_limit(10**7)
    data = Path(os.environ["DNACSE_DATA"])
    barcodes = {row["seq_id"]: digest(row["sequence"]) for row in rows(data / "coi.tsv.gz") if row["split"] == "train"}
    assert {row["id"]: row["sha256"] for row in rows(RECORDS / "coi_train.tsv.gz")} == barcodes
    for row in rows(RECORDS / "genomes.tsv"):
        with gzip.open(data / "genomes" / f"{row['id']}.fa.gz", "rt") as lines:
            sequence = "".join(line.strip() for line in lines if not line.startswith(">"))
        assert (len(sequence), digest(sequence)) == (int(row["bp"]), row["sha256"])
