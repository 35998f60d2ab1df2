"""Every source gives the same record; what others call their splits gets our names; errors name the line."""

import gzip

import pytest

from benchmarks.data.readers import pin, read_source
from modeling_dnacse.reading.labels import RANKS

LABELS = {
    "species": "Apis mellifera",
    "genus": "Apis",
    "family": "Apidae",
    "order": "Hymenoptera",
    "class": "Insecta",
    "phylum": "Arthropoda",
}
RECORD = {"id": "A1", "sequence": "ACGT", **LABELS, "split": ""}

SOURCES = {
    "our table": (
        "f.tsv",
        "\t".join(["seq_id", "sequence", *RANKS]) + "\n" + "\t".join(["A1", "ACGT", *LABELS.values()]),
    ),
    "BOLD's data package": (
        "f.tsv",
        "processid\trecord_id\tmarker_code\tphylum\tclass\torder\tfamily\tgenus\tspecies\tnuc\n"
        "P0\tP0.COI-5P\tCOI-5P\tArthropoda\tInsecta\tNone\tNone\tNone\tNone\tNone\n"
        "P1\tA1\tCOI-5P\tArthropoda\tInsecta\tHymenoptera\tApidae\tApis\tApis mellifera\t--ACGTNN",
    ),
    "BIOSCAN-5M": (
        "f.csv",
        "processid,sampleid,taxon,phylum,class,order,family,subfamily,genus,species,dna_bin,dna_barcode\n"
        "A0,S0,Insecta,Arthropoda,Insecta,,,,,,,\n"
        "A1,S1,Apis mellifera,Arthropoda,Insecta,Hymenoptera,Apidae,Apinae,Apis,Apis mellifera,BOLD:A,ACGTNNNN",
    ),
    "BarcodeBERT": (
        "f.csv",
        "processid,phylum,class,order_name,family_name,genus_name,species_name,nucleotides\n"
        "A0,Arthropoda,Insecta,,,,,no_data\n"
        "A1,Arthropoda,Insecta,Hymenoptera,Apidae,Apis,Apis mellifera,acgt",
    ),
    "UNITE": (
        "f.fasta",
        ">A1|k__Metazoa;p__Arthropoda;c__Insecta;o__Hymenoptera;f__Apidae;g__Apis;s__Apis_mellifera\nACGT",
    ),
    "SINTAX": (
        "f.fasta",
        ">A1;tax=d:Eukaryota,k:Metazoa,p:Arthropoda,c:Insecta,o:Hymenoptera,f:Apidae,g:Apis,s:Apis_mellifera;\nACGT",
    ),
    "MIDORI2": (
        "f.fasta",
        ">A1###root_1;Eukaryota_2759;Arthropoda_6656;Insecta_50557;Hymenoptera_7399;Apidae_7458;Apis_7459;"
        "Apis mellifera_7460\nACGT",
    ),
}


def write(path, text):
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return str(path)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(("name", "text"), SOURCES.values(), ids=SOURCES)
def test_every_layout_gives_the_same_record(tmp_path, name, text, suffix):
    (record,) = read_source(write(tmp_path / f"{name}{suffix}", text + "\n"))
    assert record == RECORD
    assert list(record) == list(RECORD)


def test_headers_of_bold_and_keys_are_still_read(tmp_path):
    (record,) = read_source(write(tmp_path / "f.fas", ">GBM-13|Apis mellifera|COI-5P|KM1\nACGT\n"))
    assert (record["id"], record["species"]) == ("GBM-13", "Apis mellifera")


def test_tables_of_dnabert_s_keep_labels_as_they_stand(tmp_path):
    rows = "sequence\tlabel\theader\nACGT\tPseudomonas_sp_1\t>c1\nGGGG\t17\t>c1\n"
    first, second = read_source(write(tmp_path / "clustering_0.tsv", rows))
    assert (first["id"], first["species"], first["genus"]) == ("1", "Pseudomonas_sp_1", "")
    assert second["species"] == "17"


def test_open_nomenclature_is_no_species_in_barcodes(tmp_path):
    rows = "processid,nucleotides,species,genus\nA1,ACGT,Apis sp. X1,Apis\n"
    (record,) = read_source(write(tmp_path / "f.csv", rows))
    assert (record["species"], record["genus"]) == ("", "Apis")


def test_a_specimen_with_two_markers_is_two_records(tmp_path):
    rows = "processid\tmarkercode\tnucleotides\nP1\tCOI-5P\tACGT\nP1\tITS\tGGGG\n"
    assert [record["id"] for record in read_source(write(tmp_path / "f.txt", rows))] == ["P1", "P1.ITS"]


