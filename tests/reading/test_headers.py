"""Headers of reference databases: the style is known by the header, and gives the id and the ranks."""

import re
from pathlib import Path

import pytest

from modeling_dnacse.reading.headers import NO_STYLE, STYLES, parse_header
from modeling_dnacse.reading.labels import RANKS, read_labelled, read_records


def ranks(text):
    return dict(zip(RANKS, text.split(","), strict=True))


FUSARIUM = ranks("Fusarium oxysporum,Fusarium,Nectriaceae,Hypocreales,Sordariomycetes,Ascomycota")
GROUPER = ranks("Epinephelus coioides,Epinephelus,Serranidae,Perciformes,Actinopteri,Chordata")
BACILLUS = ranks("Bacillus subtilis,Bacillus,Bacillaceae,Bacillales,Bacilli,Firmicutes") | {"domain": "Bacteria"}
CROW = ranks("Corvus corax,Corvus,Corvidae,Passeriformes,Aves,Chordata")
CROW_LINEAGE = "Eukaryota;Chordata;Aves;Passeriformes;Corvidae;Corvus;Corvus"
DINOFLAGELLATE = {
    **{"species": "Unruhdinium kevei", "genus": "Unruhdinium", "class": "Dinophyceae", "domain": "Eukaryota"},
    **{"subdivision": "Dinoflagellata", "division": "Alveolata", "supergroup": "TSAR"},
}

