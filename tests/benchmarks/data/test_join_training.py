"""What any table holds out is kept from the joined training records, and what is left out is counted."""

import pytest

from benchmarks.data.join_training import main
from benchmarks.data.simulate import simulate
from modeling_dnacse.reading.labels import read_labelled
from modeling_dnacse.reading.sequences import reverse_complement

BASES = [record["sequence"] for record in simulate(species=12, records_per_species=2)]


@pytest.fixture
def join(tmp_path):
    """Write tables of rows (id, number of the sequence or the sequence, species, split) and join them."""

    def run(*tables, columns=("id", "sequence", "species", "split")):
        names = []
        for number, rows in enumerate(tables):
            names.append(tmp_path / f"{number}.tsv")
            texts = [[BASES[field] if isinstance(field, int) else field for field in row] for row in rows]
            names[-1].write_text("".join("\t".join(row) + "\n" for row in [columns, *texts]))
        output = tmp_path / "joined.tsv"
        main(["--data", *map(str, names), "--output", str(output)])
        return list(read_labelled(output))

    return run


def test_row_numbers_of_two_tables_are_no_repeated_ids(join, capsys):
    """Of two tables without ids the second lost the rows whose numbers the first has, silently."""
    first = [(number, f"Alba a{number}", "train") for number in range(4)]
    second = [(number + 3, f"Alba b{number}", "train") for number in range(5)]
    with pytest.warns(UserWarning, match="rows are numbered"):
        joined = join(first, second, columns=("sequence", "species", "split"))
    assert [row["sequence"] for row in joined] == BASES[:8]
    assert [row["id"] for row in joined] == ["1_1", "1_2", "1_3", "1_4", "2_2", "2_3", "2_4", "2_5"]
    assert "0 of a held-out species or genus, 0 of a held-out sequence, 1 repeated" in capsys.readouterr().err


def test_ids_and_sequences_that_come_again_are_left_out(join):
    joined = join([("a", 0, "Alba ara", "train")], [("a", 1, "Alba ara", "train"), ("b", 0, "Alba ara", "train")])
    assert [(row["id"], row["sequence"]) for row in joined] == [("a", BASES[0])]


def test_the_other_strand_of_a_held_out_sequence_is_held_out(join):
    other = reverse_complement(BASES[0])
    joined = join([("a", 0, "Alba ara", "test")], [("b", other, "Alba ara", "train"), ("c", 1, "Alba ara", "train")])
    assert [row["id"] for row in joined] == ["c"]


def test_splits_of_other_authors_have_our_meaning(join):
    """Species of `validation` and `test_seen` were held out, though they are the training species."""
    others = [
        ("a", 0, "Alba ara", "validation"),
        ("b", 1, "Alba bos", "test_seen"),
        ("c", 2, "Alba cis", "test_unseen"),
    ]
    joined = join(others, [(name, 3 + n, f"Alba {name}", "train") for n, name in enumerate(("ara", "bos", "cis"))])
    assert [row["id"] for row in joined] == ["ara", "bos"]


@pytest.mark.parametrize("split", ["", "Train", "novel_val"])
def test_a_split_of_an_unknown_name_is_refused(split, join):
    """`Train` was dropped and the genus of `novel_val` was trained on, silently."""
    with pytest.raises(SystemExit, match=f"record 'b' has the split '{split}', which is none of train, val, "):
        join([("a", 0, "Alba ara", "train"), ("b", 1, "Bela ara", split)])
