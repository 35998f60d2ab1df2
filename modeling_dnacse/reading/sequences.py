"""Sequence files in, records out: FASTA or FASTQ, plain or compressed, read as a stream.

The alphabet policy, the same for every reader of this package (`clean_sequence`):

- letters are upper-cased, `U` becomes `T`;
- gaps (`-`, `.`) and white space are removed;
- IUPAC ambiguity codes `RYSWKMBDHVN`, and `X` as masking tools write it, become `N`;
- anything else (`*`, digits, letters of the protein alphabet) is an error that names file and line.

dnaio parses: it is strict and its errors are typed. It refuses a byte order mark and bytes outside ASCII, so
`open_ascii` stands before it; it accepts bad letters, empty and repeated ids, so those checks are here. Its records
carry no line number: the line of an error is found by reading the file once more.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import BinaryIO, NamedTuple

import dnaio
from xopen import xopen

from .seen_ids import SeenIds

_ILLEGAL = "!"
_AMBIGUOUS = "RYSWKMBDHVNXryswkmbdhvnx"
_CLEAN = dict.fromkeys(range(128), _ILLEGAL) | str.maketrans(
    "ACGTUacgtu" + _AMBIGUOUS, "ACGTTACGTT" + "N" * len(_AMBIGUOUS), "-. \t\r\n\v\f"
)
_COMPLEMENT = str.maketrans("ACGTURYKMBDHVacgturykmbdhv", "TGCAAYRMKVHDBtgcaayrmkvhdb")

# ASCII's SUB: it has no place in a header, unlike "%" or "\\", so escapes with it can be undone
_ESCAPE = "\x1a"


class Record(NamedTuple):
    """A cleaned sequence, its id (the header up to the first blank) and the rest of its header."""

    id: str
    sequence: str
    description: str = ""


@dataclass
class AlphabetCounts:
    """What the alphabet policy met, filled by a reader: bases left, `N` among them, gaps removed, `U` read as `T`."""

    records: int = 0
    bases: int = 0
    ambiguous: int = 0
    gaps: int = 0
    uracil: int = 0

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
        return (
            f"Read {self.records:,} records of {self.bases:,} bases in all: {self.ambiguous:,} ambiguous (N), "
            f"{self.gaps:,} gaps removed, {self.uracil:,} U read as T."
        )


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
    return next((character for character in text if _CLEAN.get(ord(character), _ILLEGAL) == _ILLEGAL), "")


def reverse_complement(sequence: str) -> str:
    """Return the other strand, read in its own direction; IUPAC codes complement, all else (N, S, W, X, gaps) stays.

    It undoes itself, except that a `U` comes back as `T`.

    >>> reverse_complement("AACGRN")
    'NYCGTT'
    """
    return sequence.translate(_COMPLEMENT)[::-1]


class _AsciiStream(io.RawIOBase):
    """Bytes with those above 127 escaped and the byte order mark dropped; a NUL or a damaged archive is an error."""

    def __init__(self, stream: BinaryIO, path: str):
        self.stream, self.path, self.lines, self.pending, self.at_start = stream, path, 0, b"", True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        chunk = self.pending or self.next_chunk()
        size = min(len(chunk), len(buffer))
        buffer[:size], self.pending = chunk[:size], chunk[size:]
        return size

    def next_chunk(self) -> bytes:
        try:
            chunk = self.stream.read(1 << 16)
        except Exception as error:  # each decompressor has its own class, isal's derives from Exception only
            raise ValueError(
                f"{self.path}:{self.lines + 1}: from about this line on the compressed data are cut short or damaged "
                f"({str(error).rstrip('.')}); fetch or compress the file again"
            ) from error
        if self.at_start:
            chunk, self.at_start = chunk.removeprefix(b"\xef\xbb\xbf"), False
        if b"\0" in chunk:
            line = self.lines + chunk[: chunk.index(b"\0")].count(b"\n") + 1
            raise ValueError(f"{self.path}:{line}: a NUL byte, so no plain text; save it as UTF-8 or fetch it again")
        self.lines += chunk.count(b"\n")
        if chunk.isascii():
            return chunk
        return re.sub(rb"[\x80-\xff]", lambda byte: b"%s%02x" % (_ESCAPE.encode(), byte[0][0]), chunk)

    def close(self) -> None:
        self.stream.close()
        super().close()


def open_ascii(path: str) -> io.BufferedReader:
    """Open a plain or compressed text file as bytes that are all ASCII; `restore` brings the other characters back.

    A ValueError, on opening or on reading, says why it cannot be opened or where it is damaged or no text.
    """
    try:
        stream = xopen(path, "rb", threads=0)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}; give the path of a readable file") from error
    return io.BufferedReader(_AsciiStream(stream, path), 1 << 16)


def restore(text: str) -> str:
    """Undo the escapes of `open_ascii`: as UTF-8 where the bytes are valid UTF-8, else as Latin-1.

    >>> restore("S\x1ae9n\x1ae9gal"), restore("S\x1ac3\x1aa9n\x1ac3\x1aa9gal")
    ('Sénégal', 'Sénégal')
    """
    if _ESCAPE not in text:
        return text
    raw = re.sub(rb"\x1a([0-9a-f]{2})", lambda escape: bytes.fromhex(escape[1].decode()), text.encode())
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def read_fasta(path: str | PathLike[str], *, counts: AlphabetCounts | None = None) -> Iterator[Record]:
    """Stream the records of a FASTA or FASTQ file, plain or compressed (.gz, .bz2, .xz), sequences cleaned.

    The content tells the format, not the name. FASTA may wrap its lines, FASTQ may not. Any line ends, CR alone in
    FASTA only. Headers may be UTF-8 or Latin-1. Memory is constant but for the check for repeated ids, at most 32
    bytes a record.

    Args:
        path: The file.
        counts: Filled with what the alphabet policy met.

    Raises:
        ValueError: with file, line and remedy: the file is unreadable or has no records; or a record has no id, an id
            that was used before, no bases, or a character that is no nucleotide code.
    """
    path = fspath(path)
    seen = SeenIds()
    for index, (header, raw) in enumerate(_parse(path)):
        identifier, *description = header.split(None, 1) or [""]
        if not identifier:
            raise ValueError(f"{_place(path, index)}: a header without an id; write a name after the '>' or '@'")
        if not seen.add(identifier):
            _check_repeat(path, identifier, index)
        try:
            sequence = clean_sequence(raw)
        except ValueError as error:
            raise ValueError(f"{_place(path, index, illegal_character(raw))}: {error}") from None
        if not sequence:
            raise ValueError(f"{_place(path, index)}: record {identifier!r} has no bases; add them or remove it")
        if counts is not None:
            counts.add(raw, sequence)
        yield Record(identifier, sequence, *description)
    if not seen:
        raise ValueError(f"{path}:1: no records; the file is empty, give one with at least one sequence")


def _check_repeat(path: str, identifier: str, index: int) -> None:
    """Raise the error of an id that was used before, unless a file shows that another id has its hash."""
    earlier = "earlier"  # a pipe cannot be read twice
    if Path(path).is_file():
        headers = (header.split(None, 1)[:1] for header, _ in _parse(path))
        first = next(number for number, name in enumerate(headers) if name == [identifier])
        if first == index:
            return
        earlier = f"at {_place(path, first)}"
    raise ValueError(f"{_place(path, index)}: id {identifier!r} was used before, {earlier}; rename one")


def _parse(path: str) -> Iterator[tuple[str, str]]:
    """Yield the header and the sequence of each record as they stand in the file."""
    with open_ascii(path) as stream:
        reader = dnaio.FastqReader if _is_fastq(stream) else dnaio.FastaReader
        try:
            for record in reader(stream):
                yield restore(record.name), restore(record.sequence)
        except dnaio.FileFormatError as error:
            raise ValueError(f"{path}:{(error.line or 0) + 1}: {_explain(error)}") from error


def _is_fastq(stream: io.BufferedReader) -> bool:
    return stream.peek(1)[:1] == b"@"


def _explain(error: dnaio.FileFormatError) -> str:
    reason = error.message.split(". ")[0].rstrip(".")
    if error.format == "FASTA":
        return f"{reason}; a FASTA record starts with '>' and an id, a FASTQ file with '@'"
    if "'+'" in reason:
        return f"{reason}; FASTQ over several lines is not supported, convert it: seqtk seq IN.fastq > OUT.fastq"
    return f"{reason}; a FASTQ record is four lines, '@id', bases, '+', as many qualities: fetch the file again"


def _place(path: str, index: int, character: str = "") -> str:
    """Return FILE:LINE of a record's header or, with a character, of its first sequence line that has it."""
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
