"""Any stretch of any record, as a strict reader of the whole file would give it, and never from a former state."""

import gzip
import os
from pathlib import Path

import numpy as np
import pysam
import pytest

from modeling_dnacse.reading.sequences import read_fasta
from trainer.records.fasta_index import COPY, index_fasta, indexed_headers, open_indexed, read_stretch

WRAPPED = b">a x y\nACGTACGTAC\nGGGGTTTTCC\nAC\n>b\nTTTTTTTTTT\nacgun\n"
UNEQUAL = b">a x y\nACGTACGTAC\nGG\nGGTTTTCCAC\n\n>b\nTTTT\nTTTTTTACGUN\n"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return tmp_path / "cache"


def bgzip(content):
    with pysam.BGZFile("bgzipped.gz", "wb") as file:
        file.write(content)
    return Path("bgzipped.gz").read_bytes()


@pytest.mark.parametrize(
    ("name", "encode", "copied"),
    [
        ("plain.fa", lambda: WRAPPED, False),
        ("windows.fa", lambda: WRAPPED.replace(b"\n", b"\r\n"), False),
        ("bgzip.fa.gz", lambda: bgzip(WRAPPED), False),
        ("gzip.fa.gz", lambda: gzip.compress(WRAPPED), True),
        ("unequal.fa", lambda: UNEQUAL, True),
        ("old_mac.fa", lambda: WRAPPED.replace(b"\n", b"\r"), True),
        ("mixed.fa", lambda: WRAPPED.replace(b"\n", b"\r", 4), True),
        ("mixed_within_a_record.fa", lambda: WRAPPED.replace(b"C\nGGGG", b"C\rGGGG"), True),
        ("byte_order_mark.fa", lambda: b"\xef\xbb\xbf" + WRAPPED, True),
    ],
)
def test_stretches_are_those_of_the_strict_reader(name, encode, copied, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    path.write_bytes(encode())
    index = index_fasta(path)
    assert (index / COPY).exists() == copied  # what htslib can index is not copied
    assert list(indexed_headers(index)) == [("a x y", 22), ("b", 15)]
    for number, record in enumerate(read_fasta(path)):
        for start, stop in ((0, len(record.sequence)), (3, 14), (9, 12)):
            assert read_stretch(path, index, number, start, stop) == record.sequence[start:stop]


def test_gaps_are_left_out_of_a_stretch(tmp_path):
    path = tmp_path / "gaps.fa"
    path.write_text(">a\nAC--GT\n")
    assert read_stretch(path, index_fasta(path), 0, 1, 5) == "CG"


def test_an_index_is_made_once_and_anew_for_a_changed_file(tmp_path, cache):
    path = tmp_path / "a.fa"
    path.write_text(">a\nACGT\n")
    index = index_fasta(path)
    assert index_fasta(path) == index and index.is_relative_to(cache)
    state = path.stat()
    path.write_text(">a\nTTTT\n")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # same size, same time of change
    with pytest.raises(ValueError, match="changed while it was being read"):
        read_stretch(path, index, 0, 0, 4)
    renewed = index_fasta(path)
    assert renewed != index and read_stretch(path, renewed, 0, 0, 4) == "TTTT"


def test_a_damaged_file_leaves_no_index(tmp_path, cache):
    cut = gzip.compress(b">a\n" + np.random.default_rng(0).choice(list(b"ACGT"), 9000).astype(np.uint8).tobytes())
    for name, content, message in [
        ("protein.fa", b">a\nACGT\n>b\nMKL*\n", r"protein\.fa:4: character"),
        ("twice.fa", b">a\nACGT\n>a\nACGT\n", r"twice\.fa:3: id 'a' was used before"),
        ("cut.fa.gz", cut[: len(cut) // 2], r"cut\.fa\.gz:\d+: .*cut short"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=message):
            index_fasta(tmp_path / name)
    assert not list((cache / "dnacse-fasta-index").iterdir())
    with pytest.raises(ValueError, match="nowhere.fa: No such file"):
        index_fasta(tmp_path / "nowhere.fa")


def test_a_child_process_reads_on_its_own(tmp_path):
    """After a fork both would move one place in one open file."""
    path = tmp_path / "a.fa"
    path.write_text(">a\nACGT\n")
    read_stretch(path, index_fasta(path), 0, 0, 4)
    assert open_indexed.cache_info().currsize > 0
    child = os.fork()
    if child == 0:
        os._exit(open_indexed.cache_info().currsize)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