# style, a header as the database writes it, and the id and the labels that it gives
RECORDS = {
    "UNITE": (
        "UNITE",
        "Fusarium_oxysporum|MT153946|SH1227328.10FU|refs|k__Fungi;p__Ascomycota;c__Sordariomycetes;o__Hypocreales;"
        "f__Nectriaceae;g__Fusarium;s__Fusarium_oxysporum",
        "Fusarium_oxysporum|MT153946|SH1227328.10FU|refs",
        FUSARIUM | {"kingdom": "Fungi"},
    ),
    "UNITE, in part unidentified": (
        "UNITE",
        "Ascomycota_sp|UDB0779068|SH1155449.10FU|reps_singleton|k__Fungi;p__Ascomycota;"
        "c__Ascomycota_cls_Incertae_sedis;o__unidentified;f__unidentified;g__unidentified;s__Ascomycota_sp",
        "Ascomycota_sp|UDB0779068|SH1155449.10FU|reps_singleton",
        {"phylum": "Ascomycota", "kingdom": "Fungi"},
    ),
    "Greengenes2": (
        "rank letters",
        "MJ030-2-barcode58 k__Fungi; p__Ascomycota; c__Sordariomycetes; o__Hypocreales; f__Nectriaceae; g__Fusarium; "
        "s__oxysporum",
        "MJ030-2-barcode58",
        FUSARIUM | {"kingdom": "Fungi"},
    ),
    "SILVA 132 of QIIME2": (
        "rank letters",
        "AB1.1.1650 D_0__Bacteria;D_1__Firmicutes;D_2__Bacilli;D_3__Bacillales;D_4__Bacillaceae;D_5__Bacillus;"
        "D_6__uncultured bacterium",
        "AB1.1.1650",
        {rank: name for rank, name in BACILLUS.items() if rank != "species"},
    ),
    "GTDB": (
        "GTDB",
        "RS_GCF_000016525.1~NC_009515.1 d__Archaea;p__Methanobacteriota;c__Methanobacteria;o__Methanobacteriales;"
        "f__Methanobacteriaceae;g__Methanobrevibacter_A;s__Methanobrevibacter_A smithii [location=1..1475] "
        "[ssu_len=1475]",
        "RS_GCF_000016525.1~NC_009515.1",
        ranks(
            "Methanobrevibacter_A smithii,Methanobrevibacter_A,Methanobacteriaceae,Methanobacteriales,Methanobacteria,"
            "Methanobacteriota"
        )
        | {"domain": "Archaea"},
    ),
    "SINTAX": (
        "SINTAX",
        "KY290222;tax=d:Eukaryota,k:Metazoa,p:Chordata,c:Actinopteri,o:Perciformes,f:Serranidae,g:Epinephelus,"
        "s:Epinephelus_coioides;",
        "KY290222",
        GROUPER | {"domain": "Eukaryota", "kingdom": "Metazoa"},
    ),
    "MIDORI2 for SINTAX": (
        "SINTAX",
        "KY1;tax=k:Eukaryota_2759,p:Chordata_7711,c:Actinopteri_1,o:order_Serranidae_8113,f:Serranidae_8113,"
        "g:Epinephelus_94231,s:Epinephelus_coioides_94232;",
        "KY1",
        {rank: name for rank, name in GROUPER.items() if rank != "order"} | {"kingdom": "Eukaryota"},
    ),
    "PR2 for SINTAX, ranks without names": (
        "SINTAX",
        "AB1;tax=d:Eukaryota,p:Alveolata,c:Dinophyceae,o:Dinophyceae_X,f:Dinophyceae_XX,g:Dinophyceae_XXX,"
        "s:Dinophyceae_XXX_sp.;",
        "AB1",
        {"class": "Dinophyceae", "phylum": "Alveolata", "domain": "Eukaryota"},
    ),
    "UTAX": (
        "SINTAX",
        "EU254776;tax=k:Fungi,p:Ascomycota,c:Sordariomycetes,o:Hypocreales,f:Nectriaceae,g:Fusarium,"
        "s:Fusarium_oxysporum_SH1.08FU;",
        "EU254776",
        FUSARIUM | {"species": "Fusarium oxysporum SH1.08FU", "kingdom": "Fungi"},
    ),
    "MIDORI2": (
        "MIDORI2",
        "KY290222.1.<1.>1539###root_1;Eukaryota_2759;Chordata_7711;Actinopteri_186623;Perciformes_8111;"
        "Serranidae_8113;Epinephelus_94231;Epinephelus coioides_94232",
        "KY290222.1.<1.>1539",
        GROUPER | {"domain": "Eukaryota"},
    ),
    "MIDORI2, a rank without a name": (
        "MIDORI2",
        "MH910097.1.2081.4777###root_1;Eukaryota_2759;Discosea_555280;class_Discosea_555280;"
        "order_Discosea_555280;Stygamoebidae_1485085;Stygamoeba_1485085;Stygamoeba regulata_1485085",
        "MH910097.1.2081.4777",
        {
            **{"species": "Stygamoeba regulata", "genus": "Stygamoeba", "family": "Stygamoebidae"},
            **{"phylum": "Discosea", "domain": "Eukaryota"},
        },
    ),
    "MIDORI2, a lineage that ends early": (
        "MIDORI2",
        "MH9.1###root_1;Eukaryota_2759;Discosea_555280",
        "MH9.1",
        {"phylum": "Discosea", "domain": "Eukaryota"},
    ),
    "MIDORI2 without ids": (
        "lineage without id",
        "root_1;Eukaryota_2759;Chordata_7711;Actinopteri_186623;Perciformes_8111;Serranidae_8113;Epinephelus_94231;"
        "Epinephelus coioides_94232",
        "1",
        GROUPER | {"domain": "Eukaryota"},
    ),
    "MIDORI2 with names of ranks and without ids": (
        "lineage without id",
        "superkingdom_Eukaryota_2759;phylum_Chordata_7711;class_Actinopteri_186623;order_Perciformes_8111;"
        "family_Serranidae_8113;genus_Epinephelus_94231;species_Epinephelus coioides_94232",
        "1",
        GROUPER | {"domain": "Eukaryota"},
    ),
    "MIDORI2 with names of ranks": (
        "MIDORI2",
        "KY290222.1.<1.>1539 root_1;superkingdom_Eukaryota_2759;phylum_Chordata_7711;class_Actinopteri_186623;"
        "order_Perciformes_8111;family_Serranidae_8113;genus_Epinephelus_94231;species_Epinephelus coioides_94232",
        "KY290222.1.<1.>1539",
        GROUPER | {"domain": "Eukaryota"},
    ),
    "SILVA": (
        "lineage after the id",
        "AB1.1.1650 Bacteria;Firmicutes;Bacilli;Bacillales;Bacillaceae;Bacillus;Bacillus subtilis",
        "AB1.1.1650",
        BACILLUS,
    ),
    "SILVA, a eukaryote": (
        "lineage after the id",
        "AY846379.1.1791 Eukaryota;Archaeplastida;Chloroplastida;Chlorophyta;Chlorophyceae;Sphaeropleales;"
        "Monoraphidium;Monoraphidium sp. Itas 9/21 14-6w",
        "AY846379.1.1791",
        {"genus": "Monoraphidium", "order": "Sphaeropleales", "class": "Chlorophyceae", "domain": "Eukaryota"},
    ),
    "SILVA, an organelle with its organism": (
        "lineage after the id",
        "AB1.1.1650 Bacteria;Cyanobacteria;Cyanobacteriia;Chloroplast;Zea mays",
        "AB1.1.1650",
        {"species": "Zea mays", "genus": "Zea", "order": "Chloroplast", "class": "Cyanobacteriia"}
        | {"phylum": "Cyanobacteria", "domain": "Bacteria"},
    ),
    "SILVA, a family with its organism": (
        "lineage after the id",
        "AB1.1.1650 Bacteria;Firmicutes;Bacilli;Bacillales;Bacillaceae;Bacillus subtilis",
        "AB1.1.1650",
        BACILLUS,
    ),
    "SILVA, a family with an organism without a name": (
        "lineage after the id",
        "AB1.1.1650 Bacteria;Firmicutes;Bacilli;Bacillales;marine bacterium Tw-1",
        "AB1.1.1650",
        {rank: name for rank, name in BACILLUS.items() if rank not in ("species", "genus", "family")},
    ),
    "SILVA for DADA2, a group of genera": (
        "lineage without id",
        "Bacteria;Firmicutes;Clostridia;Clostridiales;Clostridiaceae;Clostridium_sensu_stricto_1;",
        "1",
        {"genus": "Clostridium sensu stricto 1", "family": "Clostridiaceae", "order": "Clostridiales"}
        | {"class": "Clostridia", "phylum": "Firmicutes", "domain": "Bacteria"},
    ),
    "SILVA, an organism of two strains": (
        "lineage after the id",
        "AB1.1.1500 Bacteria;Firmicutes;Bacilli;Bacillales;Bacillaceae;Bacillus;Bacillus subtilis ATCC 1 = JCM 2",
        "AB1.1.1500",
        BACILLUS | {"species": "Bacillus subtilis ATCC 1 = JCM 2"},
    ),
    "a lineage without a phylum": (
        "lineage after the id",
        "AB000001.1 Eukaryota;;Aves;Passeriformes;Corvidae;Corvus;Corvus corax",
        "AB000001.1",
        {rank: name for rank, name in CROW.items() if rank != "phylum"} | {"domain": "Eukaryota"},
    ),
    "SILVA, a common name": (
        "lineage after the id",
        "CP1.1.2 Bacteria;Pseudomonadota;Alphaproteobacteria;Rickettsiales;Mitochondria;"
        "Triticum aestivum (bread wheat)",
        "CP1.1.2",
        {"species": "Triticum aestivum", "genus": "Triticum", "family": "Mitochondria", "order": "Rickettsiales"}
        | {"class": "Alphaproteobacteria", "phylum": "Pseudomonadota", "domain": "Bacteria"},
    ),
    "a lineage after the id and a semicolon": (
        "lineage after the id",
        f"AB1;{CROW_LINEAGE}_corax",
        "AB1",
        CROW | {"domain": "Eukaryota"},
    ),
    "training set of RDP, a subclass and a suborder": (
        "lineage after the id",
        'AJ1_S1\tRoot;Bacteria;"Actinobacteria";Actinobacteria;Acidimicrobidae;Acidimicrobiales;"Acidimicrobineae";'
        "Acidimicrobiaceae;Acidimicrobium",
        "AJ1_S1",
        {"genus": "Acidimicrobium", "family": "Acidimicrobiaceae", "order": "Acidimicrobiales", "domain": "Bacteria"},
    ),
    "RDP": (
        "RDP",
        'S000494589 Bacillus subtilis; ATCC 6633\tLineage=Root;rootrank;Bacteria;domain;"Firmicutes";phylum;Bacilli;'
        "class;Bacillales;order;Bacillaceae;family;Bacillus;genus",
        "S000494589",
        BACILLUS,
    ),
    "training set of RDP": (
        "lineage after the id",
        "MG655623_1 cellularOrganisms;Eukaryota_2759;Metazoa_33208;Chordata_7711;Aves_8782;Passeriformes_9126;"
        "Corvidae_28725;Corvus_30420;Corvus_corax_56781",
        "MG655623_1",
        CROW | {"domain": "Eukaryota", "kingdom": "Metazoa"},
    ),
    "mkCOInr, ranks without names": (
        "lineage after the id",
        "7437763 cellularOrganisms;Eukaryota_2759;Metazoa_33208;Annelida_6340;Polychaeta_6341;Polychaeta_6341_order;"
        "Orbiniidae_46603;Orbiniidae_46603_genus;Orbiniidae_46603_genus_species",
        "7437763",
        {
            **{"family": "Orbiniidae", "class": "Polychaeta", "phylum": "Annelida", "kingdom": "Metazoa"},
            **{"domain": "Eukaryota"},
        },
    ),
    "CRABS for RDP": (
        "lineage after the id",
        f"AB1\troot;{CROW_LINEAGE}_corax",
        "AB1",
        CROW | {"domain": "Eukaryota"},
    ),
    "CRABS for IDTAXA": (
        "lineage after the id",
        f"AB1;Root;{CROW_LINEAGE}_corax",
        "AB1",
        CROW | {"domain": "Eukaryota"},
    ),
    "CRABS for DADA2 addSpecies": (
        "id Genus epithet",
        "AB1 Corvus Corvus_corax",
        "AB1",
        {"species": "Corvus corax", "genus": "Corvus"},
    ),
    "DADA2 assignTaxonomy": ("lineage without id", f"{CROW_LINEAGE}_corax;", "1", CROW | {"domain": "Eukaryota"}),
    "DADA2 assignTaxonomy, an epithet": (
        "lineage without id",
        "Bacteria;Firmicutes;Bacilli;Bacillales;Bacillaceae;Bacillus;subtilis;",
        "1",
        BACILLUS,
    ),
    "GTDB for DADA2": (
        "lineage without id",
        "Bacteria;Firmicutes;Bacilli;Bacillales;Bacillaceae;Bacillus;Bacillus subtilis(RS_GCF_003460375.1)",
        "1",
        BACILLUS,
    ),
    "RefSeq and RDP for DADA2": (
        "lineage without id",
        "Bacteria;Firmicutes;Bacilli;Bacillales;Bacillaceae;Bacillus;Bacillus subtilis(NR_112116.2)",
        "1",
        BACILLUS,
    ),
    "DADA2 assignTaxonomy, a lineage that ends early": (
        "lineage without id",
        "Bacteria;Firmicutes;Bacilli;",
        "1",
        {"class": "Bacilli", "phylum": "Firmicutes", "domain": "Bacteria"},
    ),
    "DADA2 addSpecies": (
        "id Genus epithet",
        "AB1 Bacillus subtilis",
        "AB1",
        {"species": "Bacillus subtilis", "genus": "Bacillus"},
    ),
    "PR2": (
        "PR2",
        "AB353770.1.1740_U|18S_rRNA|nucleus|clone_x|Eukaryota|TSAR|Alveolata|Dinoflagellata|Dinophyceae|"
        "Peridiniales|Kryptoperidiniaceae|Unruhdinium|Unruhdinium_kevei",
        "AB353770.1.1740_U",
        DINOFLAGELLATE | {"order": "Peridiniales", "family": "Kryptoperidiniaceae"},
    ),
    "PR2 for DADA2, ranks without names": (
        "lineage without id",
        "Eukaryota;TSAR;Alveolata;Dinoflagellata;Dinophyceae;Dinophyceae_X;Dinophyceae_XX;Unruhdinium;"
        "Unruhdinium_kevei;",
        "1",
        DINOFLAGELLATE,
    ),
    "PR2 for DADA2, plastids": (
        "lineage without id",
        "Eukaryota:plas;TSAR:plas;Alveolata:plas;Dinoflagellata:plas;Dinophyceae:plas;Dinophyceae_X:plas;"
        "Dinophyceae_XX:plas;Unruhdinium:plas;Unruhdinium_kevei;",
        "1",
        DINOFLAGELLATE,
    ),
    "PR2, plastids": (
        "PR2",
        "AB1.1.1740_U|16S_rRNA|plastid|clone_x|Eukaryota:plas|TSAR:plas|Alveolata:plas|Dinoflagellata:plas|"
        "Dinophyceae:plas|Dinophyceae_X:plas|Dinophyceae_XX:plas|Unruhdinium:plas|Unruhdinium_kevei",
        "AB1.1.1740_U",
        DINOFLAGELLATE,
    ),
    "BOLD": (
        "BOLD",
        "GBMIN12345-13|COI-5P|Costa Rica|Animalia,Chordata,Aves,Passeriformes,Corvidae,None,Corvus,Corvus corax,None",
        "GBMIN12345-13",
        CROW | {"kingdom": "Animalia"},
    ),
    "BOLD before 2024": (
        "BOLD before 2024",
        "GBMIN12345-13|Epinephelus coioides|COI-5P|KM000001",
        "GBMIN12345-13",
        {"species": "Epinephelus coioides", "genus": "Epinephelus"},
    ),
    "BOLD, a family with a BIN": (
        "BOLD before 2024",
        "GBMIN12345-13|Cecidomyiidae sp. BOLD:AAA1234|COI-5P",
        "GBMIN12345-13",
        {"family": "Cecidomyiidae"},
    ),
    "OBITools": (
        "OBITools",
        'AB1 {"count":12,"taxid":"taxon:56781 [Corvus corax]@species","scientific_name":"Corvus corax",'
        '"family_name":"Corvidae","species":56781}',
        "AB1",
        {"species": "Corvus corax", "genus": "Corvus", "family": "Corvidae"},
    ),
    "OBITools before version 4": (
        "OBITools",
        "AB1 taxid=56781; species_name=Corvus corax; genus_name=Corvus; species=56781; count=12; a definition",
        "AB1",
        {"species": "Corvus corax", "genus": "Corvus"},
    ),
    "GenBank keys": (
        "GenBank keys",
        "KY290222 [organism=Epinephelus coioides] [strain=y]",
        "KY290222",
        {"species": "Epinephelus coioides", "genus": "Epinephelus"},
    ),
    "SINTAX of UNITE, with a species hypothesis": (
        "SINTAX",
        "EU821669|SH188517.07FU;tax=d:Fungi,g:Cortinarius,s:Cortinarius_balaustinus_SH188517.07FU;",
        "EU821669|SH188517.07FU",
        {"domain": "Fungi", "genus": "Cortinarius", "species": "Cortinarius balaustinus"},
    ),
    "GenBank title of no species": (
        "GenBank title",
        "MN100001.1 Diptera environmental sample clone C1 cytochrome c oxidase subunit I (COI) gene, partial cds",
        "MN100001.1",
        {},
    ),
    "GenBank title": (
        "GenBank title",
        "AB100000.1 Epinephelus coioides voucher V0 cytochrome c oxidase subunit I (COX1) gene, partial cds; "
        "mitochondrial",
        "AB100000.1",
        {"species": "Epinephelus coioides", "genus": "Epinephelus"},
    ),
    "GenBank title, open nomenclature": (
        "GenBank title",
        "AB100000.1 UNVERIFIED: Epinephelus sp. X1 voucher V0 cytochrome c oxidase subunit I gene, partial cds",
        "AB100000.1",
        {"genus": "Epinephelus"},
    ),
    "GenBank title, hybrid": (
        "GenBank title",
        "AB100000.1 Epinephelus coioides x Epinephelus lanceolatus isolate 3",
        "AB100000.1",
        {"species": "Epinephelus coioides x Epinephelus lanceolatus", "genus": "Epinephelus"},
    ),
    "GenBank title, hybrid of its own name": (
        "GenBank title",
        "AB100000.1 Quercus x rosacea isolate 3",
        "AB100000.1",
        {"species": "Quercus x rosacea", "genus": "Quercus"},
    ),
    "GenBank title without a name": (
        NO_STYLE,
        "AB100000.1 Mitochondrial genome of a fish, partial",
        "AB100000.1",
        {},
    ),
    "id;Genus epithet": (
        "id;Genus epithet",
        "KY290222;Epinephelus_coioides",
        "KY290222",
        {"species": "Epinephelus coioides", "genus": "Epinephelus"},
    ),
    "key=value": (
        "key=value",
        "KY290222 species=Epinephelus coioides",
        "KY290222",
        {"species": "Epinephelus coioides", "genus": "Epinephelus"},
    ),
    "no style": (NO_STYLE, "NODE_1_length_5_cov_2 Some thing k__1", "NODE_1_length_5_cov_2", {}),
    "bars without a species": (NO_STYLE, "runA|Plot|asv0", "runA|Plot|asv0", {}),
    "a lineage without an id": (NO_STYLE, ";tax=d:Eukaryota,p:Chordata;", ";tax=d:Eukaryota,p:Chordata;", {}),
}


