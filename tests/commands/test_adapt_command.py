"""`dnacse adapt`: a labelled library in; a model that the other commands take, with the figures of a trial, out."""

import csv
import json
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard

from modeling_dnacse import DnacseModel, Identifier, cli
from modeling_dnacse.cli import main
from modeling_dnacse.commands.adapt import read_marker, without_place
from modeling_dnacse.fitting import trial
from modeling_dnacse.fitting.held_out import hold_out
from modeling_dnacse.fitting.site_table import encode
from modeling_dnacse.fitting.strands import on_other_strand, turned
from modeling_dnacse.identification.calibration.by_queries import look_up_rows, rows_held_out
from modeling_dnacse.identification.references import read_references
from modeling_dnacse.reading.sequences import reverse_complement
from tests.support.marker import simulate_marker, write_marker
from tests.support.refusals import refuse

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def adapted(tmp_path_factory):
    """A library of which some records are on the other strand, and its model; what stderr told is in `said`."""
    folder = tmp_path_factory.mktemp("adapt")
    records = simulate_marker(seed=1)
    for record in records[::7]:
        record["sequence"] = reverse_complement(record["sequence"])
    library = write_marker(folder / "library.tsv", records)
    with (folder / "said").open("w") as said, redirect_stderr(said):
        main(["adapt", str(library), "-o", str(folder / "model")])
    return folder


def test_a_library_becomes_a_model_that_names_its_sequences(adapted, tmp_path):
    said = (adapted / "said").read_text()
    assert "14 of 96 records are on the other strand" in said
    assert said.split("chosen: ")[1].split(":")[0] in trial.ROUTES
    config = DnacseModel.from_pretrained(adapted / "model").config
    assert (
        config.species_similarity
        == json.loads((adapted / "model" / "training.json").read_text())["trial"]["species_similarity"]
    )
    others = simulate_marker(seed=1)[:12:2]  # a part of each
    queries = tmp_path / "queries.fasta"
    queries.write_text("".join(f">q{row}\n{record['sequence'][20:]}\n" for row, record in enumerate(others)))
    arguments = ["--reference", adapted / "library.tsv", "--model", adapted / "model", "-o", tmp_path / "calls.tsv"]
    main(["identify", str(queries), *map(str, arguments)])
    calls = list(csv.DictReader((tmp_path / "calls.tsv").open(), delimiter="\t"))
    assert [call["species"] for call in calls] == [record["species"] for record in others]


def test_the_card_tells_the_trial_and_says_no_licence(adapted, capsys):
    card = ModelCard.load(adapted / "model" / "README.md")
    header = card.data.to_dict()
    assert "license" not in header and header["library_name"] == "transformers"
    rows = [line for line in card.text.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0].strip("| ") for row in rows] == ["", trial.PLAIN, *trial.ROUTES]
    for row in rows[1:]:  # as it was told while it ran
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert any(line.split() == " ".join(cells).split() for line in (adapted / "said").read_text().splitlines())
    assert "dnacse adapt library.tsv --seed 0 -o model" in card.text
    main(["info", str(adapted / "model")])
    told = capsys.readouterr().out
    fitted = 96 - len(DnacseModel.from_pretrained(adapted / "model").config.held_out.split())
    assert f"{fitted} records, 21 species, 13 genera, of library.tsv" in told and "licence:" not in told


def test_names_are_calibrated_on_records_that_the_fit_left_out(adapted):
    """By all records, to which the model was fitted, 76 to 88 % of the names were right where 95 % were promised."""
    library, model = read_references(adapted / "library.tsv"), DnacseModel.from_pretrained(adapted / "model")
    trial = json.loads((adapted / "model" / "training.json").read_text())["trial"]["drawn"]
    rows = rows_held_out(library.references.ids, model.config.held_out)
    assert rows is not None and trial["unseen"] + trial["seen"] < len(rows) < len(library.references.ids)
    assert rows_held_out(["others", "of", "another", "library"], model.config.held_out) is None
    identifier = Identifier.from_fasta(adapted / "library.tsv", model=str(adapted / "model"))
    identifier.calibrate()
    data = identifier.calibrations[0].data
    assert 0 < (data.known_from == 0).sum() <= len(rows) < len(data.known_from) <= 3 * len(rows)


def test_names_of_genera_are_calibrated_by_genera_that_the_fit_did_not_know(adapted):
    """By genera that it knew, and so drew apart, 186 of 218 names of genera were right where 97 % were told."""
    identifier = Identifier.from_fasta(adapted / "library.tsv", model=str(adapted / "model"))
    held_out = rows_held_out(identifier.references.ids, identifier.encoder.model.config.held_out)
    species, genera = identifier.library.codes
    unknown = [set(code) - set(np.delete(code, held_out)) for code in (species, genera)]
    assert len(unknown[1]) == 3 and unknown[0] > set(species[np.isin(genera, list(unknown[1]))])
    identifier.calibrate()
    data = identifier.calibrations[0].data
    assert set(data.taxon[data.known_from == 1]) == unknown[0] and set(data.taxon[data.known_from == 2]) == unknown[1]
    assert (data.known_from == 0).sum() == len(held_out)


