"""A file that is read twice: a change in between is told, whatever the change is."""

import os

import pytest

from modeling_dnacse.reading.rereading import RecordFile
from modeling_dnacse.reading.sequences import AlphabetCounts

TEXT = "".join(f">r{number} species=Apis mellifera\n{'ACGT' * 5}\n" for number in range(9))
CHANGES = {
    "grown": TEXT + ">more\nACGT\n",
    "truncated": TEXT[: len(TEXT) // 2],
    "cut within a record": TEXT[:-22],
    "other order": "".join(f">{part}" for part in TEXT.split(">")[:0:-1]),
    "another base": TEXT.replace("ACGT", "ACGA", 1),
    "broken": TEXT.replace(">", "<"),
    "empty": "",
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "in.fasta"
    path.write_text(TEXT)
    return path


def test_readings_of_one_file_are_equal(path):
    file, counts = RecordFile(path), AlphabetCounts()
    first = list(file.read(counts))
    assert list(file.read()) == list(file.read()) == first and counts.records == len(first) == 9


def test_a_reading_gives_all_that_is_known_of_a_record(tmp_path):
    path = tmp_path / "in.fasta"
    path.write_text(">a;tax=k:Animalia,s:Apis_mellifera;size=3;\nACGT\n")
    (record,) = RecordFile(path).read()
    assert (record.id, record.size, record.style) == ("a", 3, "SINTAX")
    assert record.labels == {"kingdom": "Animalia", "genus": "Apis", "species": "Apis mellifera"}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("hidden", [False, True])
def test_a_change_between_readings_is_told(path, change, hidden):
    """Even where size, time and inode are made to look the same, as a clock that stands still would."""
    file = RecordFile(path)
    list(file.read())
    facts = path.stat()
    path.write_text(CHANGES[change])
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns if hidden else facts.st_mtime_ns + 1))
    if hidden:
        facts = path.stat()
        file.stamp = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)
        with pytest.raises(ValueError, match="in.fasta"):
            list(file.read())
    else:
        with pytest.raises(ValueError, match=r"in.fasta changed while it was being read; start again"):
            list(file.read())


def test_a_change_during_a_reading_is_told(path):
    file = RecordFile(path)
    list(file.read())
    records = file.read()
    next(records)
    path.write_text(TEXT)
    with pytest.raises(ValueError, match="changed while"):
        list(records)


def test_a_file_that_is_gone_is_told(path):
    file = RecordFile(path)
    list(file.read())
    path.unlink()
    with pytest.raises(ValueError, match="changed while"):
        list(file.read())


def test_what_cannot_be_read_twice_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.fasta")
    with pytest.raises(ValueError, match="no regular file, and it is read twice"):
        RecordFile(tmp_path / "pipe.fasta")
    with pytest.raises(ValueError, match="is a folder; give the name of a file"):
        RecordFile(tmp_path)
