"""The header of a FASTA or FASTQ record in; its style, its id, its labels as written and its abundance out.

The style is recognised for each header, so one file may hold several. `STYLES` lists them with an example of each, in
the order in which they are tried; docs/formats.md says what each one contains. If no style is recognised, the id is
the header up to the first space. `;size=N` is not part of an id.
"""

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from .label_policy import COLUMNS, column_name, pick_columns
from .lineages import DOMAINS, KINGDOMS, names_in_order, read_lineage

STYLES = {
    "MIDORI2": "KY1.1.<1.>1539###root_1;Eukaryota_2759;Chordata_7711;...;Epinephelus coioides_94237",
    "SINTAX": "KY1;tax=d:Eukaryota,p:Chordata,...,g:Epinephelus,s:Epinephelus_coioides;",
    "OBITools": 'KY1 {"taxid":94237,"scientific_name":"Epinephelus coioides","family_name":"Serranidae"}',
    "RDP": "S1 Bacillus subtilis; X1\tLineage=Root;rootrank;Bacteria;domain;...;Bacillus;genus",
    "GTDB": "RS_GCF_1.1~NC_1.1 d__Archaea;...;s__Methanobrevibacter_A smithii [locus_tag=x] [ssu_len=1475]",
    "UNITE": "Name|MT1|SH1.10FU|refs|k__Fungi;p__Ascomycota;...;s__Fusarium_oxysporum",
    "rank letters": "MJ1 k__Fungi; p__Ascomycota; ...; g__Fusarium; s__oxysporum",
    "PR2": "AB1.1.1740_U|18S_rRNA|nucleus|clone_x|Eukaryota|TSAR|Alveolata|...|Unruhdinium_kevei",
    "BOLD": "GBMIN1-13|COI-5P|Chile|Animalia,Chordata,Aves,Passeriformes,Corvidae,None,Corvus,Corvus corax,None",
    "BOLD before 2024": "GBMIN1-13|Corvus corax|COI-5P|KM1",
    "lineage after the id": "AB1.1.1650 Bacteria;Firmicutes;...;Bacillus;Bacillus subtilis",
    "lineage without id": "Bacteria;Firmicutes;Bacilli;Bacillales;Bacillaceae;Bacillus;subtilis;",
    "id;Genus epithet": "KY1;Epinephelus coioides",
    "key=value": "x1 species=Apis mellifera family=Apidae",
    "GenBank keys": "x1 [organism=Apis mellifera] [strain=y]",
    "id Genus epithet": "AB1 Bacillus subtilis",
    "GenBank title": "AB1.1 Apis mellifera voucher X1 cytochrome c oxidase subunit I gene, partial cds",
}
NO_STYLE = "headers without labels"


class Header(NamedTuple):
    """The content of a header. `style` is a key of `STYLES` or `NO_STYLE`; `id` "" means none; `fields` as written."""

    style: str
    id: str
    fields: dict[str, str]
    size: int = 1


_SIZE = re.compile(r";size=([^;\s]*);?")
_ABUNDANCE = re.compile(r"0*[1-9][0-9]{0,14}")  # sums of what is longer overflow
_TAX = re.compile(r"[;\s]tax=(?=[a-z]:)")
_LETTERS = re.compile(r"(?:^|(?<=[|;\s]))(?=(?:[dkp]|sk|D_0)__(?:[^\W\d]|[;\[\"]|\s*$))")
_ROOTED = re.compile(r"(?:###|[\s;])(?=root(?:_\d+)?;|cellularOrganisms;|Root;)")
_TOP = rf"(?:{'|'.join((*DOMAINS, *KINGDOMS))})(?:_\d+)?"
_BEFORE_TOP = re.compile(rf"(?!{_TOP};|root)([^;\s]+);(?={_TOP};)")
_WITHOUT_ID = re.compile(r"(?:[A-Z][\w :-]+|root_\d+|(?:superkingdom|domain|kingdom)_[A-Z]\w+);(?:[\w \"():.~-]*;)+")
_MARKER = re.compile(
    r"(?:COI|CO1|COX|COII|CYT|ITS|\d\ds|mat|rbc|ND\d|trn|psb|atp|ef1|H[34]\b|Rho|CAD|Wnt|ArgKin|28S|18S)[\w-]*", re.I
)
_PROCESS_ID = re.compile(r"[A-Z][A-Z0-9_]*-\d{2,}")
_BOLD_NAME = re.compile(r"[A-Z][a-z-]+(?:[ _].*)?")
_BOLD_RANKS = ("kingdom", "phylum", "class", "order", "family", "subfamily", "tribe", "genus", "species", "subspecies")
_PR2 = re.compile(r"[^|\s]+\|\w*(?:rRNA|plastid)\w*\|\w*\|[^|]*\|")
_KEY_VALUE = re.compile(r"(?:^|[\s\[;])(\w+)=(.*?)(?=[\s\[;]+\w+=|$)")
_ACCESSION = re.compile(r"(?:[A-Z]{1,6}_?\d{5,}(?:\.\d+)?|gi\|.*|NZ_\w+\.\d+)")
_NAME = re.compile(
    r"([A-Z][a-z-]+ (?:(?:sp|cf|aff|nr)\.(?: [^\s,;]+)?"
    r"|(?!(?:genome|genes?|ribosomal|sequence)\b)(?:[x×] ?)?[a-z][a-z-]{2,}(?: [x×] (?:[A-Z][a-z-]+ )?[a-z-]{3,})?))"
    r"(?=[\s,;]|$)"
)
_TITLE_PREFIX = re.compile(r"(?:UNVERIFIED(?:_\w+)?|MAG|PREDICTED|TPA(?:_\w+)?|LOW QUALITY PROTEIN)(?::\s*| )")
_TITLE_WORD = re.compile(
    r"(?:voucher|isolate|strain|clone|haplotype|specimen|culture|mitochondri|chloroplast|plastid|cytochrome|internal|"
    r"small|large|\d\dS|ribosomal|ribulose|maturase|complete|partial|gene|genome|COI|cox|chromosome|contig|plasmid)",
    re.IGNORECASE,
)


