"""Cells of tables that people and programs write: ids, abundances, bytes, blanks; and files with another suffix."""

import bz2
import gzip

import pyarrow as pa
import pytest
from pyarrow import parquet

from modeling_dnacse.reading.coverage_tables import read_depths
from modeling_dnacse.reading.labels import read_records
from modeling_dnacse.reading.sequences import AlphabetCounts, read_fasta
from modeling_dnacse.reading.tables import table_rows

IDS = {
    "bytes": (pa.array([b"x1", b"x2"]), ["x1", "x2"]),
    "missing numbers": (pa.array([float("nan"), 2.5]), ["row_1", "2.5"]),
}
NOT_TOLD_BY_PYTHON = {
    "time": pa.array([-(2**62), 2], pa.timestamp("us")),
    "date": pa.array([2**30, 1], pa.int32()).cast(pa.date32()),
    "bytes that are no text": pa.array([b"\xff", b"x"]),
}


def ids_of(path):
    return [record.id for record in read_records(path)]


def table(folder, ids, sequences=("ACGT", "ACGA")):
    parquet.write_table(pa.table({"id": ids, "sequence": pa.array(sequences)}), folder / "f.parquet")
    return folder / "f.parquet"


@pytest.mark.filterwarnings("ignore:.*empty id")
@pytest.mark.parametrize("kind", IDS)
def test_ids_in_parquet_are_not_named_after_their_types(kind, tmp_path):
    ids, right = IDS[kind]
    assert ids_of(table(tmp_path, ids)) == right


def test_sequences_in_parquet_may_be_bytes(tmp_path):
    path = table(tmp_path, ["a", "b"], [b"ACGT", b"ACGA"])
    assert [record.sequence for record in read_records(path)] == ["ACGT", "ACGA"]


@pytest.mark.parametrize("kind", NOT_TOLD_BY_PYTHON)
def test_values_that_python_cannot_hold_are_told_with_their_file(kind, tmp_path):
    with pytest.raises(ValueError, match="f.parquet: not readable as parquet"):
        ids_of(table(tmp_path, NOT_TOLD_BY_PYTHON[kind]))


def test_an_id_made_of_id_and_marker_is_given_once(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("processid,nuc,marker_code\nA,ACGT,16S\nA,ACGA,COI\nA.COI,ACGC,\n")
    with pytest.raises(ValueError, match=r"f.csv:4: id 'A.COI' was used before, at .*f.csv:3"):
        ids_of(path)


@pytest.mark.parametrize(
    ("written", "size", "counted"),
    [("3.0", 3, 0), ("1e3", 1000, 0), ("", 1, 0), ("NA", 1, 0), ("-3", 1, 1), ("x", 1, 1)],
)
def test_abundances_of_a_table_are_read_or_counted(written, size, counted, tmp_path):
    path, counts = tmp_path / "f.csv", AlphabetCounts()
    path.write_text(f"id,sequence,size\na,ACGT,{written}\n")
    assert [record.size for record in read_records(path, counts=counts)] == [size]
    assert counts.without_size == counted
    assert ("Took 1 for 1 abundances" in counts.summary()) == bool(counted)


@pytest.mark.filterwarnings("ignore:.*empty id")
def test_no_break_spaces_are_no_part_of_an_id(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("id,sequence\n\u00a0,ACGT\nb\u00a0,ACGA\n", encoding="utf-8")
    assert ids_of(path) == ["row_1", "b"]


def test_contigs_with_the_same_first_word_do_not_share_a_depth(tmp_path):
    path = tmp_path / "depths.tsv"
    path.write_text("contig\t3\n")
    with pytest.raises(ValueError, match="2 contigs begin with the same word, 'contig'"):
        read_depths([path], ["contig 1", "contig 2"])


def test_blank_lines_before_column_names_are_skipped(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("\n\nid,sequence\na,ACGT\n")
    assert ids_of(path) == ["a"]


def test_braces_without_end_are_no_traceback(tmp_path):
    path = tmp_path / "f.fa"
    path.write_text(f'>x {{"a":{"[" * 200_000}{"]" * 200_000}}}\nACGT\n')
    assert ids_of(path) == ["x"]


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_the_first_bytes_decide_not_the_suffix(pack, suffix, tmp_path):
    path = tmp_path / f"f.fa.{suffix}"
    path.write_bytes(pack(b">a\nACGT\n"))
    assert [record.id for record in read_fasta(path)] == ["a"]


def test_quotation_marks_in_ids_are_the_same_in_all_tables(tmp_path):
    ids = ["12", '12"', 'plot 12"', '"x"']
    csv, tsv = tmp_path / "f.csv", tmp_path / "f.tsv"
    csv.write_text('id,sequence\n12,ACGT\n"12""",ACGA\n"plot 12""", "ACGC"\n"""x""",ACGG\n')
    tsv.write_text('id\tsequence\n12\tACGT\n12"\tACGA\n"plot 12"""\t"ACGC"\n"""x"""\tACGG\n')
    assert ids_of(table(tmp_path, ids, ["ACGT", "ACGA", "ACGC", "ACGG"])) == ids
    assert ids_of(csv) == ids and ids_of(tsv) == ids


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "sep=;\n"])
def test_the_line_of_excel_with_the_separator_is_skipped(first, tmp_path):
    for name in ("f.csv", "f.txt", "f.data"):
        path = tmp_path / name
        path.write_text(f"{first}\r\nid;sequence\r\na;ACGT\r\n")
        assert ids_of(path) == ["a"]


@pytest.mark.parametrize("row", ["{}\n", "{}\t3\t0\n", '"{}"\t3\t0\n'])
def test_a_first_line_that_is_a_sequence_names_no_columns(tmp_path, row):
    """The first of a plain list of sequences, or of a table of DADA2 without column names, was lost without a word."""
    table = tmp_path / "asvs.tsv"
    table.write_text("".join(row.format(sequence) for sequence in ("ACGR" * 10, "CCGT" * 10, "GCGT" * 10)))
    with pytest.raises(ValueError, match=r"asvs\.tsv:1: the first line is a sequence"):
        list(table_rows(str(table), "\t"))
