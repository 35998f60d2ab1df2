"""A labelled table becomes a data set in both published layouts, which their tasks read back as it was."""

import csv

import pytest

from benchmarks.data.classification_folders import read_split
from benchmarks.data.make_classification import FEWEST, main
from benchmarks.tasks.classification import genomic_benchmarks, gue

SIZES = {("train", "Diptera"): 15, ("train", "Odonata"): 12, ("train", "Anura"): FEWEST - 1} | {
    (split, order): 3 for split in ("unseen_val", "unseen_test", "test") for order in ("Diptera", "Odonata", "Anura")
}
BASES = str.maketrans("01", "AG")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "coi.tsv"
    rows, number = [], 0
    for (split, order), size in SIZES.items():
        for _ in range(size):
            rows.append((f"r{number}", "ACGT" * 3 + f"{number:b}".translate(BASES), order, split))
            number += 1
    rows.append(("nameless", "ACGTACGT", "", "train"))
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(("id", "sequence", "species", "order", "split"))
        writer.writerows((name, bases, "Genus species", order, split) for name, bases, order, split in rows)
    return path


def make(table, folder, *options):
    return main(["--data", str(table), "--rank", "order", "--output", str(folder), *options])


def test_gue_reads_what_was_made(table, tmp_path, capsys):
    assert make(table, tmp_path / "orders") == 0
    assert capsys.readouterr().out == "2 classes; sequences: 27 in train, 6 in dev, 6 in test\n"
    splits = gue.read(str(tmp_path / "orders"))
    rows = {row["sequence"]: row for row in csv.DictReader(table.open(), delimiter="\t")}
    for split, name in zip(splits, ("train", "unseen_val", "unseen_test"), strict=True):
        found = [rows[bases] for bases in split.sequences]
        assert {row["split"] for row in found} == {name}
        assert [row["order"] for row in found] == split.labels["label"].tolist()
        assert len(found) == len({row["id"] for row in found})


def test_genomic_benchmarks_reads_what_was_made_and_a_class_is_capped(table, tmp_path):
    folder = tmp_path / "orders"
    assert make(table, folder, "--layout", "genomic_benchmarks", "--most", "10") == 0
    train, test = genomic_benchmarks.read(str(folder))
    assert sorted(train.labels["label"]) == ["Diptera"] * 10 + ["Odonata"] * 10
    assert sorted(test.labels["label"]) == ["Diptera"] * 3 + ["Odonata"] * 3
    orders = {row["sequence"]: row["order"] for row in csv.DictReader(table.open(), delimiter="\t")}
    assert [orders[bases] for bases in train.sequences] == train.labels["label"].tolist()
    assert not (folder / "dev").exists()


def test_classes_that_would_share_a_folder_are_refused(table, tmp_path, capsys):
    """Two classes became one, silently."""
    text = table.read_text().replace("Diptera", "A+").replace("Odonata", "A*")
    table = tmp_path / "signs.tsv"
    table.write_text(text)
    assert make(table, tmp_path / "orders", "--layout", "genomic_benchmarks") == 2
    assert "the classes 'A*' and 'A+' would share the folder A_" in capsys.readouterr().err
    assert not (tmp_path / "orders").exists()


def test_other_splits_and_the_same_draw_whatever_the_order_of_the_rows(table, tmp_path):
    options = ("--splits", "train", "test", "unseen_test", "--most", "10")
    assert make(table, tmp_path / "a", *options) == 0
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([head, *reversed(rows)]) + "\n")
    assert make(table, tmp_path / "b", *options) == 0
    for part in ("train", "dev", "test"):
        first, second = ((tmp_path / name / f"{part}.csv").read_text().splitlines() for name in "ab")
        assert sorted(first) == sorted(second)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rank", "family"), "got 0 classes of 10 or more sequences at the rank family"),
        (("--splits", "train", "test", "novel_test"), "got 2 classes"),
        (("--splits", "train", "train", "test"), "three different names"),
        (("--most", "9"), "10 or more"),
        (("--data", "nothing.tsv"), "nothing.tsv"),
    ],
)
def test_what_makes_no_data_set_is_said_and_nothing_is_left(table, tmp_path, capsys, options, said):
    assert make(table, tmp_path / "out", *options) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["coi.tsv"]


def test_a_missing_parent_folder_is_named_before_data_are_read(table, tmp_path, capsys):
    """A missing folder was "[Errno 2] No such file or directory: 'no/dir/.o.lock'", when all was read."""
    assert make("nothing.tsv", tmp_path / "no" / "dir" / "o") == 2
    assert f"make_classification.py: {tmp_path / 'no' / 'dir' / 'o'}: there is no folder" in capsys.readouterr().err


def test_a_folder_that_exists_is_kept(table, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    assert make(table, tmp_path / "out") == 2
    assert "exists; remove it" in capsys.readouterr().err


def test_splits_of_other_authors_are_found_and_what_is_left_out_is_told(table, tmp_path, capsys):
    table.write_text(table.read_text().replace("unseen_test", "test_unseen"))
    options = ("--most", "10", "--splits", "train", "unseen_val", "test_unseen")
    assert make(table, tmp_path / "orders", *options) == 0
    told = "left out: 9 in other splits, 1 without a name at the rank order, 7 above --most, 15 of classes below 10"
    assert told in capsys.readouterr().err


def test_a_sequence_that_is_no_text_is_named(tmp_path):
    """The error named no file."""
    (tmp_path / "train" / "A").mkdir(parents=True)
    (tmp_path / "train" / "A" / "1.txt").write_bytes(b"ACGT\xff")
    with pytest.raises(ValueError, match=r"A/1\.txt: "):
        read_split(tmp_path, "train")
