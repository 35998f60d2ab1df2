"""Labels from headers and tables, and what a labelled file must not be."""

import gzip
import os
import warnings
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from modeling_dnacse.reading.label_policy import clean_labels
from modeling_dnacse.reading.labels import RANKS, labels_from_header, read_labelled, read_records
from modeling_dnacse.reading.sequences import AlphabetCounts

HEADERS = {
    "x species=Apis mellifera genus=Apis family=Apidae order=Hymenoptera class=Insecta phylum=Arthropoda": dict(
        zip(RANKS, ["Apis mellifera", "Apis", "Apidae", "Hymenoptera", "Insecta", "Arthropoda"], strict=True)
    ),
    "x species=Apis mellifera; family=Apidae;": {"species": "Apis mellifera", "genus": "Apis", "family": "Apidae"},
    "species=Apis_mellifera other=y": {"species": "Apis mellifera", "genus": "Apis"},
    "x Species=Apis mellifera Genus=Other": {"species": "Apis mellifera", "genus": "Other"},
    "x species=Candidatus Carsonella ruddii": {"species": "Candidatus Carsonella ruddii", "genus": "Carsonella"},
    "x species=Fungal endophyte 3": {},
    "x species=Leaf litter ascomycete its395": {},
    "x species=Fungal sp. AB12": {},
    "x species=Alphaproteobacteria sp. 3": {},
    "x species=Marine bacterium X1": {},
    "x species=Insect endosymbiont of Apis": {},
    "x species=Wolbachia endosymbiont of Apis mellifera": {"genus": "Wolbachia"},
    "x species=uncultured bacterium": {},
    "x species=Apis mellifera;size=3;": {"species": "Apis mellifera", "genus": "Apis"},
    "x species=NA genus=Apis": {"genus": "Apis"},
    "x [organism=Homo sapiens] [strain=y]": {"species": "Homo sapiens", "genus": "Homo"},
    "G-13|Apis mellifera|COI-5P|KM1": {"species": "Apis mellifera", "genus": "Apis"},
    "G-13|Apis mellifera carnica|COI-5P": {"species": "Apis mellifera", "genus": "Apis"},
    "G-13|Apis mellifera": {"species": "Apis mellifera", "genus": "Apis"},
    "G-13|Apis sp. XYZ|COI-5P": {"genus": "Apis"},
    "G-13|Apis sp|COI-5P": {"genus": "Apis"},
    "G-13|Apis sp1|COI-5P": {"genus": "Apis"},
    "G-13|Apis cf. mellifera|COI-5P": {"genus": "Apis"},
    "G-13|Apis speciosa|COI-5P": {"species": "Apis speciosa", "genus": "Apis"},
    "G-13|Cecidomyiidae|COI-5P": {"family": "Cecidomyiidae"},
    "G-13|Diptera|COI-5P": {},
    "G-13|Cecidomyiidae sp. BOLD:AAA1234|COI-5P": {"family": "Cecidomyiidae"},
    "gi|478483683|ref|NC_020995.1| Enterococcus casseliflavus": {
        "species": "Enterococcus casseliflavus",
        "genus": "Enterococcus",
    },
    "runA|Plot|asv0": {},
    "asv1 Plot north of the road": {},
    "x": {},
}

TABLE = (
    "id,sequence,species,genus,family,order,class,phylum,split\na,ACGT,Apis mellifera,Apis,Apidae,,Insecta,,train\n"
)
ROW = {"id": "a", "sequence": "ACGT", "species": "Apis mellifera", "genus": "Apis", "family": "Apidae", "order": ""}
ROW |= {"class": "Insecta", "phylum": "", "split": "train"}

