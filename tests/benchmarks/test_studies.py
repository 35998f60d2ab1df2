"""The scripts of benchmarks/studies where they refuse: one sentence, exit code 2, nothing written."""

import os
from importlib import import_module

import pytest

HEADER = "id\tsequence\tspecies\tgenus\tsplit\n"
OPTIONS = {
    "end_to_end": ["--data"],
    "reliability": ["--model", "none", "--data"],
    "known_share": ["--model", "kmer5", "kmer4", "--data"],
    "sites": ["--methods", "7mers", "--data"],
    "large_index": ["--folder", "out", "--plot", "out.png", "--data"],
}
DATA = {
    "missing": None,
    "a folder": ...,
    "binary": b"\0\1\2",
    "empty": b"",
    "a header alone": HEADER.encode(),
    "nothing but N": f"{HEADER}a\tNNNN\tApis m\tApis\ttrain\n".encode(),
    "another split": f"{HEADER}a\tACGT\tApis m\tApis\tother\n".encode(),
}


def refused(capsys, study, *arguments) -> str:
    try:
        code = import_module(f"benchmarks.studies.{study}").main([str(argument) for argument in arguments])
    except SystemExit as stop:
        code = stop.code
    said = capsys.readouterr().err.splitlines()
    assert code == 2
    return said[-1]


@pytest.mark.parametrize("study", OPTIONS)
def test_data_that_a_study_cannot_use_are_one_sentence(study, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if study == "end_to_end":
        monkeypatch.setattr("benchmarks.studies.end_to_end.find_program", lambda *_: "vsearch")
    for name, content in DATA.items():
        path = tmp_path / f"{name}.tsv"
        if content is ...:
            path.mkdir()
        elif content is not None:
            path.write_bytes(content)
        said = refused(capsys, study, *OPTIONS[study], path, "--output", "out.json")
        assert ": error: " in said and f"{name}.tsv" in said, name
    os.mkfifo("fifo.tsv")
    assert "fifo.tsv is no regular file" in refused(capsys, study, *OPTIONS[study], "fifo.tsv", "--output", "out.json")
    data = tmp_path / "another split.tsv"
    before = data.read_bytes()
    assert "an input" in refused(capsys, study, *OPTIONS[study], data, "--output", data)
    assert data.read_bytes() == before
    assert "empty" in refused(capsys, study, *OPTIONS[study], data, "--output", "")
    assert not (tmp_path / "out.json").exists()


def test_neither_a_damaged_result_nor_the_input_is_replaced(tmp_path, capsys):
    (tmp_path / "a.tsv").write_text(f"{HEADER}a\tACGT\tApis m\tApis\ttrain\n")
    (tmp_path / "out.json").write_text("[1, 2")
    said = refused(
        capsys, "reliability", "--model", "m", "--data", tmp_path / "a.tsv", "--output", tmp_path / "out.json"
    )
    assert "out.json: no JSON" in said
    assert (tmp_path / "out.json").read_text() == "[1, 2"
    folder = ("--folder", tmp_path, "--output", tmp_path / "o.json", "--plot", tmp_path / "a.tsv")
    assert "an input" in refused(capsys, "large_cluster", "--input", tmp_path / "a.tsv", *folder)