def test_where_the_fit_knew_all_genera_those_of_unknown_species_stand_for_them(adapted):
    """As in models that were adapted before whole genera were left out."""
    identifier = Identifier.from_fasta(adapted / "library.tsv", model=str(adapted / "model"))
    library, species = identifier.library, identifier.library.codes[0]
    rows = np.flatnonzero(species % 4 == 0)  # one of the two species of every other genus
    data = look_up_rows(library, library.encoded, rows, None)
    for level in (1, 2):
        assert (data.known_from == level).sum() == len(rows)


def test_records_without_a_place_are_counted(adapted, site_folder, tiny_folder):
    """Of 147 references of a model that was adapted to them 35 were never found, and `adapt` did not say so."""
    own = [record["sequence"] for record in simulate_marker(seed=1)[:9]]
    others = [record["sequence"] for record in simulate_marker(seed=1, gene_seed=7)[:9]]
    assert without_place(DnacseModel.from_pretrained(site_folder), [*own, *others]) == len(others)
    assert without_place(DnacseModel.from_pretrained(tiny_folder), others) == 0


def test_of_a_held_out_species_nothing_is_learnt():
    records = simulate_marker(seed=1)
    genera, species = (np.array([record[rank] for record in records]) for rank in ("genus", "species"))
    species[5] = genera[17] = ""
    split = hold_out(genera, species, np.random.default_rng(0))
    rest, unseen, seen = (set(species[rows]) for rows in split)
    assert unseen and seen and not unseen & rest and seen <= rest
    assert set(genera[split.unseen]) <= set(genera[split.rest]) and len(set(species[split.seen])) == len(split.seen)
    assert sorted(np.concatenate(split)) == list(range(len(records)))


def test_records_on_the_other_strand_are_found_and_doubtful_ones_left():
    texts = [encode(record["sequence"]) for record in simulate_marker(seed=2)]
    other = np.random.default_rng(0).random(len(texts)) < 0.3
    mixed = [turned(text) if of_other else text for text, of_other in zip(texts, other, strict=True)]
    assert on_other_strand(mixed).tolist() == other.tolist()
    junk = [np.random.default_rng(seed).integers(4, size=300).astype(np.uint8) for seed in range(20)]
    assert on_other_strand(texts + junk).mean() < 0.1


def test_a_gain_by_chance_is_said_to_be_one():
    rng = np.random.default_rng(0)
    species = np.repeat(np.arange(30), 2).astype(str)

    def answers(share):
        return trial.Answers(rng.random(60) < share, rng.random(40) < share, rng.random((60, 40)))

    either = trial.Answers(np.arange(60) % 4 < 2, np.arange(40) % 2 < 1, np.full((60, 40), 0.5))
    gain, low, high = trial.gain_of(either, trial.Answers(~either.genus, ~either.species, either.closer), species, 0)
    assert low < 0 < high and low < gain + 0.01 < high
    gain, low, high = trial.gain_of(answers(0.95), answers(0.3), species, 0)
    assert low > 0.2
    nobody = trial.Answers(rng.random(60) < 0.5, np.zeros(0, bool), np.zeros((60, 0)))
    assert np.isnan(nobody.measures()).tolist() == [False, True, True]
    assert trial.gain_of(nobody, nobody, species, 0) == (0, 0, 0)


def write(path, records):
    line = ">{id} species={species} genus={genus}\n{sequence}\n"
    path.write_text("".join(line.format(**record) for record in records))
    return path


def test_what_is_too_little_or_in_the_way_is_told_before_torch_is_loaded(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cli, "prepare", lambda: pytest.fail("torch was loaded"))
    records = simulate_marker(seed=1)
    few = write(tmp_path / "few.fasta", records[:24])
    one_each = write(tmp_path / "alone.fasta", [record for record in records if record["species"].endswith(" a")])
    library, model = write(tmp_path / "library.fasta", records), tmp_path / "model"
    assert "few.fasta: 24 records have a species and a genus, and 4 genera" in refuse(
        capsys, "adapt", few, "-o", model
    )
    assert "0 genera have two species or more; at least 30" in refuse(capsys, "adapt", one_each, "-o", model)
    assert "is there already" in refuse(capsys, "adapt", library, "-o", tmp_path)
    assert "is there already" in refuse(capsys, "adapt", library, "-o", library)
    assert "there is no folder" in refuse(capsys, "adapt", library, "-o", tmp_path / "no" / "model")
    monkeypatch.setattr("modeling_dnacse.commands.adapt.find_spec", lambda _: None)
    assert "pip install 'dnacse[adapt]'" in refuse(capsys, "adapt", library, "-o", model)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone.fasta", "few.fasta", "library.fasta"]


