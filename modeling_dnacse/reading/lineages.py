"""FASTA headers of reference databases in, ranks out: UNITE, SINTAX/UTAX and MIDORI2 write the lineage into them.

- UNITE (general release) and its kin: `Name|MT153946|SH1227328.10FU|refs|k__Fungi;p__Ascomycota;...;s__Name_epithet`;
- SINTAX (UNITE, MIDORI2, vsearch): `KY290222;tax=d:Eukaryota,p:Chordata,...,g:Epinephelus,s:Epinephelus_coioides;`;
- MIDORI2: `KY290222.1.<1.>1539###root_1;Eukaryota_2759;Chordata_7711;...;Epinephelus coioides_94237`, eight levels
  from the root, each with its NCBI taxon after the underscore; a level that starts with the name of its rank
  (`order_Discosea_555280`) has no name of its own.

The id is what stands before the lineage. `unidentified` and `Incertae sedis` are no names; underscores are blanks.
"""

import re

RANK_OF = {"p": "phylum", "c": "class", "o": "order", "f": "family", "g": "genus", "s": "species"}
MIDORI_RANKS = ("root", "domain", "phylum", "class", "order", "family", "genus", "species")
_PREFIXED = re.compile(r"[|;\s](?=[kd]__)")
_SINTAX = re.compile(r"[;\s]tax=(?=[a-z]:)")
_MIDORI = re.compile(r"###(?=root)")
_NO_NAME = re.compile(r"^unidentified|incertae[ _]sedis", re.IGNORECASE)
_OWN_RANK = re.compile(r"(phylum|class|order|family|genus|species)_")


def labels_from_lineage(header: str) -> dict[str, str] | None:
    """Return the id and the ranks of a header with a lineage; None where it has none of the three.

    Args:
        header: The whole header, without the ">".

    >>> labels_from_lineage("AB1;tax=k:Fungi,f:Nectriaceae,g:Fusarium,s:Fusarium_oxysporum;")
    {'id': 'AB1', 'family': 'Nectriaceae', 'genus': 'Fusarium', 'species': 'Fusarium oxysporum'}
    """
    for start, read in ((_MIDORI, _read_midori), (_SINTAX, _read_sintax), (_PREFIXED, _read_prefixed)):
        found = start.search(header)
        if found:
            names = {rank: name.replace("_", " ").strip() for rank, name in read(header[found.end() :]).items()}
            named = {rank: name for rank, name in names.items() if name and not _NO_NAME.search(name)}
            return {"id": header[: found.start()].split()[0]} | _full_name(named)
    return None


def _full_name(named: dict[str, str]) -> dict[str, str]:
    """Put the genus before an epithet that stands alone, as in Greengenes2."""
    if named.get("species", "").islower() and "genus" in named and " " not in named["species"]:
        return named | {"species": f"{named['genus']} {named['species']}"}
    return named


def _read_prefixed(lineage: str) -> dict[str, str]:
    pairs = re.findall(r"([a-z])__([^;|]*)", lineage)
    return {RANK_OF[letter]: name for letter, name in pairs if letter in RANK_OF}


def _read_sintax(lineage: str) -> dict[str, str]:
    pairs = re.findall(r"([a-z]):([^,;]*)", lineage.partition(";")[0])
    return {RANK_OF[letter]: name for letter, name in pairs if letter in RANK_OF}


def _read_midori(lineage: str) -> dict[str, str]:
    levels = zip(MIDORI_RANKS[2:], lineage.split(";")[2:], strict=False)  # a lineage may end above the species
    return {rank: re.sub(r"_\d+$", "", name) for rank, name in levels if not _OWN_RANK.match(name)}
