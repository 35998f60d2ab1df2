"""A taxonomy in a table of its own: each kind gives the same labels; archives are read safely."""

import zipfile

import pytest

from modeling_dnacse.reading.labels import read_records
from modeling_dnacse.reading.taxonomies import read_taxonomy

LABELS = {
    **{"species": "Corvus corax", "genus": "Corvus", "family": "Corvidae", "order": "Passeriformes", "class": "Aves"},
    **{"phylum": "Chordata", "kingdom": "Metazoa"},
}
LETTERS = "k__Metazoa; p__Chordata; c__Aves; o__Passeriformes; f__Corvidae; g__Corvus; s__Corvus corax"
RANKS = "kingdom\tphylum\tclass\torder\tfamily\tgenus\tspecies"
NAMES = "Metazoa\tChordata\tAves\tPasseriformes\tCorvidae\tCorvus\tCorvus corax"
TREE = "tax_id\tparent_tax_id\trank\tname_txt\told_tax_id\ttaxlevel\tsynonyms\n1\t1\tno rank\troot\t\t0\t\n" + "".join(
    f"{number + 2 if rank != 'species' else 'a'}\t{number + 1}\t{rank}\t{name}\t\t{number}\t\n"
    for number, (rank, name) in enumerate(zip(RANKS.split("\t"), NAMES.split("\t"), strict=True))
)
KINDS = {
    "QIIME2": f"Feature ID\tTaxon\tConfidence\n#q2:types\tcategorical\tnumeric\na\t{LETTERS}\t0.9\n",
    "Greengenes": f"a\t{LETTERS}\n",
    "mothur": "a\tMetazoa(100);Chordata(100);Aves(99);Passeriformes(98);Corvidae(97);Corvus(96);Corvus_corax(95);\n",
    "a column for each rank": f"id\t{RANKS}\na\t{NAMES}\n",
    "a column for each rank, as CSV": f"id,{RANKS}\na,{NAMES}\n".replace("\t", ","),
    "a tree": TREE,
}
FOLDER = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize("text", KINDS.values(), ids=KINDS)
def test_each_kind_gives_the_labels(tmp_path, text):
    (tmp_path / "taxonomy.tsv").write_text(text)
    assert read_taxonomy(tmp_path / "taxonomy.tsv")["a"] == LABELS


def test_what_is_no_taxonomy_is_refused(tmp_path):
    file = tmp_path / "taxonomy.tsv"
    for text, complaint in (
        ("a Metazoa;Chordata\n", r"taxonomy\.tsv:1: not a taxonomy; give a table"),
        ("a\tk__Fungi; p__Asco\x1b[31mmycota\n", r"taxonomy\.tsv:1: control character"),
        (f"a\t{LETTERS}\na\tk__Fungi\n", r"taxonomy\.tsv:2: id 'a' has two lineages"),
        ("a\tx\n", "no lineage names any rank"),
    ):
        file.write_text(text)
        with pytest.raises(ValueError, match=complaint):
            read_taxonomy(file)


def test_artifacts_of_qiime2(tmp_path):
    taxonomy, sequences = tmp_path / "taxonomy.qza", tmp_path / "sequences.qza"
    for path, member, text in (
        (taxonomy, "taxonomy.tsv", KINDS["QIIME2"]),
        (sequences, "dna-sequences.fasta", ">a\nACGT\n"),
    ):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{FOLDER}/VERSION", "QIIME 2\n")
            archive.writestr(f"{FOLDER}/data/{member}", text)
    assert read_taxonomy(taxonomy)["a"] == LABELS
    assert [(record.id, record.sequence) for record in read_records(sequences)] == [("a", "ACGT")]


@pytest.mark.parametrize("member", ["../data/taxonomy.tsv", "data/taxonomy.tsv", f"{FOLDER}/data/other.tsv"])
def test_other_archives_are_refused_and_write_nothing(tmp_path, member):
    with zipfile.ZipFile(tmp_path / "f.qza", "w") as archive:
        archive.writestr(member, KINDS["QIIME2"])
    with pytest.raises(ValueError, match=r"f\.qza: a zip archive, but no artifact of QIIME2"):
        read_taxonomy(tmp_path / "f.qza")
    assert [path.name for path in tmp_path.iterdir()] == ["f.qza"]