@pytest.mark.parametrize(("style", "header", "identifier", "labels"), RECORDS.values(), ids=RECORDS)
def test_a_record_gets_its_style_id_and_labels(tmp_path, style, header, identifier, labels):
    path = tmp_path / "library.fasta"
    path.write_text(f">{header}\nACGT\n")
    (record,) = read_records(path)
    assert (record.style, record.id, record.labels) == (style, identifier, labels)
    (row,) = read_labelled(path)
    expected = {"id": identifier, "sequence": "ACGT"} | {rank: labels.get(rank, "") for rank in RANKS} | {"split": ""}
    assert row == expected and list(row) == list(expected)


@pytest.mark.parametrize("style", STYLES)
def test_the_example_of_each_style_is_recognised(style):
    assert parse_header(STYLES[style]).style == style


def test_every_style_has_a_record_here():
    assert {style for style, *_ in RECORDS.values()} == {*STYLES, NO_STYLE}


def test_every_style_is_in_the_docs():
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    assert {
        style for style in (*STYLES, NO_STYLE) if not re.search(rf"^\| {style}( \(| \|)", page, re.MULTILINE)
    } == set()


def test_one_file_may_hold_all_styles(tmp_path):
    path = tmp_path / "library.fasta"
    headers = [header for _, header, identifier, _ in RECORDS.values() if identifier not in ("1", "AB1", "AB1.1.1650")]
    headers = [f"x{number}{header}" for number, header in enumerate(headers) if not header.startswith(";")]
    path.write_text("".join(f">{header}\nACGT\n" for header in headers))
    assert [record.style for record in read_records(path)] == [parse_header(header).style for header in headers]


