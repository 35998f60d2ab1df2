"""`-` is the standard input, also where a command reads its input twice."""

import io
import sys
import tempfile

import pytest

from modeling_dnacse.cli import main
from tests.support.marker import simulate_marker, write_marker


class Piped(io.TextIOWrapper):
    """A standard input that holds bytes."""

    def __init__(self, content: bytes, terminal: bool = False):
        super().__init__(io.BytesIO(content))
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def test_a_pipe_gives_the_vectors_of_the_file(tiny_folder, fasta, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Piped(fasta.read_bytes()))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for source, output in ((str(fasta), "file.npy"), ("-", "pipe.npy")):
        main(["embed", source, "-o", str(tmp_path / output), "--model", str(tiny_folder)])
    assert (tmp_path / "pipe.npy").read_bytes() == (tmp_path / "file.npy").read_bytes()
    assert not list(tmp_path.glob("dnacse-*")), "the copy is still there"
    assert (tmp_path / "pipe.ids.txt").read_text() == (tmp_path / "file.ids.txt").read_text()


def test_a_wrong_pipe_leaves_no_copy(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for logs in ([], ["--json_logs"]):
        monkeypatch.setattr(sys, "stdin", Piped(b">a\nMKV*\n"))
        with pytest.raises(SystemExit):
            main(["embed", "-", "-o", str(tmp_path / "x.npy"), *logs])
        told = capsys.readouterr().err
        assert "standard input:2: character" in told and str(tmp_path) not in told, "it names the copy"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("world", "terminal", "complaint"),
    [
        ("1", True, "nothing is piped in; give a file"),
        ("1", False, "the standard input is empty"),
        ("2", False, "several processes cannot read one"),
        ("abc", False, "several processes cannot read one standard input (WORLD_SIZE=abc)"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, monkeypatch, capsys, world, terminal, complaint):
    monkeypatch.setattr(sys, "stdin", Piped(b"", terminal))
    monkeypatch.setenv("WORLD_SIZE", world)
    with pytest.raises(SystemExit):
        main(["embed", "-", "-o", str(tmp_path / "x.npy")])
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("blank", [b"\n", b"\r\n \n\n"])
def test_blank_lines_before_the_first_record_hide_no_format(blank, tiny_folder, fasta, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Piped(blank + fasta.read_bytes()))
    for source, output in ((str(fasta), "file.npy"), ("-", "pipe.npy")):
        main(["embed", source, "-o", str(tmp_path / output), "--model", str(tiny_folder)])
    assert (tmp_path / "pipe.npy").read_bytes() == (tmp_path / "file.npy").read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        ["cluster", "in.fasta", "--add_to", "-"],
        ["cluster", "in.fasta", "--labelled", "-"],
        ["bin", "in.fasta", "--min_length", "1", "--coverage", "-"],
        ["identify", "in.fasta", "--reference", "-"],
        ["identify", "in.fasta", "--reference", "in.fasta", "--taxonomy", "-"],
        ["identify", "in.fasta", "--reference", "in.fasta", "--counts", "-"],
        ["index", "in.fasta", "--taxonomy", "-"],
        ["index", "in.fasta", "--calibrate_for", "-"],
        ["map", "in.fasta", "--labels", "-"],
    ],
    ids=lambda options: f"{options[0]} {options[-2]}",
)
def test_every_option_that_names_a_file_to_read_reads_a_pipe(options, fasta, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", Piped(b"a\tb\0\n"))
    (tmp_path / "in.fasta").write_bytes(fasta.read_bytes())
    with pytest.raises(SystemExit):
        main([*options, "-o", "out.html"])
    assert "error: standard input:1: a NUL byte" in capsys.readouterr().err


def test_a_table_in_a_pipe_is_queries_and_counts(site_folder, tmp_path, monkeypatch):
    records = simulate_marker(seed=1)
    library = write_marker(tmp_path / "library.tsv", records)
    queries = "".join(f"q{n}\t{record['sequence']}\t{n + 1}\n" for n, record in enumerate(records[:5]))
    monkeypatch.setattr(sys, "stdin", Piped(f"id\tsequence\tpond\n{queries}".encode()))
    options = ["--reference", str(library), "--model", str(site_folder), "-o", str(tmp_path / "calls.tsv")]
    main(["identify", "-", "--counts", "-", *options])
    lines = (tmp_path / "calls.tsv").read_text().splitlines()
    assert [line.split("\t")[-1] for line in lines] == ["pond", "1", "2", "3", "4", "5"]


def test_a_file_that_is_called_like_the_standard_input_can_be_named(tiny_folder, fasta, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", None)
    (tmp_path / "-").write_bytes(fasta.read_bytes())
    options = ["--model", str(tiny_folder), "--threshold", "0.9"]
    main(["cluster", "./-", "-o", "out.tsv", *options])
    (tmp_path / "-").unlink()
    main(["cluster", str(fasta), "-o", ".//./-", *options])
    assert (tmp_path / "-").read_bytes() == (tmp_path / "out.tsv").read_bytes()
