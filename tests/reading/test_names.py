"""One taxon, one spelling; and what is no name, or no species."""

import pytest

from modeling_dnacse.reading.label_policy import clean_labels
from modeling_dnacse.reading.names import clean_name

SPELLINGS = (
    *(
        "Bravonia alba",
        "Bravonia  alba",
        "Bravonia\u00a0alba",
        "Bravonia_alba",
        " 'Bravonia alba' ",
        "[Bravonia] alba",
        "Bravonia 'alba'",
        'Bravonia "alba" Smith, 1900',
    ),
    *("Bravonia alba (Smith, 1900)", "Bravonia alba Smith, 1900", "Bravonia alba L.", "Bravonia alba (L.) H.Karst."),
    *("Bravonia alba de Haan, 1840", "Bravonia alba d'Orbigny, 1835", "Bravonia alba Müller & Henle, 1838"),
    *("Bravonia alba (J.E. Lange) Imbach", "Bravonia (Cellia) alba Giles, 1902", "Bravonia alba Linnaeus"),
)
AS_THEY_STAND = (
    *("Methanobrevibacter_A smithii", "Escherichia coli_D", "Escherichia coli K12", "Bacillus subtilis ATCC 6633"),
    *("Fusarium oxysporum SH1.08FU", "Apis mellifera carnica", "Mentha ×piperita", "Candidatus Carsonella ruddii"),
    *("Influenza A virus", "Clostridium sensu stricto 1", "Escherichia-Shigella"),
    *("Salmonella enterica subsp. enterica serovar Typhi", "Parus major A", "Bravonia Smith"),
)
NO_NAMES = (
    *("", "NA", "None", "unidentified", "Unclassified", "uncultured organism", "uncultured Fusarium", "unknown"),
    *("invertebrate environmental sample", "Bravoniidae_unclassified", "marine metagenome", "Incertae sedis", "?"),
)

# labels as given, and those that the policy leaves
LABELS = {
    "genus and epithet": (
        {"species": "alba", "genus": "Bravonia"},
        {"species": "Bravonia alba", "genus": "Bravonia"},
    ),
    "epithet in its own column": (
        {"epithet": "alba", "genus": "Bravonia"},
        {"species": "Bravonia alba", "genus": "Bravonia"},
    ),
    "epithet without its genus": (
        {"species": "alba", "genus": "", "family": "Bravoniidae"},
        {"family": "Bravoniidae"},
    ),
    "epithet without a column of genera": ({"species": "alba", "family": "Bravoniidae"}, {"family": "Bravoniidae"}),
    "genus abbreviated": (
        {"species": "B. alba", "genus": "Bravonia"},
        {"species": "Bravonia alba", "genus": "Bravonia"},
    ),
    "genus of a candidate": (
        {"species": "Candidatus Carsonella ruddii", "genus": "Candidatus Carsonella"},
        {"species": "Candidatus Carsonella ruddii", "genus": "Carsonella"},
    ),
    "genus as species": ({"species": "Bravonia", "genus": "Bravonia"}, {"genus": "Bravonia"}),
    "genus as species, the only name": ({"species": "Bravonia"}, {"genus": "Bravonia"}),
    "genus with its author as species": ({"species": "Bravonia Linnaeus, 1758"}, {"genus": "Bravonia"}),
    "genus with its author abbreviated": ({"species": "Bravonia L."}, {"genus": "Bravonia"}),
    "family as species": ({"species": "Bravoniidae"}, {"family": "Bravoniidae"}),
    "order as species": ({"species": "Lepidoptera"}, {}),
    "family with a BIN": ({"species": "Cecidomyiidae sp. BOLD:AAA1"}, {"family": "Cecidomyiidae"}),
    "family that is given": ({"species": "Bravonales sp.", "order": "Bravonales"}, {"order": "Bravonales"}),
    "subfamily": ({"species": "Apinae gen. sp. 3"}, {"subfamily": "Apinae"}),
    "phylum": ({"species": "Ascomycota sp", "phylum": "Ascomycota"}, {"phylum": "Ascomycota"}),
    "order that is not given": ({"species": "Diptera sp. X"}, {}),
    "BIN as an interim name": ({"species": "Bravonia BOLD:AAA1234"}, {"genus": "Bravonia"}),
    "open nomenclature": ({"species": "Bravonia cf. alba"}, {"genus": "Bravonia"}),
    "placeholder": ({"species": "uncultured organism", "genus": "Bravonia"}, {"genus": "Bravonia"}),
    "genus of GTDB": (
        {"species": "Methanobrevibacter_A smithii"},
        {"species": "Methanobrevibacter_A smithii", "genus": "Methanobrevibacter_A"},
    ),
    "another kind of label": ({"species": "taxon7"}, {"species": "taxon7"}),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings_of_one_name(spelling):
    assert clean_name(spelling) == "Bravonia alba"


@pytest.mark.parametrize("name", AS_THEY_STAND)
def test_names_that_stand(name):
    assert clean_name(name) == name


@pytest.mark.parametrize("name", NO_NAMES)
def test_no_names(name):
    assert clean_name(name) == ""


@pytest.mark.parametrize(("given", "kept"), LABELS.values(), ids=LABELS)
def test_label_policy(given, kept):
    assert clean_labels(given) == kept


@pytest.mark.parametrize("name", ["Oligochaeta", "Aves", "Bivalvia", "Rotifera", "Actinopterygii", "Calanoida"])
def test_a_higher_taxon_in_open_nomenclature_is_no_genus(name):
    assert clean_labels({"species": f"{name} sp. 3"}) == {}
    assert clean_labels({"species": name}) == {}


def test_ranks_above_the_species_lose_their_authorship_too():
    assert clean_name("Apidae Latreille, 1802") == "Apidae"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "sp. 1",
            "sp.",
            "sp1",
            "spp.",
            "ssp.",
            "sp. nov.",
            "species 1",
            "spec. A",
            "indet.",
            "undet.",
            "msp1",
            "MOTU 5",
        ),
        *("aff. mellifera", "cf. mellifera", "nr. mellifera"),
        *("unknown", "undescribed", "unnamed 3", "new", "bacterium", "sp-1", "sp#1", "spA"),
        *("morphospecies 3", "OTU3", "Apis OTU 3", "Apis MOTU 3", "Apis unknown", "Apis sp-1"),
    ],
)
def test_open_nomenclature_beside_the_genus_is_no_species(name):
    """It was one species across all genera."""
    assert clean_labels({"genus": "Apis", "species": name}) == {"genus": "Apis"}


