"""A file, plain or compressed in whatever way, in; its bytes as a stream, out.

The first bytes decide, not the suffix. An artifact of QIIME2 (.qza) is a zip archive. Only the member with sequences
or a taxonomy is read, as a stream. Nothing is unpacked.
"""

import bz2
import lzma
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from xopen import xopen

BLOCK = 1 << 16  # bytes
_ZIP = b"PK\x03\x04"
_ARTIFACT = re.compile(r"[0-9a-f-]{36}/data/(?:(?:aligned-)?dna-sequences\.fasta|taxonomy\.tsv)")
_FORMATS = {b"\x1f\x8b": "gz", b"\x28\xb5": "zst", b"\x50\x2a": "zst"}  # the last: a frame to skip
_NOT_TEXT = {
    rb"\x1f\x8b\x08|\x28\xb5\x2f\xfd|BZh[1-9]1AY&SY|\xfd7zXZ\x00": "compressed data; decompress it, once more if it "
    "was compressed twice",
    rb"PK\x03\x04": "a zip archive; give it uncompressed, as QIIME2 writes .qza",
    rb"PAR1[\x00-\x08\x0e-\x1f]": "parquet; give it uncompressed, as a file named .parquet",
    rb"\xff\xfe|\xfe\xff": "text in UTF-16 or UTF-32; save it as UTF-8",
}  # what a decompressed file may begin with
_MEMBERS = {b"BZh": bz2.BZ2Decompressor, b"\xfd7z": lzma.LZMADecompressor}


def open_decompressed(path: str) -> tuple[BinaryIO, int | None]:
    """Open a file; also return the size of its compressed bytes, or None for a pipe, of which it is unknown.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is a zip archive, but no artifact with sequences or a taxonomy.
    """
    first = first_bytes(path)
    if first == _ZIP:
        return _open_artifact(path)
    packed = Path(path).stat().st_size if Path(path).is_file() else None
    if member := _MEMBERS.get(first[:3]):
        return cast(BinaryIO, _Members(Path(path).open("rb"), member)), packed
    if packed is None:  # the suffix of a pipe tells
        return xopen(path, "rb", threads=0), packed
    form = _FORMATS.get(first[:2])
    if form is None:
        return cast(BinaryIO, Path(path).open("rb")), packed
    return xopen(path, "rb", threads=0, format=form), packed


def first_bytes(path: str) -> bytes:
    """The first four bytes of a regular file; b"" for a pipe, which cannot be read twice.

    Raises:
        ValueError: it cannot be read.
    """
    if not Path(path).is_file():
        return b""
    try:
        with Path(path).open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; give the path of a readable file") from None


def why_no_text(start: bytes) -> str:
    """What a decompressed file holds in place of plain text, and the remedy; "": nothing of `_NOT_TEXT`.

    >>> why_no_text(b">x1"), why_no_text(bytes([255, 254]) + b">")
    ('', 'text in UTF-16 or UTF-32; save it as UTF-8')
    """
    return next((what for first, what in _NOT_TEXT.items() if re.match(first, start)), "")


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


class _Members:
    """The bytes of a .bz2 or .xz file. Python's own readers end silently before a damaged second member."""

    def __init__(self, file: BinaryIO, member: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]):
        self.file, self.new_member, self.member = file, member, member()

    def read(self, size: int) -> bytes:
        while True:
            if self.member.eof:
                packed = self.member.unused_data or self.file.read(BLOCK)
                while packed and not (packed := packed.lstrip(b"\0")):  # padding
                    packed = self.file.read(BLOCK)
                if not packed:
                    return b""
                self.member = self.new_member()
            elif not self.member.needs_input:
                packed = b""
            elif not (packed := self.file.read(BLOCK)):
                raise EOFError("Compressed file ended before the end-of-stream marker was reached")
            if block := self.member.decompress(packed, size):
                return block

    def close(self) -> None:
        self.file.close()