def parse_header(header: str) -> Header:
    """Recognise the style of a header, and read its id, its fields and its abundance.

    The fields have the keys of `COLUMNS`: ranks, `split`, `marker`, and `epithet` if it is given separately.

    Args:
        header: The whole header without the ">"; of the key=value style, the part after the id is enough.

    Raises:
        ValueError: the abundance is not a whole number above 0.

    >>> parse_header("AB1;tax=k:Fungi,s:Fusarium_oxysporum;size=3;")
    Header(style='SINTAX', id='AB1', fields={'kingdom': 'Fungi', 'species': 'Fusarium_oxysporum'}, size=3)
    """
    header, size = without_size(header)
    for read in _READERS:
        if result := read(header):
            return result._replace(id=result.id.rstrip(";"), size=max(size, result.size))
    return Header(NO_STYLE, _first_word(header), {}, size)


def without_size(header: str) -> tuple[str, int]:
    """Split a header or an id into its text without `;size=N` and its abundance, by default 1.

    Raises:
        ValueError: the abundance is not a whole number above 0.
    """
    found = _SIZE.search(header)
    if not found:
        return header, 1
    after = header[found.end() :]
    return header[: found.start()] + (";" + after if after else ""), _abundance(";size", found[1])


def _abundance(key: str, text: str) -> int:
    if not _ABUNDANCE.fullmatch(text):
        said = f"{key}={text[:30]} is no abundance; write a whole number above 0, of at most 15 digits, or remove it"
        raise ValueError(said)
    return int(text)


def _first_word(text: str) -> str:
    return text.split(None, 1)[0] if text.strip() else ""


def _rooted(header: str) -> Header | None:
    found = _ROOTED.search(header)
    if not found or not _first_word(header[: found.start()]):
        return None
    fields = read_lineage(header[found.end() :].lstrip("#"))
    is_midori = found[0] == "###" or header.startswith("root_", found.end())
    return Header("MIDORI2" if is_midori else "lineage after the id", _first_word(header[: found.start()]), fields)


def _sintax(header: str) -> Header | None:
    found = _TAX.search(header)
    identifier = _first_word(header[: found.start()]) if found else ""
    return Header("SINTAX", identifier, read_lineage(header[found.end() :])) if found and identifier else None


def _obitools(header: str) -> Header | None:
    start, brace, rest = header.partition(" {")
    if not brace:
        return None
    try:
        given = json.loads("{" + rest[: rest.rindex("}") + 1])
    except (ValueError, RecursionError):
        return None
    pairs = {str(key).lower(): str(value) for key, value in given.items() if isinstance(value, (str, int, float))}
    return Header("OBITools", _first_word(start), _labels_of_pairs(pairs), _count(pairs))


def _rdp(header: str) -> Header | None:
    start, found, lineage = header.partition("Lineage=")
    if not found or not start.strip():
        return None
    identifier, *title = start.split(None, 1)
    name = _NAME.match(title[0]) if title else None
    return Header("RDP", identifier, read_lineage(lineage) | ({"species": name[1]} if name else {}))


def _letters(header: str) -> Header | None:
    if "__" not in header or not (found := _LETTERS.search(header)):
        return None
    before, lineage = header[: found.start()], header[found.start() :]
    lineage = re.sub(r"\s\[\w+=.*", "", lineage)
    style = "UNITE" if "|" in before else "GTDB" if before.startswith(("RS_", "GB_")) else "rank letters"
    return Header(style, _first_word(before).rstrip("|;"), read_lineage(lineage))