ACCEPTED = {
    "csv": ("f.csv", TABLE),
    "csv with quotation marks": ("f.csv", TABLE.replace("Apis mellifera", '"Apis mellifera"')),
    "csv with CRLF": ("f.csv", TABLE.replace("\n", "\r\n")),
    "csv with CR alone": ("f.csv", TABLE.replace("\n", "\r")),
    "csv with a byte order mark": ("f.csv", "\ufeff" + TABLE),
    "csv with blank lines": ("f.csv", TABLE.replace("\n", "\n\n")),
    "tsv": ("f.tsv", TABLE.replace(",", "\t")),
    "tsv as R writes it": ("f.tsv", '"' + TABLE.strip().replace("\n", '"\n"').replace(",", '"\t"') + '"\n'),
    "txt of BOLD": ("f.txt", TABLE.replace(",", "\t")),
    "names of BOLD": ("F.CSV", TABLE.replace("id,sequence,species,genus", "processid,nuc,species_name,Genus_Name")),
    "csv with semicolons": ("f.csv", TABLE.replace(",", ";")),
    "csv that is separated by tabs": ("f.csv", TABLE.replace(",", "\t")),
    "table without a suffix": ("f", TABLE.replace(",", "\t")),
    "names of QIIME2": ("f.tsv", TABLE.replace(",", "\t").replace("id\t", "Feature ID\t", 1)),
    "names of an OTU table": ("f.tsv", TABLE.replace(",", "\t").replace("id\t", "#OTU ID\t", 1)),
    "species as genus and epithet": ("f.csv", TABLE.replace("Apis mellifera", "mellifera")),
    "epithet in a column of its own": (
        "f.csv",
        TABLE.replace("Apis mellifera", "mellifera").replace("species", "specificEpithet"),
    ),
    "species with blanks and authorship": ("f.csv", TABLE.replace("Apis mellifera", "Apis\u00a0 mellifera (L.)")),
    "rows without a sequence": ("f.csv", TABLE + "b,None,,,,,,,\nc,,,,,,,,\nd,--,,,,,,,\n"),
    "abundance in the id": ("f.csv", TABLE.replace("\na,", "\na;size=7,")),
    "other columns": ("f.csv", "note," + TABLE.replace("\n", "\nhe said,", 1)),
    "lower case and gaps": ("f.csv", TABLE.replace("ACGT", "ac-gu ")),
    "header keys": (
        "f.fasta",
        ">a species=Apis mellifera family=Apidae class=Insecta split=train\nacgt\n",
    ),
    "header keys without a suffix": (
        "f",
        ">a species=Apis mellifera family=Apidae class=Insecta split=train\nacgt\n",
    ),
    "header keys and abundance": (
        "f.ffn",
        ">a;size=7 species=Apis_mellifera;family=Apidae;class=Insecta;split=train;\nacgt\n",
    ),
    "header keys in FASTQ": (
        "f.fq",
        "@a species=Apis mellifera family=Apidae class=Insecta split=train\nACGT\n+\nIIII\n",
    ),
}

# the file's name and content, and the words that must follow its path
REFUSED = {
    "unknown suffix": ("f.xlsx", "", ": neither the suffix '.xlsx' nor the content shows a format"),
    "no suffix": ("f", "", ": neither the suffix '' nor the content shows a format"),
    "empty table": ("f.csv", "", ":1: the file is empty"),
    "empty fasta": ("f.fa", "", ":1: no records"),
    "no rows": ("f.tsv", "id\tsequence\n", ": a header but no rows"),
    "no column of sequences": (
        "f.csv",
        "id,dnaa\na,ACGT\n",
        ":1: no column for the sequence; the columns are 'id', 'dnaa'",
    ),
    "two columns of sequences": (
        "f.tsv",
        "id\tsequence\tSequence\na\tAC\tGT\n",
        ":1: 2 columns 'sequence'",
    ),
    "two columns of ids": ("f.csv", "id,#ID,sequence\na,b,AC\n", ":1: 2 columns 'id'"),
    "line feed in an id": ("f.csv", 'id,sequence\n"a\n>evil\nTTTT",AC\n', ":4: control character '\\n' in id"),
    "CR in an id": ("f.csv", 'id,sequence,species\n"a\rb",AC,x y\n', ":3: control character '\\r' in id"),
    "CR in a name": ("f.csv", 'id,sequence,species\na,AC,"x\ry"\n', ":3: control character '\\r' in species"),
    "escape sequence in an id": ("f.fa", ">a\x1b[31m\nAC\n", ":1: control character '\\x1b' in id"),
    "turned text in a name": (
        "f.csv",
        "id,sequence,species\na,AC,x \u202ey\n",
        ":2: control character '\\u202e' in species",
    ),
    "byte 1A in a sequence": ("f.fa", ">a\nACGT\x1a41CGT\n", ":2: character '\\x1a' in a sequence"),
    "zip archive": ("f.qza", "PK\x03\x04", ": a zip archive that cannot be read"),
    "short row": ("f.csv", "id,sequence\na,ACGT\nb\n", ":3: 1 fields where the first line names 2"),
    "long row": ("f.tsv", "id\tsequence\na\tACGT\t\n", ":2: 3 fields where the first line names 2"),
    "repeated id": ("f.csv", "id,sequence\na,ACGT\nb,A\na,ACGT\n", ":4: id 'a' was used before, at {}:2;"),
    "no sequence in any row": ("f.csv", "id,sequence\na,--\nb,None\n", ": none of 2 rows has a sequence"),
    "bad letter": ("f.csv", "id,sequence\na,ACGT\nb,AC*\n", ":3: character '*'"),
    "bad letter in fasta": ("f.fa", ">a\nAC\n>b\nAC\nJ\n", ":5: character 'J'"),
    "open quotation mark": ("f.csv", 'id,sequence\na,"ACGT\nb,AC\n', ":3: unexpected end of data"),
    "NUL": ("f.csv", "id,sequence\na,AC\0GT\n", ":2: a NUL byte"),
    "repeated id in BOLD's style": (
        "f.fa",
        ">G|Apis a|COI-5P\nAC\n>G|Bombus b|COI-5P\nAC\n",
        ":3: id 'G' was used",
    ),
    "text as parquet": ("f.parquet", "id,sequence\n", ": not readable as parquet"),
}


