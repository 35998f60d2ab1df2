"""dnacse cluster and dnacse calibrate: the table, the thresholds, and what they say when something is wrong."""

import csv
import errno
import gzip
import hashlib
import json
import random
import shutil

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from modeling_dnacse import DnacseModel, embed
from modeling_dnacse.cli import main
from modeling_dnacse.clustering import kmer_linkage
from modeling_dnacse.clustering.average_linkage import cluster
from modeling_dnacse.clustering.stable_names import name_clusters, read_clusters
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.machine import atomic
from modeling_dnacse.reading.sequences import read_fasta, reverse_complement
from tests.support.families import random_families
from tests.support.marker import simulate_marker
from tests.support.refusals import refuse

HEADERS = list(random_families(seed=0))
JUNK = "".join(random.Random(0).choices("ACGT", k=300))


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture
def model(tiny_folder, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(tiny_folder, tmp_path / "model")


def test_the_table_holds_the_clusters_of_the_vectors(fasta, tiny_folder, tmp_path, capsys):
    output, representatives, plot = tmp_path / "out.tsv", tmp_path / "out.fasta", tmp_path / "out.png"
    arguments = ["cluster", fasta, "-o", output, "--model", tiny_folder, "--threshold", 0.98]
    main([*map(str, arguments), "--representatives", str(representatives), "--plot", str(plot)])
    rows = table(output)
    assert list(rows[0]) == ["id", "cluster", "size", "similarity", "representative"]
    records = list(read_fasta(fasta))
    assert [row["id"] for row in rows] == [record.id for record in records]
    vectors = embed(*load_checkpoint(DnacseModel, str(tiny_folder)), [r.sequence for r in records], normalize=True)
    labels = cluster(vectors, 0.98)
    assert [row["cluster"] for row in rows] == [f"c{label + 1}" for label in labels]
    assert 1 < labels.max() + 1 < len(rows)
    by_id = {row["id"]: row for row in rows}
    for row, vector in zip(rows, vectors, strict=True):
        medoid = by_id[row["representative"]]
        assert medoid["cluster"] == row["cluster"] and medoid["similarity"] == "1.0000"
        assert float(row["similarity"]) == pytest.approx(vector @ vectors[rows.index(medoid)], abs=1e-4)
        assert int(row["size"]) == sum(other["cluster"] == row["cluster"] for other in rows)
    written = list(read_fasta(representatives))
    assert [record.id for record in written] == list(
        dict.fromkeys(row["representative"] for row in sorted(rows, key=lambda row: int(row["cluster"][1:])))
    )
    assert {r.sequence for r in written} <= {r.sequence for r in records}
    assert written[0].description == f"cluster=c1 size={by_id[written[0].id]['size']}"
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert f"48 sequences in {labels.max() + 1} clusters" in capsys.readouterr().err
    assert not list(tmp_path.glob(".*"))


def test_a_calibrated_model_needs_no_threshold(fasta, model, tmp_path, capsys):
    output, chosen = tmp_path / "own.tsv", tmp_path / "chosen.tsv"
    before = json.loads((model / "config.json").read_text())
    assert "species_similarity" in refuse(capsys, "cluster", fasta, "-o", output, "--model", model)
    main(["calibrate", str(fasta), "--model", str(model), "--for", "species"])
    assert "chosen on 48 sequences of 12 species" in capsys.readouterr().err
    after = json.loads((model / "config.json").read_text())
    assert -1 < after["species_similarity"] < 1
    assert before | {"species_similarity": after["species_similarity"]} == after
    assert DnacseModel.from_pretrained(model).config.species_similarity == after["species_similarity"]
    main(["cluster", str(fasta), "-o", str(output), "--model", str(model)])
    main(["cluster", str(fasta), "-o", str(chosen), "--model", str(model), "--labelled", str(fasta)])
    assert "adjusted Rand index" in capsys.readouterr().err
    assert output.read_bytes() == chosen.read_bytes()
    species = [header.split("=")[1] for header in HEADERS]
    assert adjusted_rand_score(species, [row["cluster"] for row in table(output)]) > 0.2
    for option in (["--both_strands"], ["--dimensions", 8]):
        assert "vectors as they are" in refuse(capsys, "cluster", fasta, "-o", output, "--model", model, *option)


def test_calibrate_keeps_the_mode_of_the_configuration_and_refuses_one_that_is_read_only(fasta, model, capsys):
    config = model / "config.json"
    config.chmod(0o640)
    main(["calibrate", str(fasta), "--model", str(model), "--for", "species"])
    assert config.stat().st_mode & 0o777 == 0o640
    config.chmod(0o440)
    before = config.read_bytes()
    assert "is read-only; make it writable" in refuse(capsys, "calibrate", fasta, "--model", model, "--for", "species")
    assert config.read_bytes() == before


def test_nothing_is_reported_that_is_not_in_place(fasta, model, tmp_path, capsys, monkeypatch):
    """On a full disk the summary of the clusters came before the error that there are none."""

    def full(hidden, path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "move_to_name", full)
    arguments = ("cluster", fasta, "-o", tmp_path / "out.tsv", "--model", model, "--threshold", "0.9")
    with pytest.raises(SystemExit):
        main([*map(str, arguments)])
    said = capsys.readouterr().err
    assert "cannot be written" in said and "clusters" not in said


def test_a_checkpoint_without_thresholds_has_none(tiny_folder):
    config = DnacseModel.from_pretrained(tiny_folder).config
    assert config.species_similarity is None and config.bin_similarity is None


@pytest.mark.parametrize(
    ("content", "clusters"),
    [(">a\nACGTACGTACGT\n", ["c1"]), (">a\nACGTTGCA\n>b\nACGTTGCA\n>c\nacguugca\n", ["c1"] * 3)],
)
def test_one_sequence_or_all_identical(tiny_folder, tmp_path, content, clusters):
    (tmp_path / "in.fasta").write_text(content)
    arguments = ["cluster", tmp_path / "in.fasta", "-o", tmp_path / "out.tsv", "--model", tiny_folder]
    main([*map(str, arguments), "--threshold", "0.9999", "--plot", str(tmp_path / "out.svg")])
    rows = table(tmp_path / "out.tsv")
    assert [row["cluster"] for row in rows] == clusters
    assert {(row["representative"], row["similarity"]) for row in rows} == {("a", "1.0000")}
    assert "<svg" in (tmp_path / "out.svg").read_text()


@pytest.mark.parametrize(
    ("content", "error"),
    [("", "no records"), (">a\nACGT\n>a\nACGT\n", "used before"), (">a\nMKL*\n", "'L'"), (">a\n\n", "no bases")],
)
def test_wrong_input_is_one_sentence(tiny_folder, tmp_path, capsys, content, error):
    (tmp_path / "in.fasta").write_text(content)
    arguments = ["cluster", tmp_path / "in.fasta", "-o", tmp_path / "out.tsv", "--model", tiny_folder]
    assert error in refuse(capsys, *arguments, "--threshold", 0.9)
    assert [path.name for path in tmp_path.iterdir()] == ["in.fasta"]


def test_wrong_options_are_told_before_computing(fasta, tiny_folder, tmp_path, capsys, monkeypatch):
    arguments = ["cluster", fasta, "--model", tiny_folder, "--threshold", 0.9]
    assert "make it first" in refuse(capsys, *arguments, "-o", tmp_path / "no" / "out.tsv")
    assert "is a folder" in refuse(capsys, *arguments, "-o", tmp_path)
    output = tmp_path / "out.png"
    assert "give each its own" in refuse(capsys, *arguments, "-o", output, "--plot", output)
    assert "is not of a picture" in refuse(capsys, *arguments, "-o", output, "--plot", tmp_path / "out.txt")
    monkeypatch.setattr("modeling_dnacse.commands.drawing.pictures.find_spec", lambda name: None)
    assert "pip install 'dnacse[plot]'" in refuse(capsys, *arguments, "-o", tmp_path / "out.tsv", "--plot", output)
    with pytest.raises(SystemExit):
        main([*map(str, arguments[:-1]), "1.5", "-o", str(output)])
    assert "a cosine is from -1 to 1" in capsys.readouterr().err


def test_labels_that_tell_no_threshold(tiny_folder, tmp_path, capsys):
    unnamed, alone = tmp_path / "unnamed.fasta", tmp_path / "alone.fasta"
    unnamed.write_text(">a\nACGTACGT\n>b\nACGTACGT\n")
    alone.write_text(">a species=Apis mellifera\nACGTACGT\n>b species=Bos taurus\nACGTACCC\n")
    arguments = ["cluster", unnamed, "-o", tmp_path / "out.tsv", "--model", tiny_folder, "--labelled"]
    assert "name species in a column species" in refuse(capsys, *arguments, unnamed)
    assert "one of them with two sequences" in refuse(capsys, *arguments, alone)
    alike = tmp_path / "alike.fasta"
    alike.write_text("".join(f">{n} species={'AB'[n % 2]} b\nACGTACGTACGT\n" for n in range(6)))
    assert "no similarity tells its 2 species apart" in refuse(capsys, *arguments, alike)
    assert "must be a local folder" in refuse(capsys, "calibrate", alone, "--model", "a/b", "--for", "species")


def test_a_failed_write_leaves_what_was_there(tmp_path):
    target, folder = tmp_path / "out.tsv", tmp_path / "folder"
    target.write_text("old")
    for path in (target, folder):
        with pytest.raises(KeyboardInterrupt), atomic.written_whole(path) as hidden:
            if path == folder:
                hidden.mkdir()
                hidden /= "file"
            hidden.write_text("half")
            raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["out.tsv"]
    assert target.read_text() == "old"


@pytest.fixture
def pieces(tmp_path):
    """Whole genes of 16 species, their more abundant pieces on the other strand, and a random sequence."""
    whole = [row for row in simulate_marker(seed=1) if row["id"].endswith("a0")]
    path = tmp_path / "pieces.fasta"
    lines = [f">{row['id']};size=3\n{row['sequence']}\n" for row in whole]
    lines += [f">{row['id']}p;size=9\n{reverse_complement(row['sequence'][120:280])}\n" for row in whole]
    path.write_text("".join(lines) + f">junk;size=1\n{JUNK}\n")
    return path


def test_pieces_join_the_barcodes_they_were_cut_from(pieces, site_folder, tmp_path, capsys):
    output, uc, otus, plot = (tmp_path / name for name in ("out.tsv", "out.uc", "otus.fasta", "out.png"))
    arguments = ["cluster", pieces, "--model", site_folder]
    main([*map(str, [*arguments, "-o", output, "--representatives", otus, "--plot", plot])])
    assert "1 of 33 sequences are not of the marker" in capsys.readouterr().err
    rows = table(output)
    of = {row["id"]: row for row in rows}
    assert all(of[name]["cluster"] == of[f"{name}p"]["cluster"] for name in of if f"{name}p" in of)
    assert len({row["cluster"] for row in rows}) == 17 and of["junk"]["size"] == "1"
    assert all(row["representative"].endswith("p") for row in rows if row["id"] != "junk")
    assert {record.id.partition(";")[2] for record in read_fasta(otus)} == {"size=12", "size=1"}
    assert plot.read_bytes().startswith(b"\x89PNG")
    main([*map(str, [*arguments, "-o", uc, "--format", "uc"])])
    lines = [line.split("\t") for line in uc.read_text().splitlines()]
    assert [line[0] for line in lines].count("S") == [line[0] for line in lines].count("C") == 17
    hits = [line for line in lines if line[0] == "H"]
    assert {(line[2], line[3], line[4]) for line in hits} == {("400", "100.0", "-")}
    assert {line[8].partition(";")[0] + "p;size=9" for line in hits} == {line[9] for line in hits}


def test_pairs_merge_at_the_identity_given(site_folder, tmp_path):
    """Half a difference was added to each comparison, so that pieces of 160 bp with 98.1 % stayed apart at 0.98."""
    gene = next(row for row in simulate_marker(seed=1) if row["id"].endswith("a0"))["sequence"][120:280]
    path, output = tmp_path / "in.fasta", tmp_path / "out.tsv"
    path.write_text(f">a\n{gene}\n>b\n{changed(gene, 30, 150, 50)}\n")
    for identity, clusters in (("0.981", 1), ("0.982", 2)):  # of 157 of 160 bases
        given = ["cluster", path, "-o", output, "--model", site_folder, "--identity", identity, "--force"]
        main([*map(str, given)])
        assert len({row["cluster"] for row in table(output)}) == clusters


def test_what_identity_refuses(pieces, site_folder, tiny_folder, tmp_path, capsys):
    arguments = ["cluster", pieces, "-o", tmp_path / "out.tsv", "--identity", 0.97, "--model"]
    assert "has no sites" in refuse(capsys, *arguments, tiny_folder)
    assert "give one or the other" in refuse(capsys, *arguments, site_folder, "--threshold", 0.9)


def test_sequences_of_another_marker_are_compared_by_shared_kmers(site_folder, tmp_path, capsys, monkeypatch):
    draw = random.Random(1)
    path, output, otus, plot = (tmp_path / name for name in ("in.fasta", "out.tsv", "otus.fasta", "out.png"))
    lines = []
    for species in "abc":
        whole = "".join(draw.choices("ACGT", k=600))
        changed = "".join("A" if base == "C" and draw.random() < 0.04 else base for base in whole)  # 1 % of bases
        parts = (whole, changed, whole[:290], reverse_complement(changed[310:]), whole)
        lines += [f">{species}{number}\n{part}\n" for number, part in enumerate(parts)]
    long = "".join(draw.choices("ACGT", k=40_000))
    path.write_text("".join(lines) + f">genome\n{long}\n>short\n{long[:20]}\n")
    arguments = ["cluster", path, "--model", site_folder, "-o", output]
    main([*map(str, arguments), "--plot", str(plot), "--representatives", str(otus)])
    told = capsys.readouterr().err
    assert "7-mers that they share; 1 of more than 3,000 bp are clusters of their own" in told
    rows = table(output)
    of = {row["id"]: row for row in rows}
    assert {row["cluster"] for row in rows} == {"c1", "c2", "c3", "c4", "c5"}
    for species in "abc":
        assert len({of[f"{species}{number}"]["cluster"] for number in range(5)}) == 1
        assert of[f"{species}2"]["representative"] in {f"{species}0", f"{species}1"}
        assert 0.98 < float(of[f"{species}1"]["similarity"]) <= 1 and of[f"{species}4"]["size"] == "5"
    assert of["genome"]["size"] == of["short"]["size"] == "1"
    assert plot.read_bytes().startswith(b"\x89PNG") and len(list(read_fasta(otus))) == 5
    main([*map(str, arguments), "--identity", "0.999", "--force"])
    again = {row["id"]: row["cluster"] for row in table(output)}
    assert all(again[f"{species}0"] == again[f"{species}4"] != again[f"{species}1"] for species in "abc")
    path.write_text(">a\nACGT\n>b\nACGTT\n")
    main([*map(str, arguments), "--force"])
    assert [(row["cluster"], row["similarity"]) for row in table(output)] == [("c1", "1.0000"), ("c2", "1.0000")]
    path.write_text("".join([*lines, f">genome\n{long}\n", f">short\n{long[:20]}\n"]))
    monkeypatch.setattr(kmer_linkage, "MOST", 5)
    assert "13 sequences are too many to be compared by the k-mers" in refuse(capsys, *arguments, "--force")


def changed(sequence, first, last, apart):
    """A sequence with another base at every place from `first` to `last`, `apart` from each other."""
    letters = list(sequence)
    for place in range(first, last, apart):
        letters[place] = "ACGT"["CGTA".index(letters[place])]
    return "".join(letters)


@pytest.mark.parametrize("marker", ["its own", "another"])
@pytest.mark.parametrize("options", [[], ["--identity", "0.96"]])
def test_copies_change_no_cluster(marker, options, site_folder, tmp_path):
    """They had weight in averages of distances, and their merges in the barcode gap."""
    gene = simulate_marker(seed=1)[0]["sequence"] if marker == "its own" else JUNK + JUNK[::-1][:100]
    near = changed(gene, 20, 180, 20)  # 8 of 400 bases
    far = changed(near, 190, 390, 20)  # 10 more
    path, output = tmp_path / "in.fasta", tmp_path / "out.tsv"
    clusters = []
    for copies in (0, 20):
        more = "".join(f">copy{number}\n{gene}\n" for number in range(copies))
        path.write_text(f">a\n{gene}\n>b\n{near}\n>c\n{far}\n{more}")
        main(["cluster", str(path), "-o", str(output), "--model", str(site_folder), "--force", *options])
        clusters.append([row["cluster"] for row in table(output)][:3])
        assert {row["cluster"] for row in table(output)[3:]} <= {clusters[-1][0]}
    assert [name == clusters[0][0] for name in clusters[0]] == [name == clusters[1][0] for name in clusters[1]]


def test_vectors_of_mixed_lengths_are_reported(site_folder, tmp_path, capsys):
    junk, output = tmp_path / "junk.fasta", tmp_path / "out.tsv"
    junk.write_text(f">a\n{JUNK}\n>b\n{reverse_complement(JUNK)}\n>c\n{JUNK[::-1]}\n")
    arguments = ["cluster", junk, "-o", output, "--model", site_folder, "--threshold", 0.99]
    main([*map(str, arguments)])
    assert "lengths differ" not in capsys.readouterr().err
    assert [row["cluster"] for row in table(output)][:2] == ["c1", "c1"]
    junk.write_text(f">a\n{JUNK}\n>b\n{JUNK[:120]}\n>c\n{JUNK[::-1]}\n")
    main([*map(str, arguments), "--force"])
    assert "species may be divided" in capsys.readouterr().err
    junk.write_text("".join(f">{name}\n{JUNK * 11}\n" for name in "ab"))
    assert "has no species_similarity" in refuse(capsys, *arguments[:-2], "--force")


def test_clusters_keep_their_names_when_sequences_are_added(pieces, site_folder, tmp_path, capsys):
    first, second, part, otus = (tmp_path / name for name in ("first.tsv", "second.tsv", "part.fasta", "otus.fasta"))
    records = pieces.read_text().split(">")[1:]
    part.write_text("".join(f">{record}" for record in records[3:12]))
    run = ["--model", str(site_folder), "-o"]
    main(["cluster", str(part), *run, str(first)])
    again = ["cluster", str(pieces), *run, str(second), "--add_to", str(first), "--representatives", str(otus)]
    main(again)
    main(again)  # which replaces its own outputs
    assert "9 clusters keep their names, 8 are new, 0 were merged into others; 0 of its" in capsys.readouterr().err
    names, representatives = ({row["id"]: row[key] for row in table(second)} for key in ("cluster", "representative"))
    assert {row["id"]: row["cluster"] for row in table(first)}.items() <= names.items()
    assert len(set(names.values())) == 17
    digest = hashlib.sha256(representatives["junk"].encode()).hexdigest()
    assert names["junk"] == f"c{digest[:12]}"
    assert {record.description.split()[0].split("=")[1] for record in read_fasta(otus)} == set(names.values())
    wrong = tmp_path / "wrong.tsv"
    wrong.write_text("id\tcluster\na\tc1\na\tc2\n")
    arguments = ["cluster", pieces, *run, tmp_path / "out.tsv", "--add_to"]
    assert "wrong.tsv:3: each line needs an id, used once" in refuse(capsys, *arguments, wrong)
    assert "give a table of dnacse cluster" in refuse(capsys, *arguments, part)
    assert "give one or the other" in refuse(capsys, *arguments, first, "--format", "uc")
    wrong.write_bytes(b"id\tcluster\n" + b"x" * 200_000 + b"\n")
    assert "wrong.tsv:2: each line needs an id" in refuse(capsys, *arguments, wrong)
    wrong.write_text("id\tcluster\tsize\na\tc12\t1\nb\tc1")
    assert "wrong.tsv:3: each line needs an id" in refuse(capsys, *arguments, wrong)
    wrong.write_text("id\tcluster\na\tc1\x1b[31m\n")
    assert "wrong.tsv:2: control character" in refuse(capsys, *arguments, wrong)
    wrong.write_text("id\tcluster\na\tc1\n", encoding="utf-16")
    assert "wrong.tsv:1: the content is text in UTF-16" in refuse(capsys, *arguments, wrong)
    wrong.write_bytes(gzip.compress(b"\xef\xbb\xbfid\tcluster\n\xe9\tc1\n"))
    assert read_clusters(wrong) == {"é": "c1"}


def test_of_merged_and_parted_clusters_the_largest_keeps_the_name():
    earlier = {"a": "c1", "b": "c1", "c": "c1", "d": "c2", "e": "c3", "gone": "c9"}
    found = name_clusters(list("abcdef"), np.array([0, 0, 1, 0, 2, 2]), np.array([0, 2, 4]), earlier)
    assert found.names[0] == "c1" and found.names[2] == "c3"
    assert found.names[1] not in earlier.values()
    assert (found.kept, found.merged, found.missing) == (2, 1, 1)


def test_a_cluster_that_parts_from_its_representative_gives_its_name_once():
    """The largest part keeps the name, which was made of the id that represents the smaller part."""
    ids = list("xab")
    (name,) = name_clusters(ids, np.array([0, 0, 0]), np.array([0]), {}).names
    found = name_clusters(ids, np.array([1, 0, 0]), np.array([1, 0]), dict.fromkeys(ids, name))
    assert found.names[0] == name
    assert found.names[1] != name
