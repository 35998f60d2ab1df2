"""`dnacse identify` on files: every query in order, libraries of all kinds, mistakes told, nothing half written."""

import csv
import os
import re
from pathlib import Path

import pytest

from modeling_dnacse.cli import main
from tests.support.families import random_families
from tests.support.refusals import refuse


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """12 species of two genera, four records each."""
    path = tmp_path / "library.fasta"
    families = random_families(seed=3).items()
    path.write_text("".join(f">{genera(header)}\n{sequence}\n" for header, sequence in families))
    return path


@pytest.fixture
def queries(tmp_path: Path) -> Path:
    """One record of each species of the library, and one of each of four others."""
    path = tmp_path / "queries.fasta"
    known = list(random_families(seed=3).items())[::4]
    other = list(random_families(seed=4, species=4, records=1).items())
    text = [f">q{number}\n{sequence}\n" for number, (_, sequence) in enumerate(known + other)]
    path.write_text("".join(text))
    return path


def genera(header: str) -> str:
    """Part species into two genera."""
    return header.replace("Genus", "Alpha" if header[-1] < "g" else "Beta")


def identify(folder: Path, queries: Path, library: Path, *options: str) -> list[dict[str, str]]:
    output = queries.parent / "calls.tsv"
    main(["identify", str(queries), "--reference", str(library), "-o", str(output), "--model", str(folder), *options])
    with output.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_every_query_has_a_line_and_identical_ones_find_themselves(tiny_folder, queries, library, capsys):
    lines = identify(tiny_folder, queries, library, "--confidence", "0.7")
    assert [line["id"] for line in lines] == [f"q{number}" for number in range(16)]
    for number, line in enumerate(lines[:12]):
        assert line["nearest"] == f"r{number}_0"
        assert line["similarity"] == "1.0000"
        assert line["species"] == genera(f"Genus {chr(97 + number)}")
        assert line["genus"] == line["species"].split()[0]
        assert line["second_species"] not in ("", line["species"])
        assert float(line["genus_probability"]) >= float(line["species_probability"])
        assert line["call"] == (line[line["rank"]] if line["rank"] else "")
        assert (line["probability"] == "") == (line["note"] == "no name is probable enough")
    assert sum(line["rank"] == "species" for line in lines[:12]) > 6
    assert not any(line["rank"] == "species" for line in lines[12:])
    new = [float(line["new_species_probability"]) for line in lines]
    assert max(new[:12]) < sum(new[12:]) / 4
    assert "family" not in lines[0]
    said = capsys.readouterr().err
    assert "12 species; calibrated by its own records, looked up 48 times with their species, 96 without" in said
    assert re.search(r"16 queries: \d+ called at species, \d+ at genus, \d+ not called", said)
    assert "least probability of a call: species 0.7000, genus 0.7000" in said
    assert "(uncertain: estimated from only 16, and mostly assumed; --expected_new sets it)" in said
    of_each = sum(line["rank"] == "species" for line in lines)
    of_all = [line for line in identify(tiny_folder, queries, library, "--precision", "0.9") if line["rank"]]
    assert all(float(line["probability"]) >= 0.8 for line in of_all)
    assert sum(line["rank"] == "species" for line in of_all) <= of_each


def test_a_library_in_the_style_of_unite_gives_the_same_calls(tiny_folder, queries, library):
    """Headers of a reference database need no option, and no conversion."""
    expected = identify(tiny_folder, queries, library)
    species = re.compile(r"^>(\S+) species=(\w+) (\w+)$", flags=re.MULTILINE)
    unite, count = species.subn(r">\1|k__Metazoa;p__unidentified;g__\2;s__\2_\3", library.read_text())
    assert count == 48
    library.write_text(unite)
    lines = identify(tiny_folder, queries, library)
    assert {line.pop("kingdom") for line in lines} == {"Metazoa"}
    assert {line.pop("kingdom_probability") for line in lines} == {""}
    assert lines == expected


