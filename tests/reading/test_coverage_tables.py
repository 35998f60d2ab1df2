"""Tables of coverage are told by their first line; what is wrong in them is said with file and line."""

import numpy as np
import pytest

from modeling_dnacse.reading.coverage_tables import read_depths, telling_samples

IDS = ["c1", "c2 length=9"]  # the first word counts, here and in the table
TABLES = {
    "jgi": (
        "contigName\tcontigLen\ttotalAvgDepth\tA.bam\tA.bam-var\tB.bam\tB.bam-var\n"
        "c2\t9\t9\t3\t0.1\t4\t0.2\nc1 flag=1\t9\t9\t1\t0.1\t2\t0.2\n",
        ["A.bam", "B.bam"],
    ),
    "coverm": (
        "Contig\tA Mean\tA Trimmed Mean\tA Covered Fraction\tB Mean\tB Trimmed Mean\tB Covered Fraction\n"
        "c1\t1\t7\t1\t2\t7\t1\nc2\t3\t7\t1\t4\t7\t1\nc3\t5\t7\t1\t6\t7\t1\n",
        ["A", "B"],
    ),
    "coverm genome": ("Genome\tA TPM\tB TPM\nunmapped\t9\t9\nc1\t1\t2\nc2\t3\t4\n", ["A", "B"]),
    "jgi, two columns": ("contigName\tA.bam\tB.bam\nc1\t1\t2\nc2\t3\t4\n", ["A.bam", "B.bam"]),
    "vamb": ("contigname\tA\tB\nc1\t1\t2\nc2\t3\t4\n", ["A", "B"]),
}


@pytest.mark.parametrize("kind", TABLES)
def test_each_kind_gives_the_same_depths(kind, tmp_path):
    path = tmp_path / "depths.tsv"
    path.write_text(TABLES[kind][0])
    depths, samples = read_depths([path], IDS)
    assert depths.tolist() == [[1, 2], [3, 4]]
    assert samples == TABLES[kind][1]


def test_a_table_of_strobealign_is_one_sample(tmp_path):
    paths = [tmp_path / "a.tsv", tmp_path / "b.tsv"]
    paths[0].write_text("c1\t1\nc2\t3\n")
    paths[1].write_text("c2\t4.0\r\nc1\t2e0\r\n")
    depths, samples = read_depths(paths, IDS)
    assert depths.tolist() == [[1, 2], [3, 4]]
    assert samples == [str(path) for path in paths]


def test_the_total_of_jgi_is_a_depth_where_it_is_alone(tmp_path):
    """The lengths of contigs were taken as a sample, too."""
    path = tmp_path / "depths.tsv"
    path.write_text("contigName\tcontigLen\ttotalAvgDepth\nc1\t9\t1\nc2\t9\t3\n")
    depths, samples = read_depths([path], IDS)
    assert depths.tolist() == [[1], [3]] and samples == ["totalAvgDepth"]


def test_lengths_are_no_depths(tmp_path):
    """A file of ids and lengths, as of samtools faidx, was a sample."""
    path = tmp_path / "lengths.tsv"
    path.write_text("c1\t9\nc2\t1500\n")
    with pytest.raises(ValueError, match="the depths are the lengths of the contigs"):
        read_depths([path], IDS, [9, 1500])
    assert read_depths([path], IDS, [9, 1501])[0].tolist() == [[9], [1500]]


def test_contigs_of_another_assembly_are_refused(tmp_path):
    """Their names are often the same, as k141_1, so each contig got the depth of a stranger."""
    path = tmp_path / "depths.tsv"
    path.write_text("contigName\tcontigLen\ttotalAvgDepth\nc1\t9\t1\nc2\t1500\t3\n")
    assert read_depths([path], IDS, [9, 1500])[0].tolist() == [[1], [3]]
    with pytest.raises(ValueError, match="contig c2 has 1,500 bp there, but 7 here; map the reads to"):
        read_depths([path], IDS, [9, 7])


@pytest.mark.parametrize(
    ("header", "samples"),
    [
        ("Contig\tA Trimmed Mean\tB Mean", ["A", "B"]),  # only B was compared
        ("Contig\tA TPM\tB RPKM", ["A", "B"]),
        ("Contig\tS Mean\tS Mean", ["S", "S"]),
    ],
)
def test_each_sample_of_coverm_has_its_own_method(header, samples, tmp_path):
    path = tmp_path / "depths.tsv"
    path.write_text(f"{header}\nc1\t1\t2\nc2\t3\t4\n")
    depths, names = read_depths([path], IDS)
    assert depths.tolist() == [[1, 2], [3, 4]] and names == samples


def test_a_sample_that_is_there_twice_counts_once():
    """And one that has no reads, or as many of each contig, does not change bins."""
    depths = np.array([[1.0, 2.0, 0.0, 1.0], [2.0, 5.0, 0.0, 2.0]])
    kept, others = telling_samples(depths, ["S", "S", "T", "S"])
    assert kept == [0, 1] and others == ["T has the depth 0 for all contigs", "S has the depths of S"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c1\t1\n", "there is no contig c2, and 1 of 2 contigs are missing"),
        ("c1\t1\nc2\t2\nc1\t3\n", ":3: the contig c1 is there twice"),
        ("c1\t1\nc2\t-2\n", ":2: got '-2', but a depth"),
        ("c1\t1\nc2\tnan\n", ":2: got 'nan', but a depth"),
        ("c1\t1\nc2\t1_0\n", ":2: got '1_0', but a depth"),
        ("c1\t1\nc2\t\u0663\n", ":2: got '\u0663', but a depth"),
        ("c1\t1\nc2\t1e308\n", ":2: got '1e308', but a depth"),
        ("c1\t1\nc2\n", ":2: 1 columns, but 2 in the first line"),
        ("c1\t1\n\t2\n", ":2: a line without a contig"),
        ("Contig\tA Covered Fraction\nc1\t1\nc2\t1\n", "run CoverM with --methods mean"),
        ("Contig\ts\x1b[31m Mean\nc1\t1\n", ":1: control character"),
        ("contig\tlength\tA\nc1\t9\t1\nc2\t9\t1\n", ":1: the column 'length' holds no depths; remove it"),
        ("contigName\tcontigLen\tA\nc1\t9\t1\nc2\t9\t1\n", ":1: the column 'contigLen' holds no depths"),
        (">c1\nACGT\n", ":1: not a coverage table"),
        ("", ":1: not a coverage table"),
    ],
)
def test_a_wrong_table_is_one_sentence(text, message, tmp_path):
    path = tmp_path / "depths.tsv"
    path.write_text(text)
    with pytest.raises(ValueError, match="^[^\n]*$") as error:
        read_depths([path], IDS)
    assert message in str(error.value) and str(path) in str(error.value)
