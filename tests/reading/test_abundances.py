"""Which columns of a table of counts are samples."""

import pytest

from modeling_dnacse.reading.abundances import read_abundances


def write(folder, text, name="n.tsv"):
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize("name", ["DNA", "bin", "order", "marker", "Barcode", "split"])
def test_a_sample_with_the_name_of_a_known_column_is_counted(name, tmp_path, capsys):
    table = write(tmp_path, f"id\t{name}\tpond\nq1\t7\t5\nq2\t\t0\n")
    assert read_abundances(table) == ([name, "pond"], {"q1": {0: 7, 1: 5}, "q2": {}})
    assert not capsys.readouterr().err


def test_a_sample_without_a_name_is_refused(tmp_path):
    """Its counts were silently left out; a column of empty cells, as spreadsheets leave it, is none."""
    with pytest.raises(ValueError, match=":1: column 3 holds numbers and has no name; name the sample, or remove"):
        read_abundances(write(tmp_path, "id\tpond\t\nq1\t7\t5\n"))
    assert read_abundances(write(tmp_path, "id\tpond\t\nq1\t7\t\n")) == (["pond"], {"q1": {0: 7}})


@pytest.mark.parametrize(("name", "cells"), [("count", ("7", "8")), ("name", ("7", "8")), ("DNA", ("7", "x"))])
def test_columns_of_numbers_that_are_no_samples_are_told(name, cells, tmp_path, capsys):
    table = write(tmp_path, f"#OTU ID\tpond\t{name}\nq1\t5\t{cells[0]}\nq2\t4\t{cells[1]}\n")
    assert read_abundances(table) == (["pond"], {"q1": {0: 5}, "q2": {0: 4}})
    assert f"by their names, these columns are no samples: {name!r}; rename" in capsys.readouterr().err


def test_an_empty_column_of_names_is_no_sample(tmp_path, capsys):
    assert read_abundances(write(tmp_path, "id\tspecies\tpond\nq1\t\t5\n")).samples == ["pond"]
    assert not capsys.readouterr().err


def test_a_sample_may_stand_before_the_ids(tmp_path):
    assert read_abundances(write(tmp_path, "pond\tid\n5\tq1\n")) == (["pond"], {"q1": {0: 5}})


def test_the_column_of_ids_is_that_of_the_queries(tmp_path):
    assert read_abundances(write(tmp_path, "name\tid\tpond\nA\tq1\t5\n")) == (["pond"], {"q1": {0: 5}})


def test_quotation_marks_in_ids_are_kept(tmp_path):
    table = write(tmp_path, 'id,pond\n"plot 12""",5\n', "n.csv")
    assert read_abundances(table) == (["pond"], {'plot 12"': {0: 5}})


def test_the_line_of_excel_with_the_separator_is_skipped(tmp_path):
    assert read_abundances(write(tmp_path, "sep=;\nid;pond\nq1;5\n", "n.csv")) == (["pond"], {"q1": {0: 5}})