def test_vectors_of_the_library_replace_embedding_it(tiny_folder, queries, library, tmp_path, capsys):
    lines = identify(tiny_folder, queries, library)
    main(["embed", str(library), "-o", str(tmp_path / "library.npy"), "--model", str(tiny_folder)])
    capsys.readouterr()
    assert identify(tiny_folder, queries, library, "--reference_vectors", str(tmp_path / "library.npy")) == lines
    assert "is newer than" not in capsys.readouterr().err
    os.utime(tmp_path / "library.npy", (1, 1))  # only some vectors are compared, so a few records might have changed
    assert identify(tiny_folder, queries, library, "--reference_vectors", str(tmp_path / "library.npy")) == lines
    assert f"{library} is newer than {tmp_path / 'library.npy'}" in capsys.readouterr().err


def test_vectors_of_other_records_are_refused(tiny_folder, queries, library, tmp_path, capsys):
    vectors = tmp_path / "vectors.npy"
    other = tmp_path / "other.fasta"
    cases = {
        "other ids": library.read_text().replace(">r3_1 ", ">another "),
        "has 1 vectors": library.read_text().split(">")[1].join([">", ""]),
        "other vectors": library.read_text().replace("A", "C"),
    }
    for complaint, text in cases.items():
        other.write_text(text)
        main(["embed", str(other), "-o", str(vectors), "--model", str(tiny_folder)])
        with pytest.raises(SystemExit):
            identify(tiny_folder, queries, library, "--reference_vectors", str(vectors))
        assert complaint in capsys.readouterr().err


def test_picture(tiny_folder, queries, library, tmp_path):
    pytest.importorskip("matplotlib")
    identify(tiny_folder, queries, library, "--plot", str(tmp_path / "calls.png"))
    assert (tmp_path / "calls.png").read_bytes().startswith(b"\x89PNG")