@pytest.mark.parametrize(
    ("written", "species"),
    [
        ("mellifera", "Apis mellifera"),
        ("mellifera (L.)", "Apis mellifera"),
        ("mellifera Linnaeus, 1758", "Apis mellifera"),
        ("mellifera ligustica", "Apis mellifera"),
        ("Apis mellifera ssp. ligustica", "Apis mellifera"),
    ],
)
def test_a_species_beside_its_genus_gets_the_name_of_the_genus(written, species):
    assert clean_labels({"genus": "Apis", "species": written})["species"] == species


@pytest.mark.parametrize(
    "author",
    [
        *("([Denis & Schiffermüller], 1775)", "[Denis & Schiffermüller], 1775", "Hübner, [1803]", "(Linnaeus,1758)"),
        *("Linnaeus,1758", "LINNAEUS, 1758", "(DENIS & SCHIFFERMÜLLER, 1775)", "(Linnaeus, 1758-1759)", "(L)"),
    ],
)
def test_authors_as_lists_of_insects_write_them_are_removed(author):
    """Each was another species than that of records without an author."""
    assert clean_name(f"Agrotis segetum {author}") == clean_name(f"Agrotis segetum, {author}") == "Agrotis segetum"


@pytest.mark.parametrize("name", ["Bacillus subtilis DSM 1990", "Parus major A", "Bacillus subtilis ATCC 6633"])
def test_strains_are_no_authors(name):
    assert clean_name(name) == name


@pytest.mark.parametrize("name", ["12", "5.0", "No match"])
def test_numbers_and_answers_of_searches_are_no_names(name):
    assert clean_name(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        *("Apis near mellifera", "Apis prope mellifera", "Apis n.sp.", "Apis n.sp.1", "Apis nsp", "Apis cfr. alba"),
        *("Apis (cf.) mellifera", "Apis mellifera (cf.)", "Apis sp-A", "Apis poss. alba", "Apis larva", "Apis ssp."),
    ],
)
def test_doubtful_names_give_the_genus_alone(name):
    """`Apis near` was a species, with the records of all species near others."""
    assert clean_labels({"species": name}) == {"genus": "Apis"}


def test_larvae_may_be_an_epithet():
    assert clean_labels({"species": "Paenibacillus larvae"})["species"] == "Paenibacillus larvae"
