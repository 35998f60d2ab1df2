"""Queries of several files, of ASV tables and with primers on."""

import pytest

from modeling_dnacse.identification.queries import QueryFiles
from modeling_dnacse.reading.abundances import read_abundances
from modeling_dnacse.reading.primers import PRIMERS, parse_primers, trim_primers
from modeling_dnacse.reading.sequences import reverse_complement

BARCODE = "ACTTTATATTTTATTTTTGGAGCATGAGCTGGTATAGTAGGAACTTCATTAAG"
FORWARD = PRIMERS["mlCOIintF"].replace("W", "A").replace("Y", "C")
REVERSE = PRIMERS["HCO2198"]


def test_files_whose_ids_clash_keep_them_apart(tmp_path, capsys):
    paths = [tmp_path / "site1.fasta", tmp_path / "site2.fa"]
    for path in paths:
        path.write_text(">asv1;size=3\nACGT\n>asv2\nACGT\n")
    queries = QueryFiles(paths)
    queries.check()
    assert [query.id for query in queries.read()] == ["site1:asv1", "site1:asv2", "site2:asv1", "site2:asv2"]
    assert [query.size for query in queries.read()] == [3, 1, 3, 1]
    assert "as in site1:ID" in capsys.readouterr().err
    with pytest.raises(ValueError, match="two files of queries are called site1"):
        QueryFiles([paths[0], paths[0]])


def test_names_of_files_before_ids_give_no_two_queries_one_id(tmp_path):
    """Both `x` of a:b.fa and `b:x` of a.fa were a:b:x in the calls."""
    (tmp_path / "a.fa").write_text(">b:x\nACGT\n>x\nACGT\n")
    (tmp_path / "a:b.fa").write_text(">x\nACGT\n")
    with pytest.raises(ValueError, match=r"a\.fa and .*a:b\.fa would both have a query 'a:b:x'"):
        QueryFiles([tmp_path / "a.fa", tmp_path / "a:b.fa"]).check()


def test_rows_named_by_their_sequences_are_queries_and_counts(tmp_path):
    table = tmp_path / "asvs.tsv"
    table.write_text(f'""\t"s1"\t"s2"\n"{BARCODE}"\t3\t0\n"{BARCODE}A"\t0\t4\n')
    queries = QueryFiles([table])
    queries.check()
    assert [(query.id, query.sequence) for query in queries.read()] == [(BARCODE, BARCODE), (f"{BARCODE}A",) * 2]
    counts = read_abundances(table)
    assert counts == (["s1", "s2"], {BARCODE: {0: 3}, f"{BARCODE}A": {1: 4}})
    queries.check_abundances(counts, table)


def test_columns_that_are_no_samples_are_left_out(tmp_path):
    table = tmp_path / "otus.csv"
    table.write_text("# Constructed from biom file\n#OTU ID,sequence,site,taxonomy\na;size=3,ACGT,3.0,k__Fungi\n")
    assert read_abundances(table) == (["site"], {"a": {0: 3}})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id\tsequence\na\tACGT\n", ":1: there is no column of a sample"),
        ("id\tgenus\tfamily\n", ":1: there is no column of a sample"),
        ("id\ts\ts\n", ":1: two samples have one name"),
        ("id\ts\x1b[31m\n", ":1: control character"),
        ("id\ts\na\t3\na\t4\n", ":3: id 'a' was used before"),
        ("id\ts\na\tmany\n", ":2: 'many' in the column 's' is no count"),
        ("id\ts\na\t" + "9" * 140_000 + "\n", ":2: '9{30}' in the column 's' is no count"),
        ('id,s\n"a,1\n' + "b,1\n" * 40_000, ":2: 1 fields where the first line names 2"),
        ("id\ts\na\t-1\n", ":2: '-1' in the column 's' is no count"),
        ("id\ts\na\n", ":2: 1 fields where the first line names 2"),
    ],
)
def test_tables_that_are_no_counts_are_refused(tmp_path, text, said):
    (tmp_path / "counts.tsv").write_text(text)
    with pytest.raises(ValueError, match=rf"counts\.tsv{said}"):
        read_abundances(tmp_path / "counts.tsv")


def test_counts_of_other_ids_are_refused_and_some_are_told(tmp_path, capsys):
    (tmp_path / "q.fasta").write_text(">a\nACGT\n>b\nACGT\n")
    queries = QueryFiles([tmp_path / "q.fasta"])
    queries.check()
    counts = tmp_path / "counts.tsv"
    counts.write_text("id\ts\na\t1\nc\t1\n")
    queries.check_abundances(read_abundances(counts), counts)
    said = capsys.readouterr().err
    assert "1 queries are not in it, such as 'b'; their counts are 0" in said
    assert "1 of its rows belong to no query" in said
    counts.write_text("id\ts\nc\t1\n")
    with pytest.raises(ValueError, match="none of the 2 queries is in it"):
        queries.check_abundances(read_abundances(counts), counts)


@pytest.mark.parametrize("flip", [False, True])
def test_primers_come_off_either_strand(flip):
    wrong = FORWARD[:5] + ("A" if FORWARD[5] != "A" else "C") + FORWARD[6:]
    read = "GG" + wrong + BARCODE + reverse_complement(REVERSE)
    trimmed = trim_primers(reverse_complement(read) if flip else read, *parse_primers(["mlCOIintF", "HCO2198"]))
    assert trimmed == (reverse_complement(BARCODE) if flip else BARCODE, 2)
    assert trim_primers(BARCODE, *parse_primers(["mlCOIintF/HCO2198"])) == (BARCODE, 0)
    assert trim_primers(read[len(wrong) + 2 :], FORWARD, REVERSE) == (BARCODE, 1)


@pytest.mark.parametrize("flip", [False, True])
def test_sites_of_the_primers_within_a_read_stay(flip):
    """The innermost of two equal sites at the end of a read was taken, so half of the amplicon was lost."""
    amplicon = BARCODE[:60] + FORWARD + BARCODE[60:] + reverse_complement(REVERSE) + BARCODE[:60]
    read = FORWARD + amplicon + reverse_complement(REVERSE)
    trimmed = trim_primers(reverse_complement(read) if flip else read, FORWARD, REVERSE)
    assert trimmed == (reverse_complement(amplicon) if flip else amplicon, 2)


def test_primers_that_are_on_are_told_and_taken_off(tmp_path, capsys):
    path = tmp_path / "q.fasta"
    path.write_text("".join(f">q{n}\n{FORWARD}{BARCODE}\n" for n in range(3)))
    QueryFiles([path]).check()
    assert "warning: 3 of the first 3 queries begin or end with the primer mlCOIintF" in capsys.readouterr().err
    queries = QueryFiles([path], parse_primers(["mlCOIintF", "jgHCO2198"]))
    queries.check()
    assert "primers removed: 0 queries had both, 3 one, 0 none" in capsys.readouterr().err
    assert {query.sequence for query in queries.read()} == {BARCODE}


@pytest.mark.parametrize("given", [["LCO1490"], ["LCO1490", "E5"], ["a", "b", "c"], ["LCO1490", "N" * 20]])
def test_what_is_no_pair_of_primers_is_refused(given):
    with pytest.raises(ValueError, match="--trim_primers got"):
        parse_primers(given)