def test_library_of_one_record_a_species_says_what_it_cannot_tell(tiny_folder, queries, library, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    records = [f">{record}" for record in library.read_text().split(">")[1:]]
    library.write_text("".join(records[::4]))
    lines = identify(tiny_folder, queries, library, "--plot", str(tmp_path / "calls.png"))
    assert "too small to calibrate the probability of: species, new species." in capsys.readouterr().err
    assert all(line["species"] and not line["species_probability"] for line in lines)
    assert all(line["genus_probability"] and not line["new_species_probability"] for line in lines)


def test_library_of_one_species(tiny_folder, queries, tmp_path, capsys):
    library = tmp_path / "one.fasta"
    library.write_text(">a species=Apis mellifera\nACGTACGTACGT\n>b species=Apis mellifera\nACGTACGTTCGT\n")
    lines = identify(tiny_folder, queries, library)
    assert {line["species"] for line in lines} == {"Apis mellifera"}
    assert {(line["call"], line["second_species"], line["species_probability"]) for line in lines} == {("", "", "")}
    assert {line["note"] for line in lines} == {"the library is too small to tell probabilities"}
    said = capsys.readouterr().err
    assert "too small to calibrate the probability of: species, genus, new species." in said
    assert "least probability of a call" not in said and "no name is probable enough" not in said


def test_mistakes_are_told_with_file_and_line_and_leave_nothing(tiny_folder, queries, library, tmp_path, capsys):
    before = sorted(tmp_path.iterdir())
    first = library.read_text().split(">")[1]
    bad = tmp_path / "bad.fasta"
    cases = {
        "": "bad.fasta:1: no records",
        f">{first}>{first}": "bad.fasta:3: id 'r0_0' was used before",
        ">x species=Apis mellifera\nMKV*\n": "bad.fasta:2: character",
        ">x\nACGT\n": "none of 1 references has a species",
    }
    for text, complaint in cases.items():
        bad.write_text(text)
        with pytest.raises(SystemExit) as stopped:
            identify(tiny_folder, queries, bad)
        assert stopped.value.code == 2
        assert complaint in capsys.readouterr().err
    bad.unlink()
    for options, complaint in (
        (["--confidence", "95"], "--confidence is 95.0; it must be between 0 and 1"),
        (["--precision", "95"], "--precision is 95.0; it must be between 0 and 1"),
        (["--expected_new", "0"], "--expected_new is 0.0; it must be between 0 and 1"),
        (["--plot", str(tmp_path / "calls.doc")], "calls.doc"),
    ):
        with pytest.raises(SystemExit):
            identify(tiny_folder, queries, library, *options)
        assert complaint in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_an_interrupted_run_leaves_the_table_of_before(tiny_folder, queries, library, tmp_path, monkeypatch):
    lines = identify(tiny_folder, queries, library)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("modeling_dnacse.identification.call_blocks.name_queries", stop)
    with pytest.raises(SystemExit):
        identify(tiny_folder, queries, library)
    assert not list(tmp_path.glob(".*partial"))
    with (tmp_path / "calls.tsv").open(newline="") as file:
        assert list(csv.DictReader(file, delimiter="\t")) == lines


def test_hits_counts_and_formats_of_one_call(tiny_folder, queries, library, tmp_path, capsys):
    counts = tmp_path / "counts.tsv"
    counts.write_text("id\ts1\ts2\n" + "".join(f"q{number}\t{number}\t1\n" for number in range(16)))
    lines = identify(tiny_folder, queries, library, "--top", "3", "--counts", str(counts))
    assert [(line["s1"], line["s2"]) for line in lines] == [(str(number), "1") for number in range(16)]
    with (tmp_path / "calls.hits.tsv").open(newline="") as file:
        hits = list(csv.DictReader(file, delimiter="\t"))
    assert [hit["id"] for hit in hits] == [f"q{number}" for number in range(16) for _ in range(3)]
    assert [hit["reference"] for hit in hits[::3]] == [line["nearest"] for line in lines]
    main(
        ["identify", str(queries), "--reference", str(library), "--model", str(tiny_folder), "--format", "dada2"]
        + ["-o", str(tmp_path / "taxa.tsv"), "--confidence", "genus=0.5"]
    )
    rows = [line.split("\t") for line in (tmp_path / "taxa.tsv").read_text().splitlines()]
    assert rows[0] == ["", "Genus", "Species"]
    assert sum(row[1] != "NA" for row in rows[1:]) >= sum(line["rank"] != "" for line in lines)


def test_several_files_and_options_that_do_not_fit(tiny_folder, queries, library, tmp_path, capsys):
    other = tmp_path / "other.fasta"
    other.write_text(queries.read_text())
    output = tmp_path / "calls.tsv"
    command = ["identify", queries, other, "--reference", library, "--model", tiny_folder, "-o", output]
    main([*map(str, command), "--expected_new", "0.3"])
    with (tmp_path / "calls.tsv").open(newline="") as file:
        ids = [line["id"] for line in csv.DictReader(file, delimiter="\t")]
    assert ids[0] == "queries:q0"
    assert ids[16] == "other:q0"
    assert "(given)" in capsys.readouterr().err
    counts = tmp_path / "counts.tsv"
    counts.write_text("id\torder_probability\n" + "".join(f"{name}\t1\n" for name in ids))
    for options, said in (
        (["--format", "biom", "-o", str(tmp_path / "calls.biom")], "--format biom needs counts"),
        (["--format", "json"], "exists and is not a file of json calls"),
        (["--top", "13"], "--top is 13; it must be from 1 to 12"),
        (["--top", "2", "-o", "-"], "name its file: --hits FILE"),
        (["--confidence", "species"], "--confidence is 'species'; it must be a number"),
        (["--precision", "species"], "--precision is 'species'; it must be a number"),
        (["--confidence", "species=0.9,Species=0.8"], "gives species two numbers"),
        (["--counts", str(counts), "--format", "sintax"], "--counts has no effect with --format sintax"),
        (["--counts", str(counts)], "the sample 'order_probability' has the name of a column of calls; rename it"),
        (["--confidence", "tribe=0.9"], "names the rank 'tribe'; the library has species, genus"),
        (["--trim_primers", "LCO1490"], "it takes a forward and a reverse primer"),
        (["--hits", str(library)], "is an output, but also an input"),
    ):
        assert said in refuse(capsys, *command, *options)
