"""Where records come from: files, read anew each time, or a data set with the right columns."""

import pytest
from datasets import Dataset

from tests.support.families import random_families
from trainer.records.records import load_records, table_on_disk


def test_files_of_several_kinds_are_one_table(tmp_path, fasta):
    table = tmp_path / "more.tsv"
    table.write_text("id\tsequence\tspecies\tsplit\nx\tacgtn\tGenus z\ttrain\ny\tACGT\tGenus z\ttest\n")
    records = load_records([str(fasta), str(table)])
    assert len(records) == 50
    assert records[48]["sequence"] == "ACGTN" and records[48]["species"] == "Genus z"
    assert records[0]["species"] == "Genus a"
    assert list(load_records([str(table)], split="train")["id"]) == ["x"]


def test_a_changed_file_is_read_anew(tmp_path):
    path = tmp_path / "a.fasta"
    for sequence in ("ACGT", "TTTT"):
        path.write_text(f">r species=Genus a\n{sequence}\n")
        assert list(load_records([str(path)])["sequence"]) == [sequence]


def test_a_table_is_written_in_batches_of_text_not_of_rows(tmp_path, monkeypatch):
    """A thousand genomes at once fill the memory, a hundred barcodes at a time the table of contents."""
    monkeypatch.setattr("trainer.records.records.BATCH_CHARACTERS", 1000)
    rows = [{"id": str(number), "sequence": "A" * 100 * (1 + 20 * (number > 20))} for number in range(24)]
    records = table_on_disk(row for row in rows)
    assert list(records) == rows
    assert [len(chunk) for chunk in records.data.column("sequence").chunks] == [10, 10, 2, 1, 1]
    with pytest.raises(ValueError, match="no records to train or validate on"):
        table_on_disk([])


def test_an_error_in_a_file_keeps_its_place(tmp_path):
    path = tmp_path / "a.fasta"
    path.write_text(">r species=Genus a\nACGT\n>s species=Genus a\nAC*T\n")
    with pytest.raises(ValueError, match=r"a\.fasta:4"):
        load_records([str(path)])


def test_a_data_set_needs_sequence_and_species(tmp_path):
    families = random_families(seed=0).items()
    rows = [{"id": header.split()[0], "sequence": text, "species": header.split("=")[1]} for header, text in families]
    whole, part = tmp_path / "whole", tmp_path / "part"
    for folder in (whole, part):
        folder.mkdir()
    Dataset.from_list(rows).to_parquet(whole / "train.parquet")
    Dataset.from_list(rows).remove_columns("species").to_parquet(part / "train.parquet")
    assert len(load_records(None, str(whole))) == 48
    rows = [{"sequence": "acgt-uRR", "species": "Apis sp. X1"}, {"sequence": "ACGT", "species": "NA"}]
    Dataset.from_list(rows).to_parquet(whole / "train.parquet")
    records = load_records(None, str(whole))  # under the same policies as a file
    assert list(records["sequence"]) == ["ACGTTNN", "ACGT"] and list(records["species"]) == ["", ""]
    with pytest.raises(ValueError, match="has the columns id, sequence; species is missing"):
        load_records(None, str(part))


def test_a_split_of_a_data_set_is_a_column_or_a_file(tmp_path):
    """With the column, rows of other splits were trained on: the data set's own split `train` holds them all."""
    rows = [{"sequence": sequence, "species": "A b"} for sequence in ("ACGT", "TTTT", "GGGG")]
    column, files = tmp_path / "column", tmp_path / "files"
    for folder in (column, files):
        folder.mkdir()
    named = [row | {"split": split} for row, split in zip(rows, ("train", "test", "train"), strict=True)]
    Dataset.from_list(named).to_parquet(column / "train.parquet")
    Dataset.from_list(rows[:1]).to_parquet(files / "train.parquet")
    Dataset.from_list(rows[1:]).to_parquet(files / "test.parquet")
    found = {
        (folder.name, split): list(load_records(None, str(folder), split=split)["sequence"])
        for folder in (column, files)
        for split in (None, "train", "test")
    }
    assert found == {
        ("column", None): ["ACGT", "TTTT", "GGGG"],  # which train.py refuses to train on
        ("column", "train"): ["ACGT", "GGGG"],
        ("column", "test"): ["TTTT"],
        ("files", None): ["ACGT"],
        ("files", "train"): ["ACGT"],
        ("files", "test"): ["TTTT", "GGGG"],
    }
    assert set(load_records(None, str(column))["split"]) == {"train", "test"}
    with pytest.raises(
        ValueError, match="has no split 'val'; it has test, train|has no split 'val'; it has train, test"
    ):
        load_records(None, str(files), split="val")
    with pytest.raises(ValueError, match="no record has the split 'val'"):
        load_records(None, str(column), split="val")
