"""The shipped model of the sequences' marker is taken, or that of COI where there is none; a given one in any case."""

import pytest

from modeling_dnacse.cli import main
from modeling_dnacse.identification.identifier import Identifier
from modeling_dnacse.vectors import model_choice
from modeling_dnacse.vectors.model_choice import choose_model, sample_of
from tests.support.marker import fit_arguments, simulate_marker, write_marker
from trainer import fit_sites


@pytest.fixture(scope="module")
def markers(tmp_path_factory):
    """Two simulated markers: for each, its records and a model."""
    folder = tmp_path_factory.mktemp("markers")
    made = []
    for number in range(2):
        records = simulate_marker(seed=number, gene_seed=number)
        table = write_marker(folder / f"{number}.tsv", records)
        fit_sites.main(fit_arguments(table, folder / f"model{number}"))
        made.append((records, table, folder / f"model{number}"))
    return made


@pytest.fixture
def shipped(markers, monkeypatch):
    """As if these two models were shipped, the first of them for COI."""
    folders = tuple(model for _, _, model in markers)
    monkeypatch.setattr(model_choice, "SHIPPED", folders[0])
    monkeypatch.setattr(model_choice, "SHIPPED_BARCODES", folders)
    for module in ("loading.model_folders", "identification.indexes.index"):
        monkeypatch.setattr(f"modeling_dnacse.{module}.SHIPPED", folders[0])
        monkeypatch.setattr(f"modeling_dnacse.{module}.SHIPPED_BARCODES", folders)
    return markers


def chosen(sequences, said, model=None):
    return choose_model(model, lambda: iter(sequences), said.append)


def test_each_marker_gets_its_model_and_what_is_none_that_of_coi(shipped):
    said = []
    for records, _, model in shipped:
        assert chosen([record["sequence"] for record in records], said) == str(model)
    assert len(said) == 1 and "model1" in said[0]  # COI's goes without saying
    assert chosen(["ACGT" * 60] * 5, said) == str(shipped[0][2])
    assert chosen([], said) == str(shipped[0][2])
    assert chosen([record["sequence"] for record in shipped[1][0]], said, model="given") == "given"
    assert len(said) == 1


def test_alternating_markers_get_the_same_model_in_whatever_order(shipped):
    """A step of two through the file met one marker only."""
    first, second = ([record["sequence"] for record in records] for records, _, _ in shipped)
    both = [sequence for pair in zip(first, second * 2, strict=False) for sequence in pair] * 2
    assert len(both) > 200
    assert chosen(both, []) == chosen(both[::-1], []) == chosen(sorted(both), [])
    assert sample_of(both) == sample_of([text.lower() for text in both[::-1]])


def test_a_library_of_the_second_marker_is_named_and_indexed_by_its_model(shipped, tmp_path):
    _, table, model = shipped[1]
    identifier = Identifier.from_fasta(table)
    assert identifier.model == str(model)
    identifier.calibrate()
    identifier.save(tmp_path / "index")
    assert Identifier.from_index(tmp_path / "index").model == str(model)


@pytest.mark.parametrize("command", ["identify", "cluster", "index"])
def test_the_commands_choose(shipped, tmp_path, capsys, command):

    _, table, _ = shipped[1]
    output = tmp_path / ("folder" if command == "index" else "o.tsv")
    library = ["--reference", str(table)] if command == "identify" else []
    main([command, str(table), "-o", str(output), *library])
    assert "model1, the shipped model of this marker" in capsys.readouterr().err
    assert output.exists()
