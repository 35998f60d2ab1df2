"""What is read of a library and said about it, before anything is embedded."""

import pytest

from modeling_dnacse.identification.references import References, read_references


def test_ranks_go_from_the_species_upwards_and_all_columns_are_as_long(tmp_path, capsys):
    library = tmp_path / "library.tsv"
    library.write_text(
        "id\tsequence\tspecies\tkingdom\tsubfamily\tbin_uri\n"
        "a\tACGT\tApis mellifera\t\t\t\n"
        "b\tACGT\tApis cerana\tAnimalia\tApinae\tBOLD:AAA1\n"
        "c\tACGT\tunidentified\t\t\t\n"
    )
    found = read_references(library).references
    assert found.ids == ["a", "b", "c"]
    assert found.labels == {
        "species": ["Apis mellifera", "Apis cerana", ""],
        "genus": ["Apis", "Apis", ""],
        "subfamily": ["", "Apinae", ""],
        "kingdom": ["", "Animalia", ""],
    }
    assert list(found.labels) == ["species", "genus", "subfamily", "kingdom"]
    assert found.below == {"bin": ["", "BOLD:AAA1", ""]}
    said = capsys.readouterr().err
    assert (
        "recognised as columns of a table; records with a name (names): bin 1 (1), species 2 (2), genus 2 (1)" in said
    )
    assert "1 records have no species but a placeholder, open nomenclature, or a genus or epithet alone, as in" in said


def test_names_that_differ_by_case_are_told(tmp_path, capsys):
    """Of two merged databases, one in capitals, each species was two, and so not sure enough to be called."""
    library = tmp_path / "library.csv"
    library.write_text(
        "id,sequence,species,genus\na,AC,Apis mellifera,Apis\nb,AC,APIS MELLIFERA,APIS\nc,AC,Apis cerana,Apis\n"
    )
    read_references(library)
    said = capsys.readouterr().err
    assert "2 pairs of names differ only by upper and lower case, as in 'APIS MELLIFERA' and 'Apis mellifera'" in said


def test_homonyms_are_told(tmp_path, capsys):
    """A genus of birds and one of plants were one taxon, and nothing said so."""
    library = tmp_path / "library.csv"
    library.write_text(
        "id,sequence,species,family\na,AC,Oenanthe hispanica,Muscicapidae\nb,AC,Oenanthe crocata,Apiaceae\n"
    )
    read_references(library)
    said = capsys.readouterr().err
    assert "1 names lie in several taxa of the next rank, as genus 'Oenanthe' in family 'Apiaceae' and" in said


def test_several_styles_are_counted(tmp_path, capsys):
    library = tmp_path / "library.fasta"
    library.write_text(">a;tax=g:Apis,s:Apis_mellifera;\nAC\n>b;tax=g:Apis;\nAC\n>c species=Apis cerana\nAC\n")
    read_references(library)
    assert "recognised as SINTAX (2 records), key=value (1 records); records with" in capsys.readouterr().err


def test_a_taxonomy_names_the_records_that_it_holds(tmp_path, capsys):
    (tmp_path / "library.fasta").write_text(">a\nAC\n>b\nAC\n")
    (tmp_path / "taxonomy.tsv").write_text("Feature ID\tTaxon\na\tg__Apis; s__mellifera\n")
    found = read_references(tmp_path / "library.fasta", tmp_path / "taxonomy.tsv").references
    assert found.labels["species"] == ["Apis mellifera", ""]
    assert "taxonomy.tsv, which lacks 1 records; records with" in capsys.readouterr().err


def test_names_of_the_library_do_not_fill_gaps_of_its_taxonomy(tmp_path, capsys):
    """A species that the curator removed came back from the header, under the curator's genus."""
    (tmp_path / "library.fasta").write_text(">a species=Apis mellifera\nAC\n>b species=Apis cerana\nAC\n")
    (tmp_path / "taxonomy.tsv").write_text("Feature ID\tTaxon\na\tg__Megapis; s__\n")
    found = read_references(tmp_path / "library.fasta", tmp_path / "taxonomy.tsv").references
    assert found.labels == {"species": ["", "Apis cerana"], "genus": ["Megapis", "Apis"]}
    assert "placeholder" not in capsys.readouterr().err


