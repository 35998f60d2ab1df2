"""Reading FASTA and FASTQ: what is accepted, and one sentence with file, line and remedy for what is not."""

import bz2
import gzip
import lzma
import os
import random
import zipfile
from pathlib import Path

import pytest

from modeling_dnacse.reading.sequences import AlphabetCounts, Record, clean_sequence, read_fasta, reverse_complement

FASTA = b">a x y\nACGT\nAC\n>b\nGG\n"

ZSTD = "28b52ffd0458a900003e61207820790a414347540a41430a3e620a47470a0b8035be"  # FASTA, compressed by zstd

ACCEPTED = {
    "several lines": ("f.fa", FASTA),
    "CRLF": ("f.fa", FASTA.replace(b"\n", b"\r\n")),
    "CR alone": ("f.fa", FASTA.replace(b"\n", b"\r")),
    "lower case and U": ("f.fa", b">a x y\nacgu\nAc\n>b\ngg\n"),
    "gaps and blanks": ("f.fa", b">a x y\nAC-GT..AC\n>b\nG G\n"),
    "blank lines": ("f.fa", b"\n>a x y\n\nACGTAC\n\n>b\nGG"),
    "byte order mark": ("f.fa", b"\xef\xbb\xbf" + FASTA),
    "gzip": ("f.fa.gz", gzip.compress(FASTA)),
    "gzip in two members": ("f.fa.gz", gzip.compress(FASTA[:10]) + gzip.compress(FASTA[10:])),
    "zstd": ("f.fa.zst", bytes.fromhex(ZSTD)),
    "bzip2": ("f.bz2", bz2.compress(FASTA)),
    "bzip2 in two members": ("f.bz2", bz2.compress(FASTA[:10]) + bz2.compress(FASTA[10:])),
    "xz": ("f.xz", lzma.compress(FASTA)),
    "xz in two members, padded": ("f.xz", lzma.compress(FASTA[:10]) + bytes(8) + lzma.compress(FASTA[10:]) + bytes(4)),
    "gzip without suffix": ("f.fa", gzip.compress(FASTA)),
    "FASTQ": ("f.fq", b"@a x y\nACGTAC\n+\n@@IIII\n@b\nGG\n+b\nII\n"),
    "FASTQ with CRLF": ("f.fq", b"@a x y\r\nACGTAC\r\n+\r\nIIIIII\r\n@b\r\nGG\r\n+\r\nII\r\n"),
    "FASTQ with blank lines at its end": ("f.fq", b"@a x y\nACGTAC\n+\n@@IIII\n@b\nGG\n+b\nII\n\n\n"),
    "FASTQ named as FASTA": ("f.fa", b"@a x y\nACGTAC\n+\nIIIIII\n@b\nGG\n+\nII\n"),
}

COMPRESSED = gzip.compress(b">a\n" + bytes(random.Random(0).choices(b"ACGT", k=300_000)), mtime=0)

