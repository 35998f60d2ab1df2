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
    assert "out.json exists and is not the JSON of a study; give another name" in said
    assert (tmp_path / "out.json").read_text() == "[1, 2"
    folder = ("--folder", tmp_path, "--output", tmp_path / "o.json", "--plot", tmp_path / "a.tsv")
    assert "an input" in refused(capsys, "large_cluster", "--input", tmp_path / "a.tsv", *folder)


@pytest.mark.parametrize("study", OPTIONS)
def test_files_of_strangers_are_not_replaced(study, tmp_path, monkeypatch, capsys):
    """Some studies wrote over any file that was named --output, --plot or, in --folder, library.fasta."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.tsv").write_text(f"{HEADER}a\tACGT\tApis m\tApis\ttrain\n")
    for text in ("mine", '{"mine": 1}'):
        (tmp_path / "out.json").write_text(text)
        assert "out.json exists and is not the JSON" in refused(
            capsys, study, *OPTIONS[study], "a.tsv", "--output", "out.json"
        )
        assert (tmp_path / "out.json").read_text() == text
    if study in ("reliability", "known_share", "large_index"):
        (tmp_path / "out.png").write_text("mine")
        given = [*OPTIONS[study], "a.tsv", "--output", "new.json", "--plot", "out.png"]
        assert "out.png exists and is not a PNG picture" in refused(capsys, study, *given)
        (tmp_path / "out.png").unlink()
    if study == "large_index":
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "library.fasta").write_text("mine")
        said = refused(capsys, study, *OPTIONS[study], "a.tsv", "--output", "new.json")
        assert "library.fasta is there without queries.fasta; remove it" in said
        assert (tmp_path / "out" / "library.fasta").read_text() == "mine"
    assert not (tmp_path / "new.json").exists()


def test_an_unknown_method_of_sites_is_told(tmp_path, capsys):
    """It was taken for `shared`."""
    given = ["--data", tmp_path / "a.tsv", "--output", tmp_path / "out.json", "--methods", "foo"]
    (tmp_path / "a.tsv").write_text(f"{HEADER}a\tACGT\tApis m\tApis\ttrain\n")
    assert "no method foo; the methods are cosine, shared" in refused(capsys, "sites", *given)


def test_clusters_of_strangers_are_not_replaced(tmp_path, capfd):
    (tmp_path / "clusters.tsv").write_text("mine")
    (tmp_path / "a.fasta").write_text(">a\nACGT\n")
    given = ["--input", tmp_path / "a.fasta", "--folder", tmp_path, "--output", tmp_path / "out.json"]
    assert (
        import_module("benchmarks.studies.large_cluster").main(
            [str(word) for word in (*given, "--plot", tmp_path / "out.png")]
        )
        == 2
    )
    said = capfd.readouterr().err
    assert "clusters.tsv exists and is not" in said and "dnacse cluster failed; what it said is above" in said
    assert (tmp_path / "clusters.tsv").read_text() == "mine"