def test_numbers_of_taxa_lead_to_names(tmp_path):
    (tmp_path / "coinr.tsv").write_text("seqID\ttaxID\tsequence\ns1\t7\tAC\n")
    (tmp_path / "taxonomy.tsv").write_text(
        "tax_id\tparent_tax_id\trank\tname_txt\n"
        "7\t3\tspecies\tApis mellifera\n3\t1\tgenus\tApis\n1\t1\tno rank\troot\n"
    )
    found = read_references(tmp_path / "coinr.tsv", tmp_path / "taxonomy.tsv").references
    assert (found.ids, found.labels) == (["s1"], {"species": ["Apis mellifera"], "genus": ["Apis"]})


def test_a_library_without_species_or_without_its_taxonomy_is_refused(tmp_path):
    library, taxonomy = tmp_path / "library.fasta", tmp_path / "taxonomy.tsv"
    library.write_text(">a family=Apidae\nAC\n")
    with pytest.raises(ValueError, match=r"library\.fasta: none of 1 references has a species; name them"):
        read_references(library)
    taxonomy.write_text("other\tg__Apis; s__mellifera\n")
    with pytest.raises(
        ValueError, match=r"taxonomy\.tsv: none of the 1 records of .* is in it; the ids must be equal"
    ):
        read_references(library, taxonomy)


def test_metadata_replaces_no_column_of_the_table_of_hits():
    metadata = {name: ["metadata"] for name in ("overlap", "species", "country")}
    columns = References(["a"], {"species": ["Apis mellifera"]}, {}, metadata).columns()
    assert list(columns) == ["id", "species", "overlap'", "species'", "country"]


def test_no_column_of_metadata_is_lost_to_the_name_of_another():
    metadata = {"hit": ["1"], "hit'": ["2"], "species": ["3"], "note'": ["4"]}
    columns = References(["a"], {"species": ["s"]}, {}, metadata).columns()
    assert columns == {"id": ["a"], "species": ["s"], "hit''": ["1"], "hit'": ["2"], "species'": ["3"], "note'": ["4"]}


TREE = (
    "tax_id\tparent_tax_id\trank\tname_txt\n1\t1\torder\tHymenoptera\n2\t1\tgenus\tApis\n3\t2\tspecies\tApis cerana\n"
)


def test_a_record_whose_id_is_the_number_of_another_taxon_gets_its_own_taxon(tmp_path):
    (tmp_path / "library.tsv").write_text("seqID\ttaxID\tsequence\n1\t3\tACGT\n")
    (tmp_path / "tree.tsv").write_text(TREE)
    found = read_references(tmp_path / "library.tsv", tmp_path / "tree.tsv").references
    assert found.labels["species"] == ["Apis cerana"]


def test_a_table_that_names_id_and_taxid_of_a_record_differently_is_refused(tmp_path):
    (tmp_path / "library.tsv").write_text("seqID\ttaxID\tsequence\n1\t2\tACGT\n")
    (tmp_path / "taxonomy.tsv").write_text("id\tspecies\n1\tApis mellifera\n2\tApis cerana\n")
    with pytest.raises(ValueError, match="names id 1 and taxid 2 of one record differently"):
        read_references(tmp_path / "library.tsv", tmp_path / "taxonomy.tsv")


def test_a_lineage_without_an_id_names_no_record(tmp_path):
    """It named all records that the taxonomy lacked."""
    (tmp_path / "library.tsv").write_text("id\tsequence\na\tACGT\nb\tACGT\n")
    (tmp_path / "taxonomy.tsv").write_text("id\tspecies\na\tApis mellifera\n\tApis cerana\n")
    with pytest.raises(ValueError, match=r"taxonomy\.tsv:3: a lineage without an id"):
        read_references(tmp_path / "library.tsv", tmp_path / "taxonomy.tsv")
