"""The lineage of a taxon, as a database writes it, in; the name at each rank, as written, out.

| notation | example |
|---|---|
| letters of ranks | `k__Fungi;p__Ascomycota;...;s__Fusarium_oxysporum`, `D_0__Bacteria;D_1__Firmicutes` |
| SINTAX | `d:Eukaryota,p:Chordata,...,s:Epinephelus_coioides` |
| names of ranks | `superkingdom_Eukaryota_2759;phylum_Chordata_7711;...` of MIDORI2 |
| pairs of RDP | `Root;rootrank;Bacteria;domain;"Firmicutes";phylum;...` |
| names in order | `Eukaryota;Chordata;...;Epinephelus;Epinephelus coioides`, with or without a root |

The number of names in order determines their ranks (`POSITIONS`). From lineages of other lengths, such as those of
SILVA for eukaryotes, only some names are read: the species, the genus that it repeats, and names whose ending shows
the rank. A lineage that is cut above the species may end with the organism, as in SILVA. Bootstrap values after a name
are removed, and taxon numbers of NCBI, if most names have one: `Prevotella_9` among others without a number is a name.
"""

import re
from collections.abc import Sequence

from .label_policy import RANK_ORDER
from .names import is_made_up, without_suffix

_BELOW_TOP = ("phylum", "class", "order", "family", "genus", "species")
_LETTERS = {"d": "domain", "sk": "domain", "k": "kingdom", "p": "phylum", "c": "class", "o": "order", "f": "family"}
_LETTERS |= {"sf": "subfamily", "t": "tribe", "g": "genus", "s": "species"}
_LETTERS |= {f"D{number}": rank for number, rank in enumerate(("domain", *_BELOW_TOP))}  # SILVA until 2019 in QIIME2
_ALIASES = {"superkingdom": "domain"}

POSITIONS: dict[int, tuple[str, ...]] = {
    8: ("domain", "supergroup", "division", *_BELOW_TOP[1:]),  # PR2 until version 4
    9: ("domain", "supergroup", "division", "subdivision", *_BELOW_TOP[1:]),  # PR2 from version 5
}
PROKARYOTES = ("Bacteria", "Archaea")
DOMAINS = (*PROKARYOTES, "Eukaryota", "Eukarya", "Viruses")
KINGDOMS = ("Fungi", "Metazoa", "Animalia", "Viridiplantae", "Plantae", "Chromista", "Protista", "Protozoa")
_ROOT = re.compile(r"(?:root|cellular ?organisms)(?:_\d+)?", re.IGNORECASE)
_BOOTSTRAP, _TAXON_NUMBER = re.compile(r"\(\d+(?:\.\d+)?\)$"), re.compile(r"_-?\d+$")
_BINOMIAL = re.compile(r"(?:Candidatus )?([A-Z][\w-]+)[ _][a-z]")
_ORGANISM = re.compile(  # but no group of SILVA, as Clostridium sensu stricto 1
    r"(?:Candidatus )?[A-Z][a-z-]+[ _](?!sensu|incertae)[a-z][a-z-]+\b"
    r"(?!.*\b(?:group|clade|lineage|cluster|order|family|class)\b).*|.*\b(?:bacterium|archaeon|eukaryote)\b.*"
)
_ENDINGS = (("family", ("idae", "aceae")), ("order", ("ales", "formes")), ("class", ("phyceae", "mycetes")))
_SURE_ENDINGS = (("family", ("idae", "aceae")), ("order", ("ales",)), ("class", ("phyceae",)))


def read_lineage(lineage: str) -> dict[str, str]:
    """Return the names in a lineage, by rank; the label policy is not applied.

    >>> read_lineage("k__Fungi;p__Ascomycota;s__Fusarium_oxysporum")
    {'kingdom': 'Fungi', 'phylum': 'Ascomycota', 'species': 'Fusarium_oxysporum'}
    >>> read_lineage("Eukaryota;Chordata;Aves;Passeriformes;Corvidae;Corvus;Corvus corax")["family"]
    'Corvidae'
    """
    if re.match(r"\s*(?:[a-z]{1,2}|D_\d)__", lineage):
        return _by_letters(lineage)
    if re.match(r"\s*[a-z]:", lineage):
        pairs = re.findall(r"(?:^|,)\s*([a-z]):([^,;]*)", lineage.partition(";")[0])
        names = _without_numbers([name for _, name in pairs])
        return {_LETTERS[letter]: name for (letter, _), name in zip(pairs, names, strict=True) if letter in _LETTERS}
    names = [name.strip(' "\t') for name in lineage.strip("; \t").split(";")]
    if len(names) > 3 and {"rootrank", "domain"} & {name.lower() for name in names[1:4:2]}:
        pairs = zip(names[1::2], names[::2], strict=False)
        return {_rank(rank): name for rank, name in pairs if _rank(rank) in RANK_ORDER}
    if _ROOT.fullmatch(names[0]):
        names = names[1:]
    if (names and re.match(r"(?:superkingdom|domain|kingdom)_", names[0])) or len(names) == 1:
        return _by_rank_names(names)
    return names_in_order(names)


