"""The name of a taxon as written in; its standard spelling out, or "" for a placeholder that is not a name.

| written | read as |
|---|---|
| `Apis  mellifera`, `Apis_mellifera`, `"Apis mellifera"`, `[Apis] mellifera` | `Apis mellifera` |
| `Apis mellifera Linnaeus, 1758`, `Apis mellifera (L.)` | `Apis mellifera`: authorship is removed |
| `Xestia alba ([Denis & Schiffermüller], 1775)`, `Xestia alba LINNAEUS,1758` | `Xestia alba` |
| `Apis Linnaeus, 1758`, `Apis L.` | `Apis` |
| `Triticum aestivum (bread wheat)` | `Triticum aestivum` |
| `Anopheles (Cellia) gambiae` | `Anopheles gambiae` |
| `Methanobrevibacter_A smithii` of GTDB, `Parus major A`, `Salmonella enterica serovar Typhi` | unchanged |
| `Escherichia flexneri(RS_GCF_003460375.1)` of DADA2, `Navicula:plas` of PR2 | without the accession, the organelle |
| `Tuber_magnatum_SH1234567.08FU` of UNITE | without the species hypothesis |
| `12`, `5.0` | nothing |
| `order_Discosea`, `Paguridae_6745_genus`: made up for a rank without a name | nothing |
| `unidentified`, `uncultured bacterium`, `environmental sample`, `NA`, ... | nothing |
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

# a capital or two after an underscore is part of a name of GTDB, as in Methanobrevibacter_A
_UNDERSCORE = re.compile(r"(?<![a-z]{3})_|_(?![A-Z]{1,2}(?:[ _]|$))")
_BLANKS = re.compile(r"[\s\u200b\ufeff]+")
_BRACKETS = re.compile(r"^\[([A-Z][a-z-]+)\](?= |$)")
_QUOTATION = re.compile(r"(?<!\S)[\"'‘’“”]+|[\"'‘’“”]+(?=[,;]?(?:\s|$))")  # around words; d'Orbigny has it inside
_SUBGENUS = re.compile(r"^([A-Z][a-z-]+) \([A-Z][a-z-]+\) (?=[a-z])")
_COMMON = re.compile(r"^([A-Z][a-z-]+ [a-z-]+) \((?!cf|aff|nr)[a-z][^()]*\)$")
_EPITHET = re.compile(r"[×x]?[a-zß-öø-ÿ-]+\.?|×")
_PARTICLES = frozenset(
    ("de", "del", "della", "den", "der", "des", "di", "du", "la", "le", "van", "von", "zu", "ter")
    + ("ex", "in", "et", "and", "al", "al.", "&", "f.", "fil.")
)
_STRAINS = re.compile(r"serovar|serotype|sv\.|biovar|bv\.|pathovar|pv\.|strain|str\.|cultivar|cv\.|isolate|voucher")
_SUFFIX = re.compile(
    r"\s*\((?:(?:RS|GB)_)?(?:GC[AF]_|[NX][A-Z]_|[A-Z]{1,4})\d{5,}(?:\.\d+)?(?:~[^()]*)?\)$|(?<=\w):[a-z]{4,5}$"
    r"|(?<=\w)[ _]SH\d{6,}\.\d+FU$"
)
_RANK_WORD = r"(?:phylum|class|order|family|genus|species)"
_MADE_UP = re.compile(rf"{_RANK_WORD}[_ ][A-Z].*|.*(?:_{_RANK_WORD})+")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d[a-z]?(?:[-–/]\d{2,4})?")
_YEAR_BEHIND = re.compile(r"(?<=,)(?=\[?(?:1[5-9]|20)\d\d\b)")  # a comma, without a blank
_NUMBER = re.compile(r"[\d.,-]+")

_MISSING = frozenset(("", "na", "n/a", "nan", "none", "null", "no data", "-", "?", "."))
_NO_NAME = re.compile(
    r"\b(?:unidentified|unclassified|uncultured|uncultivated|unassigned|undetermined|metagenome|incertae sedis)\b"
    r"|\benvironmental samples?\b|^(?:unknown|unnamed|unverified|unspecified|environmental|ambiguous taxa)\b"
    r"|^no (?:match|hit|identification)\b|^not (?:available|assigned|applicable|identified)\b",
    re.IGNORECASE,
)


@lru_cache(1 << 16)
def clean_name(text: str) -> str:
    """Return the name in its standard spelling; "" for a placeholder that is not a name.

    >>> clean_name("Apis_mellifera  Linnaeus, 1758"), clean_name("uncultured organism")
    ('Apis mellifera', '')
    """
    if is_made_up(text):
        return ""
    name = _BLANKS.sub(" ", _UNDERSCORE.sub(" ", without_suffix(unicodedata.normalize("NFC", text)))).strip(" \"';,")
    name = _QUOTATION.sub("", name)
    if name.lower() in _MISSING or _NUMBER.fullmatch(name) or _NO_NAME.search(name):
        return ""
    name = _COMMON.sub(r"\1", _SUBGENUS.sub(r"\1 ", _BRACKETS.sub(r"\1", name)))
    return _without_authorship(name)


def without_suffix(name: str) -> str:
    """A name without the accession, the organelle or the species hypothesis that a database adds to it.

    >>> without_suffix("Bacillus subtilis(NR_112116.2)"), without_suffix("Navicula:plas")
    ('Bacillus subtilis', 'Navicula')
    """
    return _SUFFIX.sub("", name)


def is_made_up(name: str) -> bool:
    """Whether a database made up a name for a rank without one.

    >>> is_made_up("order_Discosea"), is_made_up("Polychaeta_6341_order_family"), is_made_up("Discosea")
    (True, True, False)
    """
    return _MADE_UP.fullmatch(name) is not None


def alike_but_for_case(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of different names that have the same letters in another case, sorted; each name is in one pair or two.

    >>> alike_but_for_case(["Apis mellifera", "APIS MELLIFERA", "Bombus alba", "Apis mellifera"])
    [('APIS MELLIFERA', 'Apis mellifera')]
    """
    ordered = sorted(set(names), key=lambda name: (name.casefold(), name))
    return [(a, b) for a, b in pairwise(ordered) if a.casefold() == b.casefold()]