# content of the file, and the words that the message must hold; a name and a colon are put before each ":LINE"
REFUSED = {
    "empty": (b"", ":1: no records"),
    "blank lines only": (b"\n\n", ":1: no records"),
    "empty gzip": (gzip.compress(b""), ":1: no records"),
    "no header": (b"ACGT\nACGT\n", ":1: Expected '>'"),
    "old comment": (b";x\n>a\nACGT\n", ":1: Expected '>'"),
    "empty record": (b">a\nAC\n>b\n>c\nAC\n", ":3: record 'b' has no bases"),
    "empty last record": (b">a\nAC\n>b\n", ":3: record 'b' has no bases"),
    "only gaps": (b">a\n--\n", ":1: record 'a' has no bases"),
    "empty FASTQ record": (b"@a\nA\n+\nI\n@b\n\n+\n\n", ":5: record 'b' has no bases"),
    "empty id": (b">a\nAC\n> \nAC\n", ":3: a header without an id"),
    "repeated id": (b">a x\nAC\nGT\n>b\nAC\n>a y\nGT\n", ":6: id 'a' was used before, at {}:1;"),
    "repeated FASTQ id": (b"@a\nA\n+\nI\n@a\nA\n+\nI\n", ":5: id 'a' was used before, at {}:1;"),
    "stop codon": (b">a\nACGT\nAC*T\n", ":3: character '*'"),
    "digit": (b">a\nAC\n>b\nACGT\n1 ACGT\n", ":5: character '1'"),
    "protein": (b">a EL\nMEL\n", ":2: character 'E'"),
    "exclamation mark": (b">a\nAC!\n", ":2: character '!'"),
    "FASTQ with a bad base": (b"@a\nA\n+\nI\n@b\nA?\n+\nII\n", ":6: character '?'"),
    "accented base": (b">a\nAC\n\xe9\n", ":3: character 'é'"),
    "NUL in a sequence": (b">a\nAC\nG\0T\n", ":3: a NUL byte"),
    "NUL in a header": (b">a\nAC\n>b\0\nGT\n", ":3: a NUL byte"),
    "UTF-16": (">a\nAC\n".encode("utf-16"), ":1: the content is text in UTF-16"),
    "UTF-16 in gzip": (gzip.compress(b"\xfe\xff" + ">a".encode("utf-16-be")), ":1: the content is text"),
    "bzip2 in gzip": (gzip.compress(bz2.compress(FASTA)), ":1: the content is compressed data"),
    "gzip in xz": (lzma.compress(COMPRESSED), ":1: the content is compressed data"),
    "an artifact in gzip": (gzip.compress(b"PK\3\4" + bytes(9)), ":1: the content is a zip archive"),
    "parquet in gzip": (gzip.compress(b"PAR1\x15\4"), ":1: the content is parquet"),
    "short qualities": (b"@a\nACGT\n+\nII\n", ":4: Length of sequence and qualities differ"),
    "FASTQ cut short after blank lines": (b"@a\nACGT\n+\nIIII\n\n\n@b\nAC\n", ":5: "),
    "FASTQ cut short": (b"@a\nACGT\n+\n", ":4: Premature end"),
    "FASTQ over several lines": (b"@a\nAC\nGT\n+\nII\nII\n", ":3: Line expected to start with '+'"),
    "gzip cut short": (COMPRESSED[:-1000], ":2: from about this line on the compressed data are cut short"),
    "gzip cut in its trailer": (COMPRESSED[:-4], "cut short or damaged"),
    "gzip with a flipped byte": (COMPRESSED[:50] + b"\0\0\0" + COMPRESSED[53:], "cut short or damaged"),
    "gzip with a wrong checksum": (COMPRESSED[:-8] + b"\0" * 8, "cut short or damaged"),
    "bzip2 with a damaged second member": (bz2.compress(FASTA) + b"?" + bz2.compress(FASTA), "cut short or damaged"),
    "xz with a damaged second member": (lzma.compress(FASTA) + b"?" + lzma.compress(FASTA), "cut short or damaged"),
    "bzip2 with its second member cut short": (
        bz2.compress(FASTA) + bz2.compress(b">c\nAC\n")[:-9],
        "cut short or damaged",
    ),
}


