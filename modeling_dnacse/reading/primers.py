"""Primers in; their places in a read, and the read without them, out.

A primer may hold IUPAC codes. It matches without gaps if at most a share of `MOST_WRONG` of its bases mismatch. The
forward primer is searched in the read and the reverse primer in the reverse complement of the read; for reads of the
other strand it is the other way round.
"""

from typing import NamedTuple

import numpy as np

from .sequences import reverse_complement

PRIMERS = {
    "LCO1490": "GGTCAACAAATCATAAAGATATTGG",
    "HCO2198": "TAAACTTCAGGGTGACCAAAAAATCA",
    "mlCOIintF": "GGWACWGGWTGAACWGTWTAYCCYCC",
    "jgHCO2198": "TANACYTCNGGRTGNCCRAARAAYCA",
    "fwhF2": "GGDACWGGWTGAACWGTWTAYCCHCC",
    "fwhR2n": "GTRATWGCHCCDGCTARWACWGG",
    "BF3": "CCHGAYATRGCHTTYCCHCG",
    "BR2": "TCDGGRTGNCCRAARAAYCA",
    "MiFish-U-F": "GTCGGTAAAACTCGTGCCAGC",
    "MiFish-U-R": "CATAGTGGGGTATCTAATCCCAGTTTG",
}
PAIRS = {"MiFish-U": ("MiFish-U-F", "MiFish-U-R")}
MOST_WRONG = 0.15  # share of a primer's bases
LEAST_LEFT = 20  # bp that must remain of a trimmed read
SPACER = 10  # bp that may precede a primer at the end of a read

_CODES = dict(zip("ACGTURYSWKMBDHVNI", (1, 2, 4, 8, 8, 5, 10, 6, 9, 12, 3, 14, 13, 11, 7, 15, 15), strict=True))
_BITS = np.zeros(256, np.uint8)
for _code, _bits in _CODES.items():
    _BITS[ord(_code)] = _bits
_READ = _BITS * np.isin(np.arange(256), [ord(base) for base in "ACGT"])  # an N of a read matches nothing


class Trimmed(NamedTuple):
    """A read without its primers, and the number of primers that were found."""

    sequence: str
    found: int


def parse_primers(given: list[str]) -> tuple[str, str]:
    """Return the sequences of a pair: two names or sequences, one of `PAIRS`, or FORWARD/REVERSE.

    >>> parse_primers(["MiFish-U"])
    ('GTCGGTAAAACTCGTGCCAGC', 'CATAGTGGGGTATCTAATCCCAGTTTG')
    >>> parse_primers(["acgtr", "TTTTN"])
    ('ACGTR', 'TTTTN')

    Raises:
        ValueError: they are not two, or one is neither a known name nor a sequence.
    """
    pairs = {name.lower(): pair for name, pair in PAIRS.items()}
    names = {name.lower(): sequence for name, sequence in PRIMERS.items()}
    if len(given) == 1:
        given = list(pairs.get(given[0].lower(), given[0].split("/")))
    if len(given) != 2:
        raise ValueError(f"--trim_primers got {' '.join(given)}; it takes a forward and a reverse primer")
    primers = [names.get(name.lower(), name.upper().replace("I", "N")) for name in given]
    for name, primer in zip(given, primers, strict=True):
        if set(primer) - set(_CODES) or len(primer) < 5 or len(primer.replace("N", "")) < 4:
            raise ValueError(
                f"--trim_primers got {name}, which is neither a sequence of bases in IUPAC codes nor one of "
                f"{', '.join((*PRIMERS, *PAIRS))}"
            )
    return primers[0], primers[1]


def place_of(primer: str, read: str) -> int:
    """The position where a primer matches best, the first of equally good ones; -1: none.

    >>> place_of("ACGYT", "TTACGCTTT")
    2
    """
    wanted, bases = (
        table[np.frombuffer(text.encode("ascii"), np.uint8)] for table, text in ((_BITS, primer), (_READ, read))
    )
    places = len(bases) - len(wanted) + 1
    if places < 1:
        return -1
    wrong = np.zeros(places, np.int16)
    for offset, code in enumerate(wanted):
        wrong += (bases[offset : offset + places] & code) == 0
    best = int(wrong.argmin())
    return best if wrong[best] <= MOST_WRONG * len(primer) else -1


def trim_primers(read: str, forward: str, reverse: str) -> Trimmed:
    """Remove two primers and the bases outside them; if one is not found, its end of the read stays.

    >>> trim_primers("GG" + "ACGTRYCATG".replace("R", "A").replace("Y", "T") + "A" * 30, "ACGTRYCATG", "CCCCCCCC")
    Trimmed(sequence='AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', found=1)
    """
    best = Trimmed(read, 0)
    for first, second in ((forward, reverse), (reverse, forward)):
        start, end = place_of(first, read), place_of(second, reverse_complement(read))  # each the outermost site
        low = start + len(first) if start >= 0 else 0
        high = len(read) - end - len(second) if end >= 0 else len(read)
        found = (start >= 0) + (end >= 0)
        if found > best.found and high - low >= LEAST_LEFT:
            best = Trimmed(read[low:high], found)
    return best


def primer_at_an_end(read: str) -> str:
    """The name of a known primer at the start of either strand of a read, after at most `SPACER` bases; "": none.

    >>> primer_at_an_end("AC" + PRIMERS["LCO1490"] + "ACGT" * 30)
    'LCO1490'
    """
    for strand in (read, reverse_complement(read[-60:])):
        for name, primer in PRIMERS.items():
            if place_of(primer, strand[: len(primer) + SPACER]) >= 0:
                return name
    return ""
