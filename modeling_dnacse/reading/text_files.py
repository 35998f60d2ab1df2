"""A plain or compressed text file in; a stream of ASCII bytes out, from which other characters can be restored.

Parsers such as dnaio refuse a byte order mark and bytes outside ASCII, but headers contain them. So the mark is
removed, and each byte above 127 is escaped. `restore` undoes the escapes.

An artifact of QIIME2 (.qza) is a zip archive. Only the member with sequences or a taxonomy is read, as a stream.
Nothing is unpacked, and a file that expands too far is refused.
"""

import bz2
import io
import lzma
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from xopen import xopen

_ESCAPE = "\x1a"  # ASCII's SUB; unlike "%" and "\\" it is not used in headers. If it occurs, it is escaped, too
_ZIP = b"PK\x03\x04"
_ARTIFACT = re.compile(r"[0-9a-f-]{36}/data/(?:(?:aligned-)?dna-sequences\.fasta|taxonomy\.tsv)")
_LARGE, _MOST_SHRUNK = 1 << 28, 200  # bytes; factor: DNA as text shrinks to a quarter, repeats to a hundredth
_BLOCK = 1 << 16
_MEMBERS = {b"BZh": bz2.BZ2Decompressor, b"\xfd7z": lzma.LZMADecompressor}


class _Members:
    """The bytes of a .bz2 or .xz file. Python's own readers end silently before a damaged second member."""

    def __init__(self, file: BinaryIO, member: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]):
        self.file, self.new_member, self.member = file, member, member()

    def read(self, size: int) -> bytes:
        while True:
            if self.member.eof:
                packed = self.member.unused_data or self.file.read(_BLOCK)
                while packed and not (packed := packed.lstrip(b"\0")):  # padding
                    packed = self.file.read(_BLOCK)
                if not packed:
                    return b""
                self.member = self.new_member()
            elif not self.member.needs_input:
                packed = b""
            elif not (packed := self.file.read(_BLOCK)):
                raise EOFError("Compressed file ended before the end-of-stream marker was reached")
            if block := self.member.decompress(packed, size):
                return block

    def close(self) -> None:
        self.file.close()


class _AsciiStream(io.RawIOBase):
    """The bytes of a file, without byte order mark and with those above 127 escaped; a NUL is an error."""

    def __init__(self, stream: BinaryIO, path: str, packed: int | None):
        """Take the stream, its name, and the size of the compressed bytes; None: unknown, of a pipe."""
        self.stream, self.path, self.lines, self.pending, self.at_start = stream, path, 0, b"", True
        self.packed, self.size = packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        chunk = self.pending or self.next_chunk()
        size = min(len(chunk), len(buffer))
        buffer[:size], self.pending = chunk[:size], chunk[size:]
        return size

    def next_chunk(self) -> bytes:
        try:
            chunk = self.stream.read(_BLOCK)
        except Exception as error:  # each decompressor raises a class of its own; isal's derives from Exception only
            raise ValueError(
                f"{self.path}:{self.lines + 1}: from about this line on the compressed data are cut short or damaged "
                f"({str(error).rstrip('.')}); fetch or compress the file again"
            ) from error
        self.size += len(chunk)
        if self.packed is not None and self.size > max(_LARGE, _MOST_SHRUNK * self.packed):
            raise ValueError(
                f"{self.path}: grows from {self.packed:,} to more than {self.size:,} bytes, as no sequences do; "
                "fetch the file again, or decompress it first"
            )
        if self.at_start:
            chunk, self.at_start = chunk.removeprefix(b"\xef\xbb\xbf"), False
        if b"\0" in chunk:
            line = self.lines + chunk[: chunk.index(b"\0")].count(b"\n") + 1
            raise ValueError(
                f"{self.path}:{line}: a NUL byte, so this is not plain text; save it as UTF-8 or fetch it again"
            )
        self.lines += chunk.count(b"\n")
        if chunk.isascii() and _ESCAPE.encode() not in chunk:
            return chunk
        return re.sub(rb"[\x1a\x80-\xff]", lambda byte: b"%s%02x" % (_ESCAPE.encode(), byte[0][0]), chunk)

    def close(self) -> None:
        self.stream.close()
        super().close()


def open_ascii(path: str) -> io.BufferedReader:
    """Open a plain or compressed text file as ASCII bytes; `restore` brings the other characters back.

    Raises:
        ValueError: on opening, if the file cannot be opened; on reading, if it is damaged or not text.
    """
    try:
        packed = Path(path).stat().st_size if Path(path).is_file() else None
        if first_bytes(path) == _ZIP:
            stream, packed = _open_artifact(path)
        elif member := _MEMBERS.get(first_bytes(path)[:3]):
            stream = cast(BinaryIO, _Members(Path(path).open("rb"), member))  # noqa: SIM115
        else:
            stream = xopen(path, "rb", threads=0)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}; give the path of a readable file") from error
    return io.BufferedReader(_AsciiStream(stream, path, packed), _BLOCK)


def first_bytes(path: str) -> bytes:
    """The first four bytes of a regular file; b"" for a pipe, which cannot be read twice."""
    if not Path(path).is_file():
        return b""
    with Path(path).open("rb") as file:
        return file.read(4)


def _open_artifact(path: str) -> tuple[BinaryIO, int]:
    """Open the member with sequences or a taxonomy; also return its compressed size."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if _ARTIFACT.fullmatch(member.filename)]
            if len(members) != 1:
                raise ValueError(
                    f"{path}: a zip archive, but no artifact of QIIME2 with sequences or a taxonomy; "
                    "unpack it, or save a table as CSV"
                )
            opened = archive.open(members[0])  # which stays open when the archive is closed
            return cast(BinaryIO, opened), members[0].compress_size
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path}: a zip archive that cannot be read ({error}); fetch it again") from error


def restore(text: str) -> str:
    """Undo the escapes of `open_ascii`; bytes that are not valid UTF-8 are read as Windows-1252, or else as Latin-1.

    >>> restore("S\x1ae9n\x1ae9gal"), restore("S\x1ac3\x1aa9n\x1ac3\x1aa9gal")
    ('Sénégal', 'Sénégal')
    """
    if _ESCAPE not in text:
        return text
    raw = re.sub(rb"\x1a([0-9a-f]{2})", lambda escape: bytes.fromhex(escape[1].decode()), text.encode())
    for encoding in ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")