@pytest.mark.parametrize(("name", "content"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted_files_give_the_same_records(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content)
    assert list(read_fasta(file)) == [Record("a", "ACGTAC", "x y"), Record("b", "GG", "")]


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_files_name_file_line_and_remedy(tmp_path, content, words):
    file = tmp_path / "bad.seq"
    file.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        list(read_fasta(file))
    message = str(caught.value)
    assert message.startswith(f"{file}:")
    assert words.format(file) in message
    assert "\n" not in message
    assert len(message.split(words.format(file))[1]) > 10, "no remedy"


ARTIFACT = "12345678-1234-1234-1234-123456789012/data/dna-sequences.fasta"


@pytest.mark.parametrize("name", ["f.fa.gz", "f.fa.bz2", "f.fa.xz", "f.qza"])
def test_a_small_file_that_grows_without_measure_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setattr("modeling_dnacse.reading.text_files._LARGE", 1 << 20)
    file, content = tmp_path / name, b">a\n" + b"A" * (2 << 20)
    if name == "f.qza":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(ARTIFACT, content)
    else:
        file.write_bytes({".gz": gzip, ".bz2": bz2, ".xz": lzma}[file.suffix].compress(content))
    with pytest.raises(ValueError, match=r"grows from [\d,]+ to more than 1,[\d,]+ bytes, as no sequences do"):
        list(read_fasta(file))


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"absent\.fa: No such file"):
        list(read_fasta(tmp_path / "absent.fa"))
    with pytest.raises(ValueError, match="Is a directory"):
        list(read_fasta(tmp_path))


def test_multi_line_fastq_names_a_converter(tmp_path):
    (tmp_path / "f.fq").write_bytes(REFUSED["FASTQ over several lines"][0])
    with pytest.raises(ValueError, match="seqtk seq"):
        list(read_fasta(tmp_path / "f.fq"))


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("record", [">a Sénégal\nACGT\n", "@a Sénégal\nACGT\n+\nIIII\n"])
def test_headers_may_be_utf8_or_latin1(tmp_path, encoding, record):
    file = tmp_path / "f.fa"
    file.write_bytes(record.encode(encoding))
    assert list(read_fasta(file)) == [Record("a", "ACGT", "Sénégal")]


def test_characters_outside_ascii_survive_the_ends_of_the_chunks(tmp_path):
    file = tmp_path / "f.fa"
    expected = [Record(f"é{index}", "ACGT", "ü" * (index % 97)) for index in range(3000)]
    file.write_text("".join(f">{r.id} {r.description}\n{r.sequence}\n" for r in expected), encoding="utf-8")
    assert list(read_fasta(file)) == expected


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_read_once_and_its_errors_name_the_record(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, b">a\nAC\n>b\nA*\n")
    os.close(writing)
    with pytest.raises(ValueError, match="record 2: character"):
        list(read_fasta(f"/dev/fd/{reading}"))
    os.close(reading)


def test_records_are_streamed(tmp_path):
    """The first record is there although the file is damaged further on."""
    (tmp_path / "f.fa").write_bytes(b">a\nACGT\n>b\nA*\n")
    assert next(read_fasta(tmp_path / "f.fa")).id == "a"


def test_counts_report_what_was_changed(tmp_path):
    (tmp_path / "f.fa").write_bytes(b">a\nACGU-\nNRx.\n>b\nuu\n")
    counts = AlphabetCounts()
    list(read_fasta(tmp_path / "f.fa", counts=counts))
    assert counts == AlphabetCounts(records=2, bases=9, ambiguous=3, gaps=2, uracil=3)
    assert "3 ambiguous" in counts.summary()


def test_clean_sequence_leaves_five_letters():
    assert clean_sequence("ACGTUacgtu") == "ACGTTACGTT"
    assert clean_sequence("RYSWKMBDHVNXryswkmbdhvnx") == "N" * 24
    assert clean_sequence("A-C.G \tT\r\n") == "ACGT"
    legal = set("ACGTURYSWKMBDHVNX") | set("acgturyswkmbdhvnx") | set("-. \t\r\n\v\f")
    for code in range(300):
        if chr(code) not in legal:
            with pytest.raises(ValueError, match="allowed are ACGTU"):
                clean_sequence("ACGT" + chr(code))


def test_reverse_complement_undoes_itself_and_commutes_with_cleaning():
    generator = random.Random(0)
    for length in range(200):
        sequence = "".join(generator.choices("ACGTRYSWKMBDHVNXacgtryswkmbdhvnx-", k=length))
        strand = reverse_complement(sequence)
        assert reverse_complement(strand) == sequence
        assert clean_sequence(strand) == reverse_complement(clean_sequence(sequence))


def test_reverse_complement_pairs_the_bases_of_each_code():
    pairs = ("AA", "CC", "GG", "TT", "RAG", "YCT", "SCG", "WAT", "KGT", "MAC", "BCGT", "DAGT", "HACT", "VACG", "NACGT")
    codes = {code: bases for code, *bases in pairs}
    for code, bases in codes.items():
        other = {"ACGT"["TGCA".index(base)] for base in bases}
        assert set(codes[reverse_complement(code)]) == other


@pytest.mark.skipif("DNACSE_DATA" not in os.environ, reason="needs DNACSE_DATA")
def test_real_genomes_are_read():
    file = min((Path(os.environ["DNACSE_DATA"]) / "genomes").glob("*.fa.gz"))
    assert sum(len(record.sequence) for record in read_fasta(file)) > 100_000
