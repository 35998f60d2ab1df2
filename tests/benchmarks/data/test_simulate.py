"""The simulated barcodes follow the model that their docstring states, and the files follow the real data's layout."""

import csv
import os
import signal

import numpy as np
import pytest

from benchmarks.data.labelled_tables import COLUMNS
from benchmarks.data.simulate import SPLITS, evolve, grow_tree, is_stop, main, simulate


def distances(sequences: np.ndarray) -> np.ndarray:
    apart = (sequences[:, None] != sequences[None]).mean(axis=-1)
    np.fill_diagonal(apart, 1)
    return apart


def test_species_are_a_few_per_cent_apart_and_third_positions_evolve_fastest():
    _, species, _ = grow_tree(120, np.random.default_rng(0))
    nearest = distances(species).min(axis=1)
    assert 0.02 < np.median(nearest) < 0.06
    assert (nearest > 0.005).all()
    variable = (species != species[0]).mean(axis=0)
    first, second, third = (variable[position::3].mean() for position in range(3))
    assert third > 2 * first > 2 * second


def test_the_barcode_stays_open():
    _, species, _ = grow_tree(60, np.random.default_rng(1))
    assert not is_stop(species[:, :657].reshape(60, -1, 3)).any()


def test_records_of_one_species_differ_by_less_than_one_per_cent_before_sequencing():
    rng = np.random.default_rng(2)
    _, species, rates = grow_tree(6, rng)
    specimens = evolve(np.repeat(species[:1], 20, axis=0), np.full(20, 0.005), rates, rng)
    assert 0 < (specimens != species[0]).mean() < 0.01


def test_transitions_outnumber_transversions():
    rng = np.random.default_rng(3)
    before = rng.integers(0, 4, size=(50, 658)).astype(np.uint8)
    after = evolve(before, np.full(50, 0.05), np.ones(658), rng)
    changes = (before ^ after)[before != after]
    assert (changes == 2).mean() > 0.6


def test_splits_are_those_of_the_real_data():
    records = simulate(species=60, records_per_species=10)
    species = {split: {r["species"] for r in records if r["split"] == split} for split in SPLITS}
    genera = {split: {r["genus"] for r in records if r["split"] == split} for split in SPLITS}
    assert all(species.values())
    assert species["val"] | species["test"] <= species["train"]
    assert not (species["unseen_val"] | species["unseen_test"]) & species["train"]
    assert not species["unseen_val"] & species["unseen_test"]
    assert genera["unseen_val"] | genera["unseen_test"] <= genera["train"]
    assert len({r["species"] for r in records}) == 60
    assert all(390 <= len(r["sequence"]) <= 670 for r in records)


def test_the_seed_decides():
    assert simulate(12, 3, seed=5) == simulate(12, 3, seed=5)
    assert simulate(12, 3, seed=5) != simulate(12, 3, seed=6)


def test_files(tmp_path):
    assert main(["--output", str(tmp_path), "--species", "12", "--records_per_species", "4"]) == 0
    with (tmp_path / "barcodes.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 48
    header, sequence = (tmp_path / "train.fasta").read_text().splitlines()[:2]
    first = rows[0]
    assert header == f">{first['id']} species={first['species']} genus={first['genus']} family={first['family']}"
    assert sequence == first["sequence"]


def test_a_folder_that_holds_files_is_not_written_to(tmp_path, capsys):
    """Files of the names barcodes.tsv, train.fasta and so on were replaced."""
    (tmp_path / "train.fasta").write_text("mine")
    assert main(["--output", str(tmp_path), "--species", "12"]) == 2
    assert "is there already; give a new folder, or remove it first" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_script_and_leaves_nothing_half_written(number, code, tmp_path, capsys, monkeypatch):
    """SIGTERM left half of the files, and SIGINT a traceback, too."""

    def stop(_records, path):
        path.write_text("half")
        os.kill(os.getpid(), number)

    monkeypatch.setattr("benchmarks.data.simulate.write_labelled", stop)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let what is behind & ignore it
    try:
        with pytest.raises(SystemExit) as stopped:
            main(["--output", str(tmp_path / "made"), "--species", "12"])
    finally:
        signal.signal(signal.SIGINT, before)
    assert stopped.value.code == code and capsys.readouterr().err.endswith(f"stopped by {number.name}\n")
    assert not list(tmp_path.iterdir())


def test_no_species_is_an_error(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--output", str(tmp_path), "--species", "0"])
    assert "argument --species: '0' is no whole number from 1" in capsys.readouterr().err
    with pytest.raises(ValueError, match="at least 1"):
        simulate(species=3, records_per_species=0)


def test_fragments_and_errors_follow_their_options():
    clean = simulate(12, 20, seed=0, shortest=658, error_rate=0)
    assert {len(record["sequence"]) for record in clean} == {658}
    noisy = simulate(12, 20, seed=0, shortest=100, error_rate=0.1)
    lengths = [len(record["sequence"]) for record in noisy]
    assert 90 < min(lengths) < 200
    with pytest.raises(ValueError, match="--shortest 700"):
        simulate(12, 3, shortest=700)
