"""Labels as a source writes them in, labels under one policy out; and the column names that sources use.

- A name has one spelling (names.py). Placeholders such as `unidentified` are not names.
- A species is a name, taken as written. An epithet alone gets the name of its genus before it; without one, it is no
  species. Nor is a capitalised word alone (`Apis`): it is the genus, a family by its ending, or a higher taxon.
- A name of three words is that of a subspecies: `Canis lupus familiaris` is a record of `Canis lupus`.
- A name in open nomenclature (`Genus sp. X1`, `cf.`, `aff.`, `nr.`, a BIN) is not a species, since such names are
  neither unique nor stable. Its genus is kept.
- Nor is a description, as in titles of GenBank: `Fungal endophyte`, `Marine bacterium X1`, `Diptera environmental`. It
  has no genus either, but that of a symbiont (`Wolbachia endosymbiont`).
- A missing genus is the first word of the species name, unless that word names a higher taxon:
  `Cecidomyiidae sp. BOLD:AAA1234` gives the family, not the genus.
- A missing label is an empty string.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar

from .names import clean_name

Value = TypeVar("Value")

RANKS = (
    "species",
    "genus",
    "family",
    "order",
    "class",
    "phylum",
)  # the labels of each record in tables and in training

# all known ranks, from the species upwards
RANK_ORDER = (
    *("species", "subgenus", "genus", "subtribe", "tribe", "subfamily", "family", "superfamily"),
    *("infraorder", "suborder", "order", "superorder", "infraclass", "subclass", "class", "superclass"),
    *("subdivision", "division", "subphylum", "phylum", "superphylum"),
    *("supergroup", "subkingdom", "kingdom", "domain", "realm"),
)
BELOW_SPECIES = ("subspecies", "bin")  # kept, but no level of a lineage

# The names of columns in exports of BOLD, BIOSCAN, GBIF, QIIME2, DADA2 and mkCOInr, as `column_name` writes them.
# Where a table has several of them, the first one counts.
COLUMNS = {
    "id": (
        *("id", "seq_id", "sequence_id", "seqid", "record_id", "processid", "process_id", "feature_id", "featureid"),
        *("otu_id", "otuid", "otu", "asv_id", "asvid", "asv", "sampleid", "accession", "identifier", "header"),
        *("contig", "contig_name", "name", ""),  # R and pandas write names of rows under no name
    ),
    "sequence": ("sequence", "seq", "nucleotides", "nuc", "nucraw", "dna", "dna_barcode", "barcode", "dna_sequence"),
    "species": ("species", "species_name", "organism", "scientific_name", "scientificname"),
    "epithet": ("specific_epithet", "specificepithet", "species_epithet", "epithet"),
    "lineage": ("taxon", "taxonomy", "lineage", "classification"),
    "taxid": ("taxid", "tax_id"),
    "marker": ("marker_code", "markercode", "marker"),
    "size": ("size", "abundance", "count"),
    "split": ("split",),
    "subspecies": ("subspecies", "subspecies_name"),
    "bin": ("bin", "bin_uri"),
    "domain": ("domain", "domain_name", "superkingdom", "superkingdom_name"),
} | {rank: (rank, f"{rank}_name") for rank in RANK_ORDER if rank not in ("species", "domain")}

_OPEN_NOMENCLATURE = re.compile(  # the column beside that of the genus may begin with it
    r"(^|[\s(])(n\.?sp|spp?|spec|species|cfr?|aff|nr|gen|indet|undet|msp|morphospecies|m?otu)([.\s\d)]|$)"
    r"|^ssp([.\s\d]|$)|\sssp\.?$|\s(near|prope|poss|prob)(\.|\s)|\s(sp-[A-Z]|larva|juveniles?|female|adult|eggs?)$"
    r"|(^|\s)(unknown|undescribed|unnamed|bacterium|archaeon|(?-i:new|sp[A-Z]\d*|sp[#-]\d+))(\s|$)"
    r"|\bBOLD[:-]?[A-Z]{3}\d",
    re.IGNORECASE,
)
_KINDS = (  # of organisms; no epithets
    r"(?:bacterium|archaeon|(?:pico)?eukaryote|fungus|fungal|endophyte|ascomycete|basidiomycete|zygomycete|chytrid"
    r"|yeast|lichen|(?:ecto)?mycorrhiza[el]?|alga|diatom|ciliate|flagellate|alveolate|stramenopile|cercozoan|protist"
    r"|dinoflagellate|(?:pico)?plankton|[a-z]*proteobacterium|cyanobacterium|actinobacterium|planctomycete|methanogen"
    r"|environmental|associated|litter|root|gut|organism)"
)
_DESCRIBED = re.compile(
    rf"[A-Za-z-]+ (?:(?:[a-z-]+ )?{_KINDS}|samples?|isolate|strain|clone|voucher|specimen|culture|haplotype)(?: .*)?"
)
_NO_GENUS = re.compile(  # first words of descriptions
    r"(?:Fung|Bacteri|Archae|Vir|Alg|Microbi|Mycorrhiz|Ectomycorrhiz|Arthropod|Nematod)al|Fungus|Bacterium|Archaeon"
    r"|Insect|Aphid|Tick|Mite|Beetle|Termite|Sponge|Coral|Diatom|Nematode|Plant|Animal|Human|Mouse|Invertebrate"
    r"|Vertebrate|Marine|Freshwater|Soil|Root|Leaf|Rumen|Gut|Eukaryot(?:e|ic)|Endophyt(?:e|ic)|Lichenized|Arbuscular"
    r"|Mixed|Vouchered|Dark|Ascomycete|Basidiomycete|(?:Endos|S)ymbiont"
)
_SYMBIONT = re.compile(r"\S+ (?:(?:endo|epi|ecto)?symbiont)(?: .*)?")
_GENUS = re.compile(r"(?:Candidatus )?([A-Z][a-z-]+(?:_[A-Z]{1,2})?)\s")
_PR2_MADE_UP = re.compile(r"(.+?)[_ ]X+(?:[_ ]sp\.?)?")
_NO_NAMES = dict.fromkeys((*RANK_ORDER, *BELOW_SPECIES), "")
_KEYS = frozenset((*_NO_NAMES, "epithet"))
_EPITHET = re.compile(r"×?[a-z][a-z-]+")
_EPITHETS = re.compile(r"×?[a-z][a-z-]+( .+)?")  # with a subspecies or an author after it
_TRINOMIAL = re.compile(r"([A-Z][a-z-]+ [a-z][a-z-]+) (?:(?:subsp|ssp|var|f)\. )?([a-z][a-z-]+)")
_NO_SUBSPECIES = re.compile(r"^x$|(virus|viroid|phage|symbiont)$")
_FAMILY = re.compile(r"[A-Z][a-z]+(?:idae|aceae)")
_SUBFAMILY = re.compile(r"[A-Z][a-z]+inae")
_HIGHER = re.compile(  # where no species follows: a few genera have such endings, too
    r"[A-Z][a-z]+(?:oidea|oida|ini|ales|ptera|mycota|mycetes|mycotina|phyta|phyceae|viridae|formes|poda)"
    r"|[A-Z][a-z]+(?:bacteri(?:ot)?a|archaeota)"
    r"|Fungi|Bacteria|Archaea|Eukaryota|Metazoa|Animalia|Plantae|Viridiplantae|Protista|Chromista"
    r"|Insecta|Arachnida|Araneae|Acari|Hydrachnidia|Collembola|Crustacea|Malacostraca|Branchiopoda|Ostracoda|Odonata"
    r"|Chilopoda|Myriapoda|Mollusca|Bivalvia|Gastropoda|Annelida|Oligochaeta|Polychaeta|Clitellata|Hirudinea|Nematoda"
    r"|Nemertea|Bryozoa|Rotifera|Tardigrada|Platyhelminthes|Turbellaria|Cnidaria|Hydrozoa|Anthozoa|Porifera|Ciliophora"
    r"|Echinodermata|Chordata|Mammalia|Aves|Reptilia|Amphibia|Actinopterygii|Actinopteri|Teleostei|Anura|Squamata"
)


def column_name(name: str) -> str:
    """Write the name of a column as `COLUMNS` does.

    >>> column_name("#OTU ID"), column_name('"Species-Name"')
    ('otu_id', 'species_name')
    """
    return re.sub(r"[\s.-]+", "_", name.strip(' "\u00a0').lower().lstrip("#").strip())


def pick_columns(named: Mapping[str, Value], known: Mapping[str, tuple[str, ...]] = COLUMNS) -> dict[str, Value]:
    """Map known names of columns to our names.

    >>> pick_columns({"processid": 1, "species_name": 2, "other": 3})
    {'id': 1, 'species': 2}
    """
    found = {key: [named[name] for name in names if name in named] for key, names in known.items()}
    return {key: values[0] for key, values in found.items() if values}


def apply_label_policy(given: Mapping[str, str | None]) -> dict[str, str]:
    """Return the six `RANKS` as `clean_labels` cleans them, "" for a rank that is unknown.

    >>> apply_label_policy({"species": "Apis sp. X1", "family": "NA"})["genus"]
    'Apis'
    """
    labels = clean_labels(given)
    return {rank: labels.get(rank, "") for rank in RANKS}


def clean_labels(given: Mapping[str, str | None]) -> dict[str, str]:
    """Apply the policy of this module to labels as written; return the known ones of `RANK_ORDER` and `BELOW_SPECIES`.

    Args:
        given: Names at any rank, and `epithet` if the source gives it separately.

    >>> clean_labels({"species": "alba", "genus": "Bravonia"})
    {'species': 'Bravonia alba', 'genus': 'Bravonia'}
    >>> clean_labels({"species": "Cecidomyiidae sp. BOLD:AAA1234"})
    {'family': 'Cecidomyiidae'}
    """
    return dict(_clean_labels(tuple((key, name) for key, name in given.items() if key in _KEYS and name is not None)))


@lru_cache(1 << 16)  # the records of a species have the same labels
def _clean_labels(items: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    names = _NO_NAMES | {rank: clean_name(name) for rank, name in items if rank in _NO_NAMES}
    named = set(names.values())
    names = {rank: "" if _is_made_of(name, named) else name for rank, name in names.items()}
    names["genus"] = names["genus"].removeprefix("Candidatus ")  # as it is taken from a species
    if names["genus"] in _above_genus(names) or _OPEN_NOMENCLATURE.search(names["genus"]):
        names["genus"] = ""
    epithet = clean_name(dict(items).get("epithet", ""))
    if epithet and not names["species"]:
        names["species"] = epithet
    names["species"] = _binomial(names)
    first_word = _GENUS.match(names["species"] + " ")
    is_alone = bool(first_word and first_word.end() > len(names["species"]))
    described = _DESCRIBED.fullmatch(names["species"]) is not None
    is_symbiont = _SYMBIONT.fullmatch(names["species"]) is not None
    is_species = not (is_alone or described or is_symbiont or _OPEN_NOMENCLATURE.search(names["species"]))
    if first_word:
        word = first_word[1]
        higher = word in _above_genus(names) or (not is_species and _HIGHER.fullmatch(word))
        higher = higher or described or (not is_species and _NO_GENUS.fullmatch(word))
        if _FAMILY.fullmatch(word) or _SUBFAMILY.fullmatch(word):
            rank = "family" if _FAMILY.fullmatch(word) else "subfamily"
            names[rank] = names[rank] or word
            is_species, higher = False, True
        if not higher and not names["genus"]:
            names["genus"] = word
    if not is_species:
        names["species"] = ""
    if (below := _TRINOMIAL.fullmatch(names["species"])) and not _NO_SUBSPECIES.search(below[2]):
        names["subspecies"] = names["subspecies"] or names["species"]
        names["species"] = below[1]
    if names["species"] and _EPITHET.fullmatch(names["subspecies"]):
        names["subspecies"] = f"{names['species']} {names['subspecies']}"
    return {rank: name for rank, name in names.items() if name}


def _is_made_of(name: str, others: set[str]) -> bool:
    """Whether PR2 made up a name for a rank without one, by an X behind the name above: the class of Dinophyceae_X."""
    found = _PR2_MADE_UP.fullmatch(name)
    return found is not None and found[1] in others


def _above_genus(names: Mapping[str, str]) -> set[str]:
    return {names[rank] for rank in RANK_ORDER[RANK_ORDER.index("genus") + 1 :]} - {""}


def _binomial(names: Mapping[str, str]) -> str:
    """The species with the name of its genus; "" where it is an epithet without one, or the name of a higher taxon."""
    species, genus = names["species"], names["genus"]
    if _EPITHET.fullmatch(species) and not genus:
        return ""
    if _EPITHETS.fullmatch(species) and genus and not species.startswith(f"{genus.lower()} "):
        return clean_name(f"{genus} {species}")  # which knows authors after two words
    if species == genus or species in _above_genus(names):
        return ""
    initial, point, rest = species.partition(". ")
    if genus and point and len(initial) == 1 and genus.startswith(initial):
        return f"{genus} {rest}"
    return species
