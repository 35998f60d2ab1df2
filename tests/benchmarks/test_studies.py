"""The scripts of benchmarks/studies where they refuse: one sentence, exit code 2, nothing written."""

import os
import shutil
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.studies import large_cluster, large_index

HEADER = "id\tsequence\tspecies\tgenus\tsplit\n"
OPTIONS = {
    "end_to_end": ["--data"],
    "reliability": ["--model", "none", "--data"],
    "known_share": ["--model", "kmer5", "kmer4", "--data"],
    "sites": ["--methods", "7mers", "--data"],
    "large_index": ["--folder", "out", "--plot", "out.png", "--data"],
    "large_cluster": ["--folder", ".", "--plot", "out.png", "--input"],
}
RESULTS = Path("benchmarks/studies/results").absolute()
PLOTS = ("reliability", "known_share", "large_index", "large_cluster")
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
    assert "out.json exists and is not a result of " in said
    assert (tmp_path / "out.json").read_text() == "[1, 2"
    folder = ("--folder", tmp_path, "--output", tmp_path / "o.json", "--plot", tmp_path / "a.tsv")
    assert "an input" in refused(capsys, "large_cluster", "--input", tmp_path / "a.tsv", *folder)


@pytest.mark.parametrize("content", ['{"mine": 1}', "mine\n", "{}", "[]"])
@pytest.mark.parametrize("study", OPTIONS)
def test_no_study_replaces_a_result_that_is_not_its_own(study, content, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("data.tsv").write_text(HEADER)
    Path("mine.json").write_text(content)
    said = refused(capsys, study, *OPTIONS[study], "data.tsv", "--output", "mine.json")
    assert "mine.json exists and is not a result of " in said
    assert Path("mine.json").read_text() == content and not Path("out").exists()


@pytest.mark.parametrize("study", PLOTS)
def test_pictures_of_others_are_refused_before_the_work(study, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("data.tsv").write_text(HEADER)
    Path("mine.png").write_bytes(b"\x89PNG of mine")
    said = refused(capsys, study, *OPTIONS[study], "data.tsv", "--output", "out.json", "--plot", "mine.png")
    assert "mine.png exists and is not a .png picture of dnacse" in said
    assert Path("mine.png").read_bytes() == b"\x89PNG of mine" and not Path("out").exists()


@pytest.mark.parametrize("study", OPTIONS)
def test_the_results_of_this_repository_may_be_made_anew(study, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("benchmarks.studies.end_to_end.find_program", lambda *_: "vsearch")
    Path("data.tsv").write_bytes(b"\0\1\2")
    shutil.copy(RESULTS / f"{study}.json", "out.json")
    plot = ["--plot", shutil.copy(RESULTS / f"{study}.png", "out.png")] if study in PLOTS else []
    assert "data.tsv" in refused(capsys, study, *OPTIONS[study], "data.tsv", "--output", "out.json", *plot)


def test_clusters_of_others_are_kept(tmp_path, monkeypatch, capsys):
    """The study ran `dnacse cluster --force`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(large_cluster, "watched", lambda command: pytest.fail(str(command)))
    Path("data.fasta").write_text(">a species=A b\nACGT\n")
    Path("clusters.tsv").write_text("mine\n")
    said = refused(capsys, "large_cluster", *OPTIONS["large_cluster"], "data.fasta", "--output", "out.json")
    assert "clusters.tsv exists and is not clusters as tsv" in said
    assert Path("clusters.tsv").read_text() == "mine\n"


def test_a_library_of_another_marker_is_refused_before_it_is_clustered(tmp_path, monkeypatch, capsys):
    """It was an IndexError after the work."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(large_cluster, "watched", lambda command: pytest.fail(str(command)))
    Path("data.fasta").write_text(">a species=A b\nACGTTT\n>b species=A c\nACGAAA\n")
    said = refused(capsys, "large_cluster", *OPTIONS["large_cluster"], "data.fasta", "--output", "out.json")
    assert "data.fasta: 0 of the first records are of the marker of " in said and not Path("clusters.tsv").exists()


@pytest.mark.parametrize("name", ["library.fasta", "queries.fasta", "notes.txt"])
def test_large_index_makes_a_new_folder(name, tmp_path, monkeypatch, capsys):
    """It wrote over library.fasta, and an earlier folder was reported as of the present --count."""
    monkeypatch.chdir(tmp_path)
    Path("data.tsv").write_text(f"{HEADER}a\t{'ACGT' * 99}\tApis m\tApis\ttrain\n")
    Path("out").mkdir()
    Path("out", name).write_text("mine\n")
    monkeypatch.setattr(large_index, "watched", lambda command: pytest.fail(str(command)))
    said = refused(capsys, "large_index", *OPTIONS["large_index"], "data.tsv", "--output", "out.json")
    assert "out is there already; give a new folder" in said
    assert [path.read_text() for path in Path("out").iterdir()] == ["mine\n"]


def test_large_index_takes_no_library_that_would_have_no_cells(capsys):
    """It ended in an AssertionError after the index was made."""
    assert "from 100000 to" in refused(capsys, "large_index", "--count", "99999")


def test_a_failed_command_of_a_study_is_told_as_its_user_types_it():
    with pytest.raises(ValueError, match=r"^dnacse cluster missing.fasta -o x.tsv failed"):
        large_index.watched([*large_index.DNACSE, "cluster", "missing.fasta", "-o", "x.tsv"])


def test_methods_that_sites_does_not_know_are_refused_before_the_data_are_read(tmp_path, capsys):
    """`foo` was taken for the method `shared`, whose model was asked for."""
    (tmp_path / "a.tsv").write_text(HEADER)
    given = ("--data", tmp_path / "a.tsv", "--output", tmp_path / "out.json", "--methods")
    assert "no method foo; the methods are cosine, shared, 7mers" in refused(capsys, "sites", *given, "foo")
    assert "shared needs a model with sites" in refused(capsys, "sites", *given, "7mers", "shared")
