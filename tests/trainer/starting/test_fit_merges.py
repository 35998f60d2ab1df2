"""What a model learns of merges, on a simulated marker whose groups differ in how much species vary."""

import shutil

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from modeling_dnacse import DnacseModel, load_checkpoint
from modeling_dnacse.clustering.species_merges import cluster_species
from modeling_dnacse.clustering.tree_cuts import Nodes
from modeling_dnacse.vectors.at_sites import read_sites
from tests.support.marker import simulate_marker, write_marker
from trainer.fit_merges import main, same_species

TRAIN = ("--train_split", "train")


def test_a_taught_model_finds_the_species_of_other_genera(site_folder, tmp_path):
    folder = shutil.copytree(site_folder, tmp_path / "model")
    library = write_marker(tmp_path / "library.tsv", simulate_marker(seed=1, genera=40))
    main(["--model", str(folder), "--train_file", str(library), *TRAIN, "--rounds", "1"])
    model, tokenizer = load_checkpoint(DnacseModel, str(folder))
    assert len(model.config.species_merges.split()) == 7 + model.config.hidden_size
    others = simulate_marker(seed=2)
    read = read_sites(model.eval(), tokenizer, [record["sequence"] for record in others])
    labels = cluster_species(model, read.bases).labels
    assert adjusted_rand_score([record["species"] for record in others], labels) > 0.9


def test_pairs_of_one_species_across_a_merge_are_counted():
    nodes = Nodes(np.empty(0, int), np.empty(0), np.array([[0, 1], [3, 2]]), np.array([1, 1, 1, 2, 3]))
    assert same_species(nodes, np.array(["a", "b", "a"])).tolist() == [0, 0.5]


def test_a_file_for_each_model(site_folder, tmp_path, capsys, caplog):
    tables = [tmp_path / "a.tsv", tmp_path / "b.tsv"]
    for table in tables:
        table.write_text("id\tsequence\n")
    with pytest.raises(SystemExit):
        main(["--model", str(site_folder), "--train_file", *map(str, tables)])
    assert "give a file for each model" in caplog.text + capsys.readouterr().err


@pytest.mark.parametrize("records", [0, 1])
def test_barcodes_that_make_no_tree_are_refused(site_folder, tmp_path, capsys, caplog, records):
    """Of another marker none has a place; one barcode alone has."""
    table = tmp_path / "barcodes.tsv"
    rows = simulate_marker(seed=1)[:1] if records else simulate_marker(seed=1, gene_seed=7)
    folder = shutil.copytree(site_folder, tmp_path / "model")
    before = (folder / "config.json").read_bytes()
    with pytest.raises(SystemExit):
        main(["--model", str(folder), "--train_file", str(write_marker(table, rows)), *TRAIN, "--rounds", "1"])
    told = caplog.text + capsys.readouterr().err
    assert "barcodes.tsv" in told
    assert "too few for a tree" in told
    assert (folder / "config.json").read_bytes() == before


@pytest.mark.parametrize(("second", "words"), [("b", "too few for a tree"), ("a", "is given twice")])
def test_all_models_are_changed_or_none(site_folder, tmp_path, caplog, second, words):
    """The first was changed before the second was refused; a model that was given twice had the second fit."""
    good = write_marker(tmp_path / "good.tsv", simulate_marker(seed=1, genera=40))
    bad = write_marker(tmp_path / "bad.tsv", simulate_marker(seed=1, gene_seed=7))
    folders = [shutil.copytree(site_folder, tmp_path / name) for name in sorted({"a", second})]
    before = (folders[0] / "config.json").read_bytes()
    models = ["--model", str(folders[0]), str(tmp_path / second)]
    with pytest.raises(SystemExit):
        main([*models, "--train_file", str(good), str(bad), *TRAIN, "--rounds", "1"])
    assert words in caplog.text and (folders[0] / "config.json").read_bytes() == before


def test_a_model_without_sites_and_barcodes_without_names_are_told(tmp_path, tiny_folder, site_folder, caplog):
    bare = tmp_path / "bare.fasta"
    bare.write_text(">a\nACGTACGTACGT\n")
    for model, words in ((tiny_folder, "has no sites; give a model"), (site_folder, "no record has a species")):
        with pytest.raises(SystemExit) as stop:
            main(["--model", str(model), "--train_file", str(bare)])
        assert stop.value.code == 2 and words in caplog.text
