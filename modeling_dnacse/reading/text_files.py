"""A plain or compressed text file in; a stream of ASCII bytes out, from which other characters can be restored.

Parsers such as dnaio refuse a byte order mark and bytes outside ASCII, but headers contain them. So the mark is
removed, and each byte above 127 is escaped. `restore` undoes the escapes. A compressed file that grows as no sequences
do is refused.
"""

import io
import re
from typing import BinaryIO

from .decompression import BLOCK, open_decompressed, why_no_text

_ESCAPE = "\x1a"  # ASCII's SUB; unlike "%" and "\\" it is not used in headers. If it occurs, it is escaped, too
_LARGE, _MOST_SHRUNK = 1 << 28, 200  # bytes; factor: DNA as text shrinks to a quarter, repeats to a hundredth


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
            chunk = self.stream.read(BLOCK)
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
            if what := why_no_text(chunk):
                raise ValueError(f"{self.path}:1: the content is {what}")
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
        stream, packed = open_decompressed(path)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}; give the path of a readable file") from error
    return io.BufferedReader(_AsciiStream(stream, path, packed), BLOCK)


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