def test_fields_stand_as_they_are():
    """The label policy comes after: an open nomenclature is still there."""
    fields = {"kingdom": "Fungi", "genus": "Fusarium", "species": "Fusarium_sp"}
    assert parse_header("A|k__Fungi;g__Fusarium;s__Fusarium_sp") == ("UNITE", "A", fields, 1)


def test_records_that_share_an_id_before_the_lineage_are_refused(tmp_path):
    path = tmp_path / "library.fasta"
    path.write_text(">A1;tax=g:Apis;\nACGT\n>B1;tax=g:Apis;\nACGT\n>A1;tax=g:Bombus;\nACGT\n")
    with pytest.raises(ValueError, match=r"library\.fasta:5: id 'A1' was used before, at .*library\.fasta:1; rename"):
        list(read_labelled(path))


@pytest.mark.parametrize("size", ["0", "-1", "1.5", "1" + 23 * "0", "", "x", "\u0663"])
def test_an_abundance_that_is_none_is_refused_with_its_line(tmp_path, size):
    """It was read as 1, or as 0, and `;size=` stayed in the id."""
    bases = "ACGT" * 10
    files = {
        "a.fasta": f">a;size=3\n{bases}\n>b;size={size};\n{bases}\n",
        "b.fasta": f">a\n{bases}\n>b count={size}; taxid=3; species=Apis mellifera\n{bases}\n",
        "a.tsv": f"id\tsequence\na;size=3\t{bases}\nb;size={size}\t{bases}\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(ValueError, match=rf"{name}:[23]: .*{re.escape(size)} is no abundance; write a whole"):
            list(read_records(path))


def test_a_definition_after_the_count_of_obitools_hides_no_abundance():
    assert parse_header("AB1 taxid=56781; species=Corvus corax; count=12; a definition").size == 12