def _without_authorship(name: str) -> str:
    words = _YEAR_BEHIND.sub(" ", name).split(" ")
    first = 2 if words[0] == "Candidatus" else 1
    end = first
    while end < len(words) and words[end] not in _PARTICLES and _EPITHET.fullmatch(words[end].rstrip(",")):
        end += 1
    author = words[end:]
    if author and not _STRAINS.fullmatch(words[end - 1]) and _is_authorship(author, is_genus=end == first):
        return " ".join(words[:end]).rstrip(",")
    return name


def _is_authorship(words: list[str], is_genus: bool) -> bool:
    """Whether words are an authorship (only names of people and years), not a strain, a voucher or a number."""
    bare = [word.strip("(),[]") for word in words]
    years = [word for word in bare if _YEAR.fullmatch(word)]
    others = [word for word in bare if word and word not in years and word not in _PARTICLES]
    abbreviated = any(word.endswith(".") for word in others)
    only_letters = all(len(word) == 1 for word in others) and words[0][0] != "("  # of lineages, as in Parus major A
    in_capitals = bool(years) and "," in "".join(words)  # LINNAEUS, 1758, but not DSM 1990
    if not others or (not years and (only_letters or (is_genus and not abbreviated))):
        return False
    return all(re.fullmatch(r"(?:d['’])?[^\W\d_a-z][^\W\d_]*(?:[.'’-]+[^\W\d_]*)*", word) for word in others) and (
        in_capitals
        or all(any(letter.islower() for letter in word) or "." in word or len(word) == 1 for word in others)
    )
