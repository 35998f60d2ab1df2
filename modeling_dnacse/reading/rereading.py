"""A file of records that is read several times: each reading gives the same records, or reports that the file changed.

Commands read their input twice: first to check it, so that a mistake in the last line is reported before hours of
computing, and then to use it. Another program might change the file in between.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from ..machine.stamps import changed, check_stamp, stamp_of
from .labels import LabelledRecord, read_records
from .sequences import AlphabetCounts


class RecordFile:
    """Labelled records in a file. Later readings are compared with the first complete one.

    >>> RecordFile(Path("/no/such.fasta"))
    Traceback (most recent call last):
    ValueError: /no/such.fasta: No such file or directory; give the path of a readable file
    """

    def __init__(self, path: Path, split: str | None = None) -> None:
        """Take the file, and the split to read; None: all records.

        Raises:
            ValueError: the file does not exist, or cannot be read twice.
        """
        self.path, self.split = path, split
        self.stamp = stamp_of(path)
        self.count, self.digest = -1, b""

    def check(self) -> None:
        """Check that the file is the one that was given.

        Raises:
            ValueError: it changed.
        """
        check_stamp(self.path, self.stamp)

    def read(self, counts: AlphabetCounts | None = None, metadata: bool = False) -> Iterator[LabelledRecord]:
        """Yield the records as `read_records` does, with the metadata of a table if `metadata`.

        Raises:
            ValueError: a record is wrong, or the file changed.
        """
        self.check()
        count, digest = 0, hashlib.blake2b(digest_size=16)
        try:
            for record in read_records(self.path, split=self.split, counts=counts, metadata=metadata):
                if count == self.count:
                    raise changed(self.path)
                count += 1
                digest.update(f"{record.id}\n{record.sequence}\n".encode(errors="surrogateescape"))
                yield record
        except ValueError:
            self.check()  # if it changed, that is the reason
            raise
        self.check()
        if self.count < 0:
            self.count, self.digest = count, digest.digest()
        elif (count, digest.digest()) != (self.count, self.digest):
            raise changed(self.path)