def names_in_order(names: Sequence[str], ranks: Sequence[str] | None = None) -> dict[str, str]:
    """Assign ranks to names from the top down: the given ranks, or those that follow from number and endings.

    >>> names_in_order(["Bacteria", "Bacillota", "Bacilli"])
    {'domain': 'Bacteria', 'phylum': 'Bacillota', 'class': 'Bacilli'}
    """
    names = ["" if is_made_up(name) else without_suffix(name) for name in _without_numbers(names)]
    ranks = ranks or _ranks_of(names)
    if ranks is None:
        return _by_endings(names)
    if len(names) < len(ranks) and _ORGANISM.fullmatch(names[-1]):
        ranks = (*ranks[: len(names) - 1], "species")
    return {rank: name for rank, name in zip(ranks, names, strict=False) if name}


def _without_numbers(names: Sequence[str]) -> list[str]:
    """Names without bootstrap values, and without taxon numbers if most of those that are not empty have one.

    >>> _without_numbers(["Eukaryota_2759", "Chordata_7711", ""]), _without_numbers(["Bacteria(100)", "Prevotella_9"])
    (['Eukaryota', 'Chordata', ''], ['Bacteria', 'Prevotella_9'])
    """
    names = [_BOOTSTRAP.sub("", name) for name in names]
    numbered = sum(_TAXON_NUMBER.search(name) is not None for name in names)
    return [_TAXON_NUMBER.sub("", name) for name in names] if 2 * numbered > sum(map(bool, names)) else names


def _ranks_of(names: Sequence[str]) -> tuple[str, ...] | None:
    """The ranks of names from the top down; the last ranks may be missing. None: the number does not fit."""
    if len(names) > 1 and names[1] in KINGDOMS:
        ranks = ("domain", "kingdom", *_BELOW_TOP)
    elif names and names[0] in KINGDOMS:
        ranks = ("kingdom", *_BELOW_TOP)
    else:
        ranks = POSITIONS.get(len(names), ("domain", *_BELOW_TOP))
    return None if len(names) > len(ranks) or _is_shifted(names, ranks) else ranks


def _is_shifted(names: Sequence[str], ranks: Sequence[str]) -> bool:
    """Whether a position is contradicted by the ending of its name, or by a genus that the species does not repeat."""
    for name, rank in zip(names, ranks, strict=False):
        shown = [other for other, endings in _SURE_ENDINGS if name.endswith(endings) and " " not in name]
        if shown and rank not in shown:
            return True
    if names[0] != "Eukaryota" or len(names) < len(ranks):
        return False
    binomial = _BINOMIAL.match(names[-1])
    return bool(binomial and names[-2] and not names[-2].startswith(binomial[1][:4]))


def _by_letters(lineage: str) -> dict[str, str]:
    found = re.findall(r"(?:^|[;|,])\s*(?:([a-z]{1,2})|D_(\d))__([^;|]*)", lineage)
    ranks = [_LETTERS.get(letter or f"D{digit}", "") for letter, digit, _ in found]
    names = _without_numbers([name for _, _, name in found])
    return {rank: name for rank, name in zip(ranks, names, strict=True) if rank}


def _by_rank_names(names: Sequence[str]) -> dict[str, str]:
    """Names as MIDORI2 writes them with their ranks; a single name without a rank is a species if it has two words."""
    found = {}
    for name in _without_numbers(names):
        rank, _, rest = name.partition("_")
        if _rank(rank) in RANK_ORDER:
            found[_rank(rank)] = rest
        elif len(names) == 1 and _BINOMIAL.match(name):
            found["species"] = name
    return found


def _by_endings(names: Sequence[str]) -> dict[str, str]:
    found = {"domain": names[0]} if names and names[0] in DOMAINS else {}
    for name in names:
        is_subclass = name.endswith("idae") and names[0] in PROKARYOTES  # as Acidimicrobidae
        for rank, endings in _ENDINGS:
            if name.endswith(endings) and " " not in name and rank not in found and not is_subclass:
                found[rank] = name
    if len(names) > 1 and names[-2] == found.get("family") and names[-1].isalpha():
        found["genus"] = names[-1]
    binomial = _BINOMIAL.match(names[-1]) if names else None
    if binomial:
        found["species"] = names[-1]
        if binomial[1] in names:
            found["genus"] = binomial[1]
    return found


def _rank(name: str) -> str:
    return _ALIASES.get(name.lower(), name.lower())
