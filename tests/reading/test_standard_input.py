"""`-` is the standard input, also where a command reads its input twice."""

import io
import sys
import tempfile

import pytest

from modeling_dnacse.cli import main


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
