"""Headers of reference databases: the style is known by the header, and gives the id and the ranks."""

import pytest

from modeling_dnacse.reading.headers import fields_from_header
from modeling_dnacse.reading.labels import RANKS, read_labelled

FUSARIUM = dict(
    zip(
        RANKS,
        ["Fusarium oxysporum", "Fusarium", "Nectriaceae", "Hypocreales", "Sordariomycetes", "Ascomycota"],
        strict=True,
    )
)
GROUPER = dict(
    zip(
        RANKS,
        ["Epinephelus coioides", "Epinephelus", "Serranidae", "Perciformes", "Actinopteri", "Chordata"],
        strict=True,
    )
)

# a header as the database writes it, and the id and the labels that it gives
RECORDS = {
    "UNITE": (
        "Fusarium_oxysporum|MT153946|SH1227328.10FU|refs|k__Fungi;p__Ascomycota;c__Sordariomycetes;o__Hypocreales;"
        "f__Nectriaceae;g__Fusarium;s__Fusarium_oxysporum",
        "Fusarium_oxysporum|MT153946|SH1227328.10FU|refs",
        FUSARIUM,
    ),
    "UNITE, in part unidentified": (
        "Ascomycota_sp|UDB0779068|SH1155449.10FU|reps_singleton|k__Fungi;p__Ascomycota;"
        "c__Ascomycota_cls_Incertae_sedis;o__unidentified;f__unidentified;g__unidentified;s__Ascomycota_sp",
        "Ascomycota_sp|UDB0779068|SH1155449.10FU|reps_singleton",
        {"phylum": "Ascomycota", "genus": "Ascomycota"},
    ),
    "Greengenes2": (
        "MJ030-2-barcode58 k__Fungi; p__Ascomycota; c__Sordariomycetes; o__Hypocreales; f__Nectriaceae; g__Fusarium; "
        "s__oxysporum",
        "MJ030-2-barcode58",
        FUSARIUM,
    ),
    "SINTAX": (
        "KY290222;tax=d:Eukaryota,k:Metazoa,p:Chordata,c:Actinopteri,o:Perciformes,f:Serranidae,g:Epinephelus,"
        "s:Epinephelus_coioides;",
        "KY290222",
        GROUPER,
    ),
    "UTAX": (
        "EU254776;tax=k:Fungi,p:Ascomycota,c:Sordariomycetes,o:Hypocreales,f:Nectriaceae,g:Fusarium,"
        "s:Fusarium_oxysporum_SH1.08FU;",
        "EU254776",
        FUSARIUM | {"species": "Fusarium oxysporum SH1.08FU"},
    ),
    "MIDORI2": (
        "KY290222.1.<1.>1539###root_1;Eukaryota_2759;Chordata_7711;Actinopteri_186623;Perciformes_8111;"
        "Serranidae_8113;Epinephelus_94231;Epinephelus coioides_94232",
        "KY290222.1.<1.>1539",
        GROUPER,
    ),
    "MIDORI2, a rank without a name": (
        "MH910097.1.2081.4777###root_1;Eukaryota_2759;Discosea_555280;class_Discosea_555280;"
        "order_Discosea_555280;Stygamoebidae_1485085;Stygamoeba_1485085;Stygamoeba regulata_1485085",
        "MH910097.1.2081.4777",
        {"species": "Stygamoeba regulata", "genus": "Stygamoeba", "family": "Stygamoebidae", "phylum": "Discosea"},
    ),
    "MIDORI2, a lineage that ends early": (
        "MH9.1###root_1;Eukaryota_2759;Discosea_555280",
        "MH9.1",
        {"phylum": "Discosea"},
    ),
    "BOLD": (
        "GBMIN12345-13|Epinephelus coioides|COI-5P|KM000001",
        "GBMIN12345-13",
        {"species": "Epinephelus coioides", "genus": "Epinephelus"},
    ),
    "key=value": ("KY290222 species=Epinephelus coioides", "KY290222", dict(list(GROUPER.items())[:2])),
    "no style": ("NZ_GG692851.1 Enterococcus faecalis contig_k__1", "NZ_GG692851.1", {}),
    "a lineage without an id": (";tax=d:Eukaryota,p:Chordata;", ";tax=d:Eukaryota,p:Chordata;", {}),
}


@pytest.mark.parametrize(("header", "identifier", "labels"), RECORDS.values(), ids=RECORDS)
def test_a_record_gets_its_id_and_labels(tmp_path, header, identifier, labels):
    path = tmp_path / "library.fasta"
    path.write_text(f">{header}\nACGT\n")
    (record,) = read_labelled(path)
    expected = {"id": identifier, "sequence": "ACGT"} | dict.fromkeys(RANKS, "") | labels | {"split": ""}
    assert record == expected and list(record) == list(expected)


def test_one_file_may_hold_all_styles(tmp_path):
    path = tmp_path / "library.fasta"
    path.write_text("".join(f">x{number}{header}\nACGT\n" for number, (header, _, _) in enumerate(RECORDS.values())))
    assert [record["id"] for record in read_labelled(path)] == [
        f"x{number}{identifier}" for number, (_, identifier, _) in enumerate(RECORDS.values())
    ][:-1] + [f"x{len(RECORDS) - 1}"]


def test_fields_stand_as_they_are():
    """The label policy comes after: an open nomenclature is still there."""
    assert fields_from_header("A|k__Fungi;g__Fusarium;s__Fusarium_sp") == {
        "id": "A",
        "genus": "Fusarium",
        "species": "Fusarium sp",
    }


def test_records_that_share_an_id_before_the_lineage_are_refused(tmp_path):
    path = tmp_path / "library.fasta"
    path.write_text(">A1;tax=g:Apis;\nACGT\n>B1;tax=g:Apis;\nACGT\n>A1;tax=g:Bombus;\nACGT\n")
    with pytest.raises(
        ValueError, match=r"library\.fasta, record 3: id 'A1' was used before, at .*, record 1; rename"
    ):
        list(read_labelled(path))
