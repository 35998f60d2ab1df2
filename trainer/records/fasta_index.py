"""Random access to FASTA files of any size: a path, a record and a range in, bases out.

htslib (pysam) indexes plain FASTA and bgzip. Files that it cannot index (ordinary gzip, .bz2, .xz, lines of unequal
length or ending in CR alone) are copied to bgzip, and the copy is indexed. Either way the file is read with the usual
strict checks, so that training does not find a damaged line after days; the headers, which hold the labels, are kept.

The index lies in a folder of the cache of `datasets` (HF_DATASETS_CACHE), named after the file's path, size, inode and
times of change in nanoseconds: a changed file is never read with its former index. Memory: about 100 bytes for each
record of an open file and 16 bytes for each 64 kb of bgzip, independent of the number of bases of plain FASTA.

Tried instead: pyfastx has random access to ordinary .gz, but corrupted the heap (free(): invalid pointer) in each of
four runs over 164 genomes. pyfaidx needs Biopython for bgzip and takes twice as long to index.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pysam
from datasets import config

from modeling_dnacse.machine.stamps import changed
from modeling_dnacse.reading.sequences import Record, clean_sequence, open_ascii, read_fasta

OPEN_FILES = 64
LONE_CR = re.compile(rb"\r[^\n]")
HEADERS, COPY, PLACES, BLOCKS = "headers.tsv", "copy.fa.gz", "records.fai", "blocks.gzi"


def index_fasta(path: Path) -> Path:
    """Return the index folder of a FASTA file, and make it if needed; several processes may do so at the same time.

    Raises:
        ValueError: with file, line and remedy, as read_fasta.
        OSError: the cache cannot be written.
    """
    folder = index_folder(path)
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        unfinished = Path(temporary, folder.name)
        unfinished.mkdir()
        write_index(path, unfinished)
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    return folder


def index_folder(path: Path) -> Path:
    """The folder for the index of the file in its present state.

    Raises:
        ValueError: the file cannot be accessed.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; give the path of a readable file") from error
    facts = (path.resolve(), state.st_size, state.st_ino, state.st_mtime_ns, state.st_ctime_ns)
    key = hashlib.sha256("\n".join(map(str, facts)).encode()).hexdigest()[:32]
    return Path(config.HF_DATASETS_CACHE, "dnacse-fasta-index", f"{path.name}.{key}")


def write_index(path: Path, folder: Path) -> None:
    """Write the index, the headers and, if htslib cannot index the file, the copy."""
    records = read_fasta(path)
    try:
        build_places(path, folder)
        needs_copy = has_lone_carriage_returns(path)
    except pysam.SamtoolsError:
        needs_copy = True
    if needs_copy:
        records = copying(records, folder / COPY)
    write_headers(records, folder)
    if not (folder / COPY).exists() and ids_in(folder / PLACES) != ids_in_headers(folder):
        # htslib found other records than read_fasta: index a copy
        write_headers(copying(read_fasta(path), folder / COPY), folder)
    if (folder / COPY).exists():
        build_places(folder / COPY, folder)
    if index_folder(path).name != folder.name:
        raise changed(path)


def write_headers(records: Iterable[Record], folder: Path) -> None:
    """Write length and header of each record."""
    with (folder / HEADERS).open("w", encoding="utf-8") as headers:
        for record in records:
            headers.write(f"{len(record.sequence)}\t{record.id} {record.description}".rstrip() + "\n")


def ids_in(places: Path) -> list[str]:
    """The ids of the records that htslib found."""
    with places.open(encoding="utf-8", errors="replace") as lines:
        return [line.partition("\t")[0] for line in lines]


def ids_in_headers(index: Path) -> list[str]:
    """The ids of the records that read_fasta found."""
    return [header.split(maxsplit=1)[0] for header, _ in indexed_headers(index)]


def has_lone_carriage_returns(path: Path) -> bool:
    """Whether a line ends in CR without LF: htslib would give a record the bases of another one."""
    with open_ascii(str(path)) as file:
        last = b""
        while chunk := file.read(1 << 20):
            text = last + chunk
            if LONE_CR.search(text):
                return True
            last = text[-1:]
    return last == b"\r"


def copying(records: Iterator[Record], copy: Path) -> Iterator[Record]:
    """Yield the records, and write each to a bgzip file."""
    fast: Any = "wb1"  # the usual level takes four times as long; pysam's types do not know levels
    with pysam.BGZFile(str(copy), fast, None) as file:
        for number, record in enumerate(records):
            file.write(f">{number}\n{record.sequence}\n".encode())
            yield record


def build_places(path: Path, folder: Path) -> None:
    """Let htslib write where records and blocks of bgzip begin."""
    verbosity = pysam.set_verbosity(0)
    try:
        pysam.faidx(str(path), "--fai-idx", str(folder / PLACES), "--gzi-idx", str(folder / BLOCKS))
    finally:
        pysam.set_verbosity(verbosity)


def indexed_headers(index: Path) -> Iterator[tuple[str, int]]:
    """The header and the length in bp of each record, in the order of the file."""
    with (index / HEADERS).open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            length, _, header = line.rstrip("\n").partition("\t")
            yield header, int(length)


def read_stretch(path: Path, index: Path, record: int, start: int, stop: int) -> str:
    """Bases `start` to `stop` of record number `record`, under the alphabet policy: gaps are left out.

    Raises:
        ValueError: the file was changed since its index was made.
    """
    if index_folder(path) != index:
        raise changed(path)
    fasta = open_indexed(path, index)
    return clean_sequence(fasta.fetch(fasta.references[record], start, stop))


@lru_cache(maxsize=OPEN_FILES)
def open_indexed(path: Path, index: Path) -> pysam.FastaFile:
    """Open a file with its index; recently used files stay open."""
    readable, places, blocks = (index / COPY if (index / COPY).exists() else path), index / PLACES, index / BLOCKS
    return pysam.FastaFile(str(readable), str(places), str(blocks) if blocks.exists() else None)


if os.name == "posix":
    # a forked worker shares the position in an open file with its parent, so each would move the other's
    os.register_at_fork(before=open_indexed.cache_clear)
