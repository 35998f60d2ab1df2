"""The header of a FASTA or FASTQ record in; its id, its ranks and its split out, as they stand.

The header itself tells which of five styles it has:

| style | example |
|---|---|
| key=value | `x1 species=Apis mellifera family=Apidae`: a value ends at the next `key=` |
| BOLD | `GBMIN1-13|Apis mellifera|COI-5P|KM1` |
| UNITE, Greengenes2 | `Name|MT1|SH1.10FU|refs|k__Fungi;p__Ascomycota;...;s__Fusarium_oxysporum` |
| SINTAX, UTAX | `KY1;tax=d:Eukaryota,p:Chordata,...,g:Epinephelus,s:Epinephelus_coioides;` |
| MIDORI2 | `KY1.1.<1.>1539###root_1;Eukaryota_2759;Chordata_7711;...;Epinephelus coioides_94237` |

- BOLD: the id is the first field. A name of one word is a family if it ends like one (-idae, -aceae). Otherwise its
  rank is unknown, and it is no label.
- UNITE, SINTAX, MIDORI2: the id is what stands before the lineage. Underscores are blanks. `unidentified` and
  `Incertae sedis` are no names.
- MIDORI2 has eight levels from the root, each with its NCBI taxon after the underscore. A level that starts with the
  name of its rank (`order_Discosea_555280`) has no name of its own.
"""

import re

from .label_policy import RANKS, pick_columns

_BOLD = re.compile(r"([^|\s]+)\|([A-Z][a-z-]+(?: [^|]*)?)(?:\||$)")
_KEY_VALUE = re.compile(r"(?:^|[\s\[])(\w+)=(.*?)(?=[\s\[]+\w+=|$)")
_UNITE = re.compile(r"[|;\s](?=[kd]__)")
_SINTAX = re.compile(r"[;\s]tax=(?=[a-z]:)")
_MIDORI = re.compile(r"###(?=root)")

_RANK_LETTERS = {"p": "phylum", "c": "class", "o": "order", "f": "family", "g": "genus", "s": "species"}
_MIDORI_RANKS = ("root", "domain", "phylum", "class", "order", "family", "genus", "species")
_NO_NAME = re.compile(r"^unidentified|incertae[ _]sedis", re.IGNORECASE)
_OWN_RANK = re.compile(r"(phylum|class|order|family|genus|species)_")


def fields_from_header(header: str) -> dict[str, str]:
    """Return the fields that a header names, without the label policy: `RANKS`, `split`, and `id` where it has one.

    Args:
        header: The whole header without the ">"; of the key=value style, the part after the id will do.

    >>> fields_from_header("AB1;tax=k:Fungi,f:Nectriaceae,g:Fusarium,s:Fusarium_oxysporum;")
    {'id': 'AB1', 'family': 'Nectriaceae', 'genus': 'Fusarium', 'species': 'Fusarium oxysporum'}
    >>> fields_from_header("x1 species=Apis mellifera split=train")
    {'species': 'Apis mellifera', 'split': 'train'}
    """
    for start, read in ((_MIDORI, _read_midori), (_SINTAX, _read_sintax), (_UNITE, _read_unite)):
        found = start.search(header)
        identifier = header[: found.start()].split() if found else []
        if found and identifier:
            return {"id": identifier[0]} | _clean_lineage(read(header[found.end() :]))
    if bold := _BOLD.match(header):
        return _read_bold(bold[1], bold[2].strip())
    pairs = {key.lower(): value.strip(" ;,[]") for key, value in _KEY_VALUE.findall(header)}
    return {key: value for key, value in pick_columns(pairs).items() if key in ("split", *RANKS)}


def _read_bold(identifier: str, name: str) -> dict[str, str]:
    if " " in name:
        return {"id": identifier, "species": name}
    return {"id": identifier, "family": name if name.endswith(("idae", "aceae")) else ""}


def _read_unite(lineage: str) -> dict[str, str]:
    pairs = re.findall(r"([a-z])__([^;|]*)", lineage)
    return {_RANK_LETTERS[letter]: name for letter, name in pairs if letter in _RANK_LETTERS}


def _read_sintax(lineage: str) -> dict[str, str]:
    pairs = re.findall(r"([a-z]):([^,;]*)", lineage.partition(";")[0])
    return {_RANK_LETTERS[letter]: name for letter, name in pairs if letter in _RANK_LETTERS}


def _read_midori(lineage: str) -> dict[str, str]:
    levels = zip(_MIDORI_RANKS[2:], lineage.split(";")[2:], strict=False)  # a lineage may end above the species
    return {rank: re.sub(r"_\d+$", "", name) for rank, name in levels if not _OWN_RANK.match(name)}


def _clean_lineage(names: dict[str, str]) -> dict[str, str]:
    """Leave out what is no name, and put the genus before an epithet that stands alone, as in Greengenes2."""
    names = {rank: name.replace("_", " ").strip() for rank, name in names.items()}
    names = {rank: name for rank, name in names.items() if name and not _NO_NAME.search(name)}
    species = names.get("species", "")
    if species.islower() and " " not in species and "genus" in names:
        names["species"] = f"{names['genus']} {species}"
    return names