def test_two_at_once_are_refused_in_one_sentence(tmp_path, capsys, monkeypatch):
    library = write(tmp_path / "library.fasta", simulate_marker(seed=1))
    command, said = ["adapt", library, "-o", tmp_path / "model"], []

    def second(_, __, folder):  # while the first works
        said.append(refuse(capsys, *command))
        folder.mkdir()
        (folder / "model.safetensors").touch()

    monkeypatch.setattr("modeling_dnacse.commands.adapt.make_model", second)
    main([str(part) for part in command])
    assert said[0].endswith(
        f"another process is writing {tmp_path / 'model'}; wait for it, or give the output another name"
    )


def test_a_library_with_splits_is_not_fitted_as_a_whole(tmp_path, capsys):
    """Test records were learnt from without a word."""
    records = simulate_marker(seed=1)
    for record in records[::2]:
        record["split"] = "test"
    library = write_marker(tmp_path / "library.tsv", records)
    assert "has the splits test, train: say with --split" in refuse(capsys, "adapt", library, "-o", tmp_path / "model")
    chosen = read_references(library, split="train")
    found, sequences, _ = read_marker(library, chosen, np.random.default_rng(0))
    assert sequences == [record["sequence"] for record in records[1::2]] and len(found.texts) == len(sequences)
    assert [path.name for path in tmp_path.iterdir()] == ["library.tsv"]


def test_mixed_markers_are_refused(tmp_path, capsys):
    first, second = simulate_marker(seed=1), simulate_marker(seed=2, gene_seed=7)
    mixed = write(tmp_path / "mixed.fasta", first + second)
    assert "give the records of one marker" in refuse(capsys, "adapt", mixed, "-o", tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["mixed.fasta"]


def test_copies_of_one_sequence_are_refused(tmp_path, capsys):
    """They were fitted, and the last sentence asked for "a model whose weights are numbers"."""
    copies = [record | {"sequence": "ACGGT" * 60} for record in simulate_marker(seed=1)]
    path = write(tmp_path / "copies.fasta", copies)
    said = refuse(capsys, "adapt", path, "-o", tmp_path / "model")
    assert "copies.fasta: the number of different sequences among 96 records is 1; at least 30" in said
    assert [path.name for path in tmp_path.iterdir()] == ["copies.fasta"]


def test_markers_that_share_no_genus_are_told(tmp_path, capsys):
    first = simulate_marker(seed=1, genera=1)
    second = simulate_marker(seed=2, genera=1, gene_seed=7, name="Other")
    for records, told in ((first, False), (first + second, True)):
        path = write(tmp_path / "library.fasta", records)
        read_marker(path, read_references(path), np.random.default_rng(0))
        said = capsys.readouterr().err
        assert ("6 of 12 records, such as one of" in said) == told
        assert ("give one marker at a time" in said) == told


def test_a_stop_leaves_nothing(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("modeling_dnacse.loading.repository.halve", stop)
    monkeypatch.setattr("modeling_dnacse.fitting.trial.ROUTES", {"7-mer discriminant": trial.kmer_discriminant})
    library = write(tmp_path / "library.fasta", simulate_marker(seed=1))
    with pytest.raises(SystemExit) as stopped:
        main(["adapt", str(library), "-o", str(tmp_path / "model")])
    assert stopped.value.code == 130
    assert [path.name for path in tmp_path.iterdir()] == ["library.fasta"]


def test_long_sequences_are_fitted_by_kmers_alone():
    assert trial.routes_for(np.full(50, 700)) == trial.ROUTES
    assert list(trial.routes_for(np.full(50, 16_000))) == ["7-mer discriminant"]


@pytest.mark.slow
def test_a_short_marker_has_fewer_features_than_columns_and_one_record_a_species(tmp_path, capsys):
    records = [record for record in simulate_marker(seed=3, genera=24) if record["id"].endswith("0")]
    for record in records:
        record["sequence"] = record["sequence"][:90]
    library = write(tmp_path / "short.fasta", records)
    main(["adapt", str(library), "-o", str(tmp_path / "model")])
    told = capsys.readouterr().err
    assert "0 single ones of known species" in told and "–" in told and "no threshold for clusters" in told
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["species_similarity"] is None
    sample = ROOT / "examples" / "sample" / "library.fasta"
    main(["adapt", str(sample), "-o", str(tmp_path / "sample")])
    assert "chosen: " in capsys.readouterr().err


def test_a_library_that_changes_meanwhile_gives_no_model(tmp_path, monkeypatch, capsys):
    """The record of the fit had the digest of a library that it did not read."""
    library = write_marker(tmp_path / "library.tsv", simulate_marker(seed=1))
    monkeypatch.setattr("modeling_dnacse.commands.adapt.make_model", lambda *_: library.write_text("other"))
    said = refuse(capsys, "adapt", library, "-o", tmp_path / "model")
    assert "library.tsv changed while it was being read" in said
    assert not (tmp_path / "model").exists()