def test_splits_of_others_get_our_names(tmp_path):
    theirs = ("pretrain", "train", "val", "test", "val_unseen", "test_unseen", "key_unseen")
    rows = "".join(f"A{number},ACGT,{name}\n" for number, name in enumerate(theirs))
    records = read_source(write(tmp_path / "f.csv", "processid,dna_barcode,split\n" + rows))
    ours = ["pretrain", "train", "val", "test", "unseen_val", "unseen_test", "key_unseen"]
    assert [record["split"] for record in records] == ours


def test_several_files_become_splits(tmp_path):
    a, b = (write(tmp_path / f"{name}.csv", f"id,sequence\n{name},ACGT\n") for name in "ab")
    records = list(read_source(f"splits:train={a},unseen_test={b}"))
    assert [(record["id"], record["split"]) for record in records] == [("a", "train"), ("b", "unseen_test")]
    with pytest.raises(ValueError, match="it takes NAME=FILE for each split"):
        list(read_source(f"splits:{a}"))


def test_contigs_of_cami_are_labelled_by_their_genome(tmp_path):
    contigs = write(tmp_path / "gsa.fasta.gz", ">c1\nACGT\n>c2\nGGGG\n")
    mapping = write(tmp_path / "gsa_mapping.tsv", "#anonymous_contig_id\tgenome_id\ttax_id\nc1\tGenome_sp_1\t562\n")
    first, second = read_source(f"cami:{contigs}+{mapping}")
    assert (first["id"], first["species"], first["genus"]) == ("c1", "Genome_sp_1", "")
    assert second["species"] == ""
    inside = read_source(f"splits:unseen_test=cami:{contigs}+{mapping}")
    assert [record["split"] for record in inside] == ["unseen_test"] * 2
    with pytest.raises(ValueError, match="name both files"):
        list(read_source(f"cami:{contigs}"))


def test_a_data_set_of_the_hub_is_read_with_its_splits(tmp_path, monkeypatch):
    """A folder stands for the repository: datasets reads both alike."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    for split in ("train", "validation"):
        write(tmp_path / "data" / f"{split}.csv", f"id,Sequence,species,order\n{split},acgt,Apis mellifera,\n")
    records = list(read_source(f"hub:{tmp_path / 'data'}"))
    assert [(record["id"], record["split"]) for record in records] == [("train", "train"), ("validation", "val")]
    assert records[0] == RECORD | {"id": "train", "split": "train"} | dict.fromkeys(RANKS[2:], "")
    (tmp_path / "other").mkdir()
    write(tmp_path / "other" / "train.csv", "text\nx\n")
    with pytest.raises(ValueError, match="no column for the sequence; the columns are 'text', but one of 'sequence'"):
        list(read_source(f"hub:{tmp_path / 'other'}"))
    with pytest.raises(ValueError, match="data set dnacse-tests/none, revision main, cannot be found on the Hub"):
        list(read_source("hub:dnacse-tests/none"))


@pytest.mark.parametrize("source", ["hub:", "hub:@main"])
def test_a_data_set_of_the_hub_has_a_name(source):
    """`hub:` was taken for the working folder, and `datasets` raised an IndexError."""
    for read in (pin, lambda name: list(read_source(name))):
        with pytest.raises(ValueError, match="got an empty name of a data set; give its Hub id, as ORG/NAME"):
            read(source)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("f.tsv", "processid\tnuc\nP1\tAC*\n", ":2: character '*'"),
        ("f.tsv", "processid\tnuc\nP1\tACGT\nP2\n", ":3: 1 fields where the first line names 2"),
        ("f.tsv", "processid\tnuc\nP1\tACGT\nP1\tACGT\n", ":3: id 'P1' was used before"),
        ("f.tsv", "processid\tnuc\nP1\tNone\n", ": none of 1 rows has a sequence"),
        ("f.tsv", "processid\tnuc\nP1\tNNNN\n", ": record 'P1' has no bases but N"),
        ("f.tsv", "label\tbases\nP1\tACGT\n", ":1: no column for the sequence"),
        ("f.fa", ">A|k__Fungi;p__B\nACGT\n>A|k__Fungi;p__C\nACGT\n", ":3: id 'A' was used before"),
        ("f.fa", "", ":1: no records"),
        ("f.xlsx", "", ": neither the suffix '.xlsx' nor the content shows a format"),
    ],
)
def test_wrong_files_name_the_line(tmp_path, name, text, words):
    path = write(tmp_path / name, text)
    with pytest.raises(ValueError) as caught:
        list(read_source(path))
    assert str(caught.value).startswith(path + words)


def test_the_name_of_a_file_is_a_split_of_ours(tmp_path):
    """`splits:validation=f.tsv` was a split of this name, which no task takes."""
    write(tmp_path / "f.tsv", "id\tsequence\na\tACGT\n")
    assert [record["split"] for record in read_source(f"splits:validation={tmp_path}/f.tsv")] == ["val"]