def write(file: Path, content: str) -> Path:
    file.write_bytes(content.encode())
    return file


@pytest.mark.parametrize(("header", "labels"), HEADERS.items(), ids=HEADERS)
def test_labels_from_header(header, labels):
    assert labels_from_header(header) == labels


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize(("name", "content"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted_files_give_the_same_row(tmp_path, name, content, compressed):
    file = write(tmp_path / name, content)
    if compressed:
        file = tmp_path / f"{name}.gz"
        file.write_bytes(gzip.compress(content.encode()))
    rows = list(read_labelled(file))
    assert rows == [ROW]
    assert list(rows[0]) == ["id", "sequence", *RANKS, "split"]


@pytest.mark.parametrize(("name", "content", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_files_name_file_line_and_remedy(tmp_path, name, content, words):
    file = write(tmp_path / name, content)
    with pytest.raises(ValueError) as caught:
        list(read_labelled(file))
    message = str(caught.value)
    assert message.startswith(str(file) + words.format(file))
    assert "\n" not in message


@pytest.mark.parametrize("name", ["f.csv", "f.fa", "f.parquet"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(ValueError, match=name):
        list(read_labelled(tmp_path / name))


def test_a_table_cut_short_is_refused(tmp_path):
    text = "id,sequence\n" + "".join(f"{index},ACGT\n" for index in range(100_000))
    (tmp_path / "f.csv.gz").write_bytes(gzip.compress(text.encode())[:-100])
    with pytest.raises(ValueError, match=r"f\.csv\.gz:\d+: from about this line on the compressed data are cut short"):
        list(read_labelled(tmp_path / "f.csv.gz"))


def test_parquet_gives_the_same_row(tmp_path):
    table = pyarrow.table({key: [value or None] for key, value in ROW.items()} | {"length": [4]})
    parquet.write_table(table, tmp_path / "f.parquet")
    assert list(read_labelled(tmp_path / "f.parquet", split="train")) == [ROW]


def test_compressed_parquet_is_told_as_what_it_is(tmp_path):
    """It was said to be damaged."""
    parquet.write_table(pyarrow.table({"id": ["a"], "sequence": ["A"]}), tmp_path / "f.parquet")
    (tmp_path / "f.parquet.gz").write_bytes(gzip.compress((tmp_path / "f.parquet").read_bytes()))
    with pytest.raises(ValueError, match=r"f\.parquet\.gz:1: the content is parquet; give it uncompressed"):
        list(read_labelled(tmp_path / "f.parquet.gz"))


def test_parquet_errors_name_the_row(tmp_path):
    parquet.write_table(pyarrow.table({"id": ["a", "b"], "sequence": ["A", "J"]}), tmp_path / "f.parquet")
    with pytest.raises(ValueError, match=r"f\.parquet, row 2: character 'J'"):
        list(read_labelled(tmp_path / "f.parquet"))
    parquet.write_table(pyarrow.table({"id": ["a\n>evil"], "sequence": ["A"]}), tmp_path / "f.parquet")
    with pytest.raises(ValueError, match=r"f\.parquet, row 1: control character '\\n' in id"):
        list(read_labelled(tmp_path / "f.parquet"))


def test_without_ids_the_row_number_is_the_id(tmp_path):
    with pytest.warns(UserWarning, match=r"f\.csv:2: no column of ids, so rows are numbered; name one id") as caught:
        rows = list(read_labelled(write(tmp_path / "f.csv", "seq\nAC\nGT\n")))
    assert [row["id"] for row in rows] == ["1", "2"]
    assert len(caught) == 1


@pytest.mark.parametrize("name", ["name", "ASV", "Feature ID", "#OTU ID", "processid", "seqID", ""])
def test_columns_that_hold_ids(tmp_path, name):
    file = write(tmp_path / "f.tsv", f"{name}\tsequence\nx|y|z\tAC\n")
    assert [row["id"] for row in read_labelled(file)] == ["x|y|z"]


def test_a_second_marker_of_a_process_id_gets_the_marker(tmp_path):
    fasta = write(tmp_path / "f.fa", ">G-13|Apis a|COI-5P\nAC\n>G-13|Apis a|COI-3P\nGT\n>H-13|Apis a|COI-5P\nGT\n")
    table = write(tmp_path / "f.tsv", "processid\tmarker_code\tnuc\nG\tCOI-5P\tAC\nG\tCOI-3P\tGT\n")
    counts = AlphabetCounts()
    assert [row["id"] for row in read_labelled(fasta, counts=counts)] == ["G-13", "G-13.COI-3P", "H-13"]
    assert [row["id"] for row in read_labelled(table)] == ["G", "G.COI-3P"]
    assert "Added the marker to 1 ids" in counts.summary()


def test_rows_without_a_sequence_are_counted(tmp_path):
    counts = AlphabetCounts()
    list(read_labelled(write(tmp_path / "f.csv", "id,sequence\na,AC\nb,\nc,None\n"), counts=counts))
    assert counts.records == 1
    assert counts.summary().endswith("Left out 2 rows without a sequence.")


def test_abundance_is_kept_apart_from_the_id(tmp_path):
    fasta = write(tmp_path / "f.fa", ">a;size=12\nAC\n>b;size=3;\nAC\n>c\nAC\n>d;size=2;tax=g:Apis;\nAC\n")
    table = write(tmp_path / "f.csv", "id,abundance,sequence\na,12,AC\nb;size=3,,AC\n")
    assert [(record.id, record.size) for record in read_records(fasta)] == [("a", 12), ("b", 3), ("c", 1), ("d", 2)]
    with pytest.raises(ValueError, match="large.fa:1: ;size=1000"):  # beyond what arrays count
        list(read_records(write(tmp_path / "large.fa", f">a;size={10**19}\nAC\n")))
    assert [(record.id, record.size) for record in read_records(table)] == [("a", 12), ("b", 3)]


def test_ranks_of_any_number_and_name_survive(tmp_path):
    file = write(
        tmp_path / "f.tsv",
        "processid\tnuc\tkingdom\tfamily\tsubfamily\ttribe\tgenus\tspecies\tsubspecies\tbin_uri\n"
        "G\tAC\tAnimalia\tApidae\tApinae\tApini\tApis\tApis mellifera\tcarnica\tBOLD:AAA2326\n",
    )
    (record,) = read_records(file)
    assert record.labels == {
        **{"species": "Apis mellifera", "genus": "Apis", "tribe": "Apini", "subfamily": "Apinae", "family": "Apidae"},
        **{"kingdom": "Animalia", "subspecies": "Apis mellifera carnica", "bin": "BOLD:AAA2326"},
    }


def test_a_table_of_crabs_needs_no_column_names(tmp_path):
    lineage = "Eukaryota\tChordata\tAves\tPasseriformes\tCorvidae\tCorvus\tCorvus corax"
    file = write(tmp_path / "crabs.txt", f"AB1\tCorvus corax\t56781\t{lineage}\t{'ACGT' * 10}\n")
    (record,) = read_records(file)
    assert (record.id, record.sequence) == ("AB1", "ACGT" * 10)
    assert [record.labels[rank] for rank in ("species", "family", "domain")] == [
        "Corvus corax",
        "Corvidae",
        "Eukaryota",
    ]


def test_empty_ids_get_a_number_and_one_warning(tmp_path):
    file = write(tmp_path / "f.csv", "id,sequence\na,AC\n,GT\n,GG\n")
    with pytest.warns(UserWarning, match=r"f\.csv:3: empty id, row_2") as caught:
        rows = list(read_labelled(file))
    assert [row["id"] for row in rows] == ["a", "row_2", "row_3"]
    assert len(caught) == 1


def test_bold_headers_give_the_process_id(tmp_path):
    file = write(tmp_path / "f.fas", ">GBMIN12345-13|Apis mellifera|COI-5P|KM1\nACGT\n")
    (row,) = read_labelled(file)
    assert (row["id"], row["species"], row["genus"]) == ("GBMIN12345-13", "Apis mellifera", "Apis")


def test_stray_quotation_marks_in_a_tsv_swallow_no_rows(tmp_path):
    file = write(tmp_path / "f.tsv", 'id\tsequence\tnote\na\tAC\t"found\nb\tGT\t\n')
    assert [row["id"] for row in read_labelled(file)] == ["a", "b"]


def test_a_field_may_hold_a_genome(tmp_path):
    file = write(tmp_path / "f.csv", f"id,sequence\na,{'ACGT' * 500_000}\n")
    assert len(next(read_labelled(file))["sequence"]) == 2_000_000


def test_characters_outside_ascii_survive(tmp_path):
    file = tmp_path / "f.csv"
    for encoding in ("utf-8", "latin-1"):
        file.write_bytes("id,sequence,species\né,AC,Mentha ×piperita\n".encode(encoding))
        (row,) = read_labelled(file)
        assert (row["id"], row["species"], row["genus"]) == ("é", "Mentha ×piperita", "Mentha")


@pytest.mark.parametrize(
    ("name", "content"),
    [("f.csv", "id,sequence,split\na,AC,train\nb,GT,val\n"), ("f.fa", ">a split=train\nAC\n>b split=val\nGT\n")],
)
def test_split_selects_rows_or_lists_what_is_there(tmp_path, name, content):
    file = write(tmp_path / name, content)
    assert [row["id"] for row in read_labelled(file, split="val")] == ["b"]
    with pytest.raises(ValueError, match="no record has the split 'test'; its splits are: train, val"):
        list(read_labelled(file, split="test"))


def test_split_asked_of_a_file_without_one(tmp_path):
    with pytest.raises(ValueError, match="no column for the split; the columns are 'id', 'sequence'"):
        list(read_labelled(write(tmp_path / "f.csv", "id,sequence\na,AC\n"), split="train"))
    with pytest.raises(ValueError, match="no record has the split 'train'; its splits are: none"):
        list(read_labelled(write(tmp_path / "f.fa", ">a\nAC\n"), split="train"))


@pytest.mark.parametrize(("name", "content"), [("f.csv", "id,sequence\na,ACU-\n"), ("f.fa", ">a\nACU-\n")])
def test_counts_are_filled_once(tmp_path, name, content):
    counts = AlphabetCounts()
    list(read_labelled(write(tmp_path / name, content), counts=counts))
    assert counts == AlphabetCounts(records=1, bases=3, gaps=1, uracil=1)


@pytest.mark.skipif("DNACSE_DATA" not in os.environ, reason="needs DNACSE_DATA")
def test_the_real_tables_are_read():
    tables = sorted(Path(os.environ["DNACSE_DATA"]).glob("*.tsv.gz"))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*empty id")  # coi.tsv.gz has one
        rows = {table.name: sum(1 for _ in read_labelled(table)) for table in tables}
    assert rows["coi.tsv.gz"] == 61_378
    assert min(rows.values()) > 0


@pytest.mark.parametrize(
    ("written", "species", "subspecies"),
    [
        ("Canis lupus familiaris", "Canis lupus", "Canis lupus familiaris"),
        ("Salmonella enterica subsp. enterica", "Salmonella enterica", "Salmonella enterica subsp. enterica"),
        ("Tobacco mosaic virus", "Tobacco mosaic virus", ""),
        ("Candidatus Pelagibacter ubique", "Candidatus Pelagibacter ubique", ""),
    ],
)
def test_a_subspecies_is_a_record_of_its_species(written, species, subspecies):
    """Each was a species of its own: where half of the records had three words, none of 22 species calls was left."""
    labels = clean_labels({"species": written})
    assert (labels["species"], labels.get("subspecies", "")) == (species, subspecies)