def _pr2(header: str) -> Header | None:
    if not _PR2.match(header):
        return None
    identifier, _, _, _, *names = header.split("|")
    return Header("PR2", identifier, names_in_order([name.strip() for name in names]))


def _bold(header: str) -> Header | None:
    identifier, *fields = header.split("|")
    if not fields or not identifier or any(blank in identifier for blank in " \t"):
        return None
    names = fields[-1].split(",")
    if len(fields) >= 2 and len(names) in (9, 10):
        ranks = _BOLD_RANKS if len(names) == 10 else [rank for rank in _BOLD_RANKS if rank != "tribe"]
        return Header("BOLD", identifier, dict(zip(ranks, names, strict=True)) | {"marker": fields[0]})
    marker = next((field.strip() for field in fields[1:] if _MARKER.fullmatch(field.strip())), "")
    name = fields[0].strip()
    if not _BOLD_NAME.fullmatch(name) or not (marker or _PROCESS_ID.fullmatch(identifier)):
        return None
    is_family = " " not in name and name.endswith(("idae", "aceae"))
    labels = {"species": name} if " " in name or "_" in name else {"family": name} if is_family else {}
    return Header("BOLD before 2024", identifier, labels | {"marker": marker})


def _plain_lineage(header: str) -> Header | None:
    if header.count(";") < 2 or re.search(r"\w=", header):  # an organism may have two strains, X 1 = Y 2
        return None
    first, *rest = header.split(None, 1)
    if rest and ";" not in first and re.match(r"[\w\":-]+;[^;]*;", rest[0]):
        return Header("lineage after the id", first, read_lineage(rest[0]))
    if before := _BEFORE_TOP.match(header):
        return Header("lineage after the id", before[1], read_lineage(header[before.end() :]))
    if _WITHOUT_ID.match(header):
        return Header("lineage without id", "", read_lineage(header))
    return None


def _id_and_name(header: str) -> Header | None:
    found = re.fullmatch(r"([^;\s]+);\s*((?:Candidatus )?[A-Z][a-z-]+[ _][a-z][^;=]*);?", header)
    return Header("id;Genus epithet", found[1], {"species": found[2]}) if found else None


def _pairs(header: str) -> Header | None:
    if "=" not in header:
        return None
    pairs = {key.lower(): value.strip(" ;,[]") for key, value in _KEY_VALUE.findall(header)}
    fields = _labels_of_pairs(pairs)
    if not fields:
        return None
    style = "GenBank keys" if "[organism=" in header else "OBITools" if "taxid" in pairs else "key=value"
    identifier = re.split(r";\w+=", _first_word(header))[0]
    return Header(style, identifier, fields, _count(pairs) if style == "OBITools" else 1)


def _title(header: str) -> Header | None:
    identifier, *rest = header.split(None, 1)
    if not rest:
        return None
    title = _TITLE_PREFIX.sub("", rest[0])
    repeated = re.fullmatch(r"([A-Z][a-z-]+) (\1_[a-z][\w.-]*)\s*", title)  # as CRABS writes it for addSpecies
    if repeated:
        return Header("id Genus epithet", identifier, {"species": repeated[2]})
    found = _NAME.match(title)
    if not found:
        return None
    after = title[found.end() :].strip()
    if not after:
        return Header("id Genus epithet", identifier, {"species": found[1]})
    if _ACCESSION.fullmatch(identifier) or _TITLE_WORD.match(after):
        return Header("GenBank title", identifier, {"species": found[1]})
    return None


_READERS: tuple[Callable[[str], Header | None], ...] = (
    *(_rdp, _rooted, _sintax, _obitools, _letters, _pr2, _bold, _plain_lineage, _id_and_name, _pairs, _title),
)


def _labels_of_pairs(pairs: dict[str, str]) -> dict[str, str]:
    """Labels among keys and values; numbers, as OBITools gives for taxa, are not names."""
    pairs = {column_name(key): value for key, value in pairs.items()}
    if pairs.get("rank", "species") != "species":
        pairs.pop("scientific_name", None)
    named = {key: value for key, value in pairs.items() if not value.isdigit() or key == "split"}
    fields = pick_columns(named)
    return {key: value for key, value in fields.items() if key in COLUMNS and key not in _NO_LABELS}


_NO_LABELS = ("id", "sequence", "size", "taxid", "lineage", "marker")


def _count(pairs: dict[str, str]) -> int:
    """The abundance of OBITools, which a definition may follow."""
    return _abundance("count", re.split(r"[;\s]", pairs.get("count", "1"))[0])
