"""FASTA or FASTQ files in, records out: plain or compressed, read as a stream.

All readers of this package apply one alphabet policy (`clean_sequence`):

- letters become upper case, and `U` becomes `T`;
- gaps (`-`, `.`) and white space are removed;
- the IUPAC ambiguity codes `RYSWKMBDHVN`, and the `X` of masking tools, become `N`;
- anything else (`*`, digits, letters of the protein alphabet) is an error that names file and line.

dnaio parses the files, since it is strict and its errors have types. `open_ascii` provides the plain ASCII that it
needs. It accepts illegal letters and empty or repeated ids, so these are checked here. Its records have no line
numbers, so the line of an error is found by reading the file again.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import dnaio

from ..machine.file_names import given_path
from .seen_ids import SeenIds
from .text_files import open_ascii, restore

_ILLEGAL = "!"
_AMBIGUOUS = "RYSWKMBDHVNXryswkmbdhvnx"
_CLEAN = dict.fromkeys(range(128), _ILLEGAL) | str.maketrans(
    "ACGTUacgtu" + _AMBIGUOUS, "ACGTTACGTT" + "N" * len(_AMBIGUOUS), "-. \t\r\n\v\f"
)
_REFUSED = re.compile(
    f"[^{re.escape(''.join(chr(code) for code, value in _CLEAN.items() if value != _ILLEGAL))}]"
)  # many times faster than a loop over a chromosome
_COMPLEMENT = str.maketrans("ACGTURYKMBDHVacgturykmbdhv", "TGCAAYRMKVHDBtgcaayrmkvhdb")


class Record(NamedTuple):
    """A cleaned sequence, its id (the header up to the first space) and the rest of its header."""

    id: str
    sequence: str
    description: str = ""


@dataclass
class AlphabetCounts:
    """Counts of what the alphabet policy kept and changed; readers fill them."""

    records: int = 0
    bases: int = 0  # kept
    ambiguous: int = 0  # N among them
    gaps: int = 0  # removed
    uracil: int = 0  # U read as T
    without_sequence: int = 0  # rows of a table that were skipped
    without_size: int = 0  # rows of a table whose abundance is no whole number above 0
    markers: int = 0  # ids that got their marker appended, since another marker of the specimen has the id

    def add(self, raw: str, cleaned: str) -> None:
        """Count one sequence, given before and after `clean_sequence`."""
        self.records += 1
        self.bases += len(cleaned)
        self.ambiguous += cleaned.count("N")
        self.gaps += len(raw) - len(cleaned)
        self.uracil += raw.count("U") + raw.count("u")

    def summary(self) -> str:
        """Say in one sentence what was read and changed.

        >>> AlphabetCounts(records=2, bases=1300, ambiguous=3, gaps=1).summary()
        'Read 2 records of 1,300 bases in all: 3 ambiguous (N), 1 gaps removed, 0 U read as T.'
        """
        said = (
            f"Read {self.records:,} records of {self.bases:,} bases in all: {self.ambiguous:,} ambiguous (N), "
            f"{self.gaps:,} gaps removed, {self.uracil:,} U read as T."
        )
        if self.without_sequence:
            said += f" Left out {self.without_sequence:,} rows without a sequence."
        if self.without_size:
            said += f" Took 1 for {self.without_size:,} abundances that are no whole numbers above 0."
        if self.markers:
            said += f" Added the marker to {self.markers:,} ids that another marker of the specimen has."
        return said


def clean_sequence(sequence: str) -> str:
    """Apply the alphabet policy of this module; the result holds only `A`, `C`, `G`, `T` and `N`.

    >>> clean_sequence("acgu-RYN ACGT")
    'ACGTNNNACGT'

    Raises:
        ValueError: a character is neither a nucleotide code nor a gap.
    """
    cleaned = sequence.translate(_CLEAN)
    if _ILLEGAL in cleaned or not cleaned.isascii():
        raise ValueError(
            f"character {illegal_character(sequence)!r} in a sequence; allowed are ACGTU, the IUPAC codes RYSWKMBDHVN "
            "and X, gaps '-' and '.': remove it, or check that these are nucleotides, not proteins"
        )
    return cleaned


def illegal_character(text: str) -> str:
    """Return the first character that the alphabet policy refuses, or an empty string.

    >>> illegal_character("ACGT*")
    '*'
    """
    found = _REFUSED.search(text)
    return found[0] if found else ""


def reverse_complement(sequence: str) -> str:
    """Return the reverse complement, also of IUPAC codes; N, S, W, X and gaps stay as they are.

    Applied twice it gives the sequence back, except that `U` becomes `T`.

    >>> reverse_complement("AACGRN")
    'NYCGTT'
    """
    return sequence.translate(_COMPLEMENT)[::-1]


def read_fasta(path: str | PathLike[str], *, counts: AlphabetCounts | None = None) -> Iterator[Record]:
    """Stream the records of a FASTA or FASTQ file, plain or compressed (.gz, .bz2, .xz), sequences cleaned.

    The format is recognised from the content, not from the name. FASTA may wrap its lines, FASTQ may not. Lines may
    end in LF or CRLF, in FASTA also in CR alone. Headers may be UTF-8 or Latin-1. Memory does not grow with the file,
    except for at most 32 bytes per record to find repeated ids.

    Args:
        path: The file.
        counts: Filled with counts of the alphabet policy.

    Raises:
        ValueError: the file is unreadable or has no records; or a record has no id, a repeated id, no bases, or a
            character that is not a nucleotide code. The message names file, line and remedy.
    """
    path = given_path(path)
    seen = SeenIds()
    for index, (header, sequence) in enumerate(read_headers(path, counts)):
        identifier, *description = header.split(None, 1)
        if not seen.add(identifier):
            _check_repeat(path, identifier, index)
        yield Record(identifier, sequence, *description)


def read_headers(path: str, counts: AlphabetCounts | None = None) -> Iterator[tuple[str, str]]:
    """Stream whole headers and cleaned sequences of a FASTA or FASTQ file, as `read_fasta`; ids may repeat."""
    index = -1
    for index, (header, raw) in enumerate(_parse(path)):
        if not header.strip():
            raise ValueError(
                f"{place_of_record(path, index)}: a header without an id; write a name after the '>' or '@'"
            )
        try:
            sequence = clean_sequence(raw)
        except ValueError as error:
            raise ValueError(f"{place_of_record(path, index, illegal_character(raw))}: {error}") from None
        if not sequence:
            identifier = header.split(None, 1)[0]
            raise ValueError(
                f"{place_of_record(path, index)}: record {identifier!r} has no bases; add them or remove it"
            )
        if counts is not None:
            counts.add(raw, sequence)
        yield header, sequence
    if index < 0:
        raise ValueError(f"{path}:1: no records; the file is empty, give one with at least one sequence")


def _check_repeat(path: str, identifier: str, index: int) -> None:
    """Raise the error of an id that was used before, unless the file shows that another id has the same hash."""
    earlier = "earlier"  # a pipe cannot be read twice
    if Path(path).is_file():
        headers = (header.split(None, 1)[:1] for header, _ in _parse(path))
        first = next(number for number, name in enumerate(headers) if name == [identifier])
        if first == index:
            return
        earlier = f"at {place_of_record(path, first)}"
    raise ValueError(f"{place_of_record(path, index)}: id {identifier!r} was used before, {earlier}; rename one")


def _parse(path: str) -> Iterator[tuple[str, str]]:
    """Yield the header and the sequence of each record, as written in the file."""
    with open_ascii(path) as stream:
        reader, count = dnaio.FastqReader if _is_fastq(stream) else dnaio.FastaReader, 0
        try:
            for record in reader(stream):
                count += 1
                yield restore(record.name), restore(record.sequence)
        except dnaio.FileFormatError as error:
            if error.format == "FASTQ" and _ends_in_blank_lines(path, count):
                return
            raise ValueError(f"{path}:{(error.line or 0) + 1}: {_explain(error)}") from error


def _ends_in_blank_lines(path: str, records: int) -> bool:
    """Whether nothing but blank lines follows the first records of a FASTQ file, each of four lines."""
    if not Path(path).is_file():
        return False
    with open_ascii(path) as stream:
        return not any(line.strip() for line in islice(stream, 4 * records, None))


def _is_fastq(stream: io.BufferedReader) -> bool:
    return stream.peek(1)[:1] == b"@"


def _explain(error: dnaio.FileFormatError) -> str:
    reason = error.message.splitlines()[0].split(". ")[0].rstrip(".")[:200]
    if error.format == "FASTA":
        return f"{reason}; a FASTA record starts with '>' and an id, a FASTQ file with '@'"
    if "'+'" in reason:
        return f"{reason}; FASTQ over several lines is not supported, convert it: seqtk seq IN.fastq > OUT.fastq"
    return f"{reason}; a FASTQ record is four lines, '@id', bases, '+', as many qualities: fetch the file again"


def place_of_record(path: str, index: int, character: str = "") -> str:
    """Return FILE:LINE of a record's header or, with a character, of its first sequence line that has it.

    The record is given by its index; its line is found by reading the file again.
    """
    if not Path(path).is_file():
        return f"{path}, record {index + 1}"  # a pipe cannot be read twice
    with open_ascii(path) as stream:
        is_fastq, record = _is_fastq(stream), -1
        for line, text in enumerate(io.TextIOWrapper(stream, "ascii"), 1):
            is_header = line % 4 == 1 if is_fastq else text.lstrip().startswith(">")
            record += is_header
            if record == index and is_header == (not character) and character in restore(text):
                return f"{path}:{line}"
    return path
