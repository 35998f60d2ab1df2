"""Splits follow names alone, leaks are found whatever the strand or the length, and nothing else is called one."""

import json

import numpy as np
import pytest

from benchmarks.data.labelled_tables import write_labelled
from benchmarks.data.make_splits import SPLITS, assign, deduplicate, find_leaks, main, split_species
from benchmarks.data.near_identity import find_near, index_sequences, is_near
from benchmarks.report.leak_tables import read_leaks, render_leaks
from benchmarks.report.result_folders import find_places
from modeling_dnacse.machine.provenance import sha256_of
from modeling_dnacse.reading.labels import RANKS, read_labelled
from modeling_dnacse.reading.sequences import reverse_complement


def random_bases(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def edit(sequence: str, substitutions: int = 0, indels: int = 0, seed: int = 0) -> str:
    """Change so many bases at distinct places, spread over the whole sequence."""
    bases = list(sequence)
    places = np.linspace(5, len(bases) - 6, substitutions + indels).astype(int)
    for number, place in enumerate(np.random.default_rng(seed).permutation(places)):
        other = "ACGT"["ACGT".index(bases[place][0]) - 1]
        bases[place] = other if number < substitutions else ("" if number % 2 else bases[place] + other)
    return "".join(bases)


def record(name: str, sequence: str, species: str, split: str = "") -> dict[str, str]:
    labels = dict.fromkeys(RANKS, "") | {"species": species, "genus": species.partition(" ")[0]}
    return {"id": name, "sequence": sequence} | labels | {"split": split}


@pytest.mark.parametrize("length", [201, 402, 658, 1500])
def test_near_is_fewer_edits_than_half_a_per_cent(length):
    sequence = random_bases(length, length)
    library = index_sequences([random_bases(length, 0), sequence])
    allowed = -(-length * 5 // 1000) - 1
    for other in (edit(sequence, allowed), edit(sequence, 0, allowed), reverse_complement(edit(sequence, allowed))):
        assert find_near(other, library) == 1
    assert find_near(edit(sequence, allowed + 1), library) == -1


def test_a_fragment_is_near_what_it_lies_in_both_ways():
    gene = random_bases(1500, 1)
    fragment = edit(reverse_complement(gene[400:1060]), 2)
    assert find_near(fragment, index_sequences([gene])) == find_near(gene, index_sequences([fragment])) == 0
    assert find_near(fragment + random_bases(60, 2), index_sequences([gene])) == -1


def test_unknown_bases_match_any():
    sequence = random_bases(658, 3)
    masked = "".join("N" if place % 200 == 0 else base for place, base in enumerate(sequence))
    assert is_near(masked, sequence)
    assert find_near(masked, index_sequences([sequence])) == 0


def test_the_filter_misses_no_near_pair():
    rng = np.random.default_rng(0)
    sequences = [random_bases(int(rng.integers(150, 900)), 100 + number) for number in range(60)]
    library = index_sequences(sequences)
    for row, sequence in enumerate(sequences):
        near = edit(sequence, int(rng.integers(0, -(-len(sequence) * 5 // 1000))), seed=row)
        assert is_near(near, sequence)
        assert find_near(near, library) == row


def test_repeats_go_and_a_sequence_of_two_species_goes_with_them():
    a, b, c = (random_bases(100, seed) for seed in range(3))
    records = [
        record("1", a, "Alba ara"),
        record("2", reverse_complement(a), "Alba ara"),
        record("3", b, "Alba ara"),
        record("4", b, "Alba bos"),
        record("5", c, ""),
    ]
    kept, counts = deduplicate(records)
    assert [row["id"] for row in kept] == ["1"]
    assert counts == {"unlabelled": 1, "ambiguous": 1, "repeated": 2}


@pytest.fixture(scope="module")
def assigned():
    rng = np.random.default_rng(0)
    rows = []
    for number in range(600):
        name = f"Genus{number // 4} s{number}"
        rows += [record(f"{number}_{copy}", "ACGT", name) for copy in range(int(rng.integers(1, 9)))]
    return rows, assign(rows)


def test_species_and_genera_are_disjoint(assigned):
    _, rows = assigned
    species, genera = ({s: {r[rank] for r in rows if r["split"] == s} for s in SPLITS} for rank in RANKS[:2])
    seen = species["train"]
    assert species["val"] | species["test"] <= seen
    assert not species["unseen_val"] & species["unseen_test"]
    assert not (species["unseen_val"] | species["unseen_test"] | species["novel_test"]) & seen
    assert genera["unseen_val"] | genera["unseen_test"] <= genera["train"]
    assert not genera["novel_test"] & set.union(*(genera[split] for split in SPLITS[:5]))
    assert 15 <= len(species["unseen_test"]) <= 65
    assert 6 <= len(species["unseen_val"]) <= 40
    assert 4 <= len(species["novel_test"]) <= 48
    assert len(rows) == sum(len([r for r in rows if r["split"] == split]) for split in SPLITS)


def test_seen_species_with_few_records_keep_them_all(assigned):
    _, rows = assigned
    members = {}
    for row in rows:
        members.setdefault(row["species"], []).append(row["split"])
    seen = {name: splits for name, splits in members.items() if "train" in splits}
    assert all(set(splits) == {"train"} for splits in seen.values() if len(splits) < 4)
    many = [split for splits in seen.values() if len(splits) >= 4 for split in splits]
    assert 0.10 < many.count("test") / len(many) < 0.20
    assert 0.06 < many.count("val") / len(many) < 0.14


def test_other_species_and_another_order_change_no_split(assigned):
    given, rows = assigned
    before = {row["id"]: row["split"] for row in rows}
    added = [record(f"new{n}", "ACGT", f"Other{n} s") for n in range(50)]
    after = {row["id"]: row["split"] for row in assign([*added, *reversed(given)])}
    assert {name: after[name] for name in before} == before


def test_leaks_are_counted_for_each_pair_of_splits():
    a, b = random_bases(600, 0), random_bases(600, 1)
    rows = [
        record("1", a, "Alba ara", "train"),
        record("2", edit(a, 2), "Alba ara", "test"),
        record("3", edit(a, 3), "Alba bos", "unseen_test"),
        record("4", reverse_complement(edit(a, 1)), "Alba cis", "unseen_test"),
        record("5", b, "Alba cis", "unseen_test"),
    ]
    leaks = {pair: found.tolist() for pair, found in find_leaks(rows).items()}
    assert leaks == {("test", "train"): [1], ("unseen_test", "train"): [3], ("unseen_test", "test"): [2, 3]}


def test_the_command_reports_and_drops_planted_leaks(tmp_path, capsys):
    rows = []
    for number in range(300):
        ancestor = random_bases(300, number)
        labels = f"Genus{number // 3} s{number}\tGenus{number // 3}"
        rows += [f"r{number}_{n}\t{edit(ancestor, 5 * n)}\t{labels}" for n in range(6)]
    (tmp_path / "all.tsv").write_text("\n".join(["id\tsequence\tspecies\tgenus", *rows]) + "\n")
    assert main(["--data", str(tmp_path / "all.tsv"), "--output", str(tmp_path / "split.tsv")]) == 0
    assert "unseen_test: 0 records above 99.5 % identical to one of train" in capsys.readouterr().out
    records = list(read_labelled(tmp_path / "split.tsv"))
    unseen = next(row for row in records if row["split"] == "unseen_test")
    planted = f"leak\t{edit(unseen['sequence'], 1)}\tGenus0 s0\tGenus0\t\t\t\t\ttrain\n"
    (tmp_path / "split.tsv").write_text((tmp_path / "split.tsv").read_text() + planted)
    (tmp_path / "leaks").mkdir()
    report = tmp_path / "leaks" / "split.json"
    command = ["--data", str(tmp_path / "split.tsv"), "--output", str(tmp_path / "checked.tsv"), "--keep_splits"]
    assert main([*command, "--drop_leaks", "unseen_test", "--report", str(report)]) == 0
    out = capsys.readouterr().out
    check_report(json.loads(report.read_text()), tmp_path, [row["split"] for row in records])
    named = (tmp_path / "split.tsv").rename(tmp_path / "a\x1b[31m.tsv")  # in a report, tables.py would refuse it
    checked = (tmp_path / "checked.tsv").rename(tmp_path / "whole.tsv")
    assert main([*command[:1], str(named), *command[2:], "--report", str(report)]) == 2
    assert "the name 'a\\x1b[31m.tsv' holds a control character" in capsys.readouterr().err
    named.rename(tmp_path / "split.tsv")
    assert find_places(tmp_path) == {}  # tables.py takes no report for a result
    (row,) = (line for line in render_leaks(read_leaks(tmp_path)).splitlines() if "| unseen_test |" in line)
    assert row.split(" | ")[0] == "| split" and row.split(" | ")[4].startswith("1 (")
    assert "unseen_test: 1 records above 99.5 % identical to one of train" in out
    assert "1 leaking records dropped" in out
    kept = {row["id"] for row in read_labelled(checked)}
    assert kept == {row["id"] for row in records} - {unseen["id"]} | {"leak"}


def check_report(report, folder, splits):
    """That of one leak of a train record, added to splits without any: the numbers printed, and of which files."""
    assert str(folder) not in json.dumps(report)
    assert (report["data"], report["data_sha256"]) == ("split.tsv", sha256_of(folder / "split.tsv"))
    assert report["table_sha256"] == sha256_of(folder / "checked.tsv")
    assert (report["keep_splits"], report["drop_leaks"], report["dropped"]) == (True, ["unseen_test"], 1)
    assert {split: counts["records"] for split, counts in report["splits"].items()} == {
        split: splits.count(split) + (split == "train") for split in SPLITS
    }
    assert report["splits"]["unseen_test"]["species"] * 6 == splits.count("unseen_test")
    leaks = {(pair["split"], pair["like"]): pair["records"] for pair in report["leaks"]}
    assert leaks["unseen_test", "train"] == 1 and len(leaks) == 15
    assert not any(records for (later, earlier), records in leaks.items() if later == "novel_test")
    assert [path.name for path in (folder / "leaks").iterdir()] == ["split.json"]


def test_what_is_no_report_is_refused_by_name(tmp_path):
    assert read_leaks(tmp_path) == []
    (tmp_path / "leaks").mkdir()
    for text in ('{"kind": "training_throughput"}', "[]", "{"):
        (tmp_path / "leaks" / "coi.json").write_text(text)
        with pytest.raises(ValueError, match=r"coi\.json"):
            read_leaks(tmp_path)


def test_a_report_that_cannot_be_written_is_refused_before_the_search(tmp_path, capsys):
    (tmp_path / "f.tsv").write_text("id\tsequence\tspecies\na\tACGT\tApis mellifera\n")
    command = ["--data", str(tmp_path / "f.tsv"), "--output", str(tmp_path / "o.tsv")]
    assert main([*command, "--report", str(tmp_path / "leaks" / "f.json")]) == 2
    assert "make it first" in capsys.readouterr().err
    assert not (tmp_path / "o.tsv").exists()


def test_nothing_but_earlier_reports_is_replaced(tmp_path, capsys):
    """Any file was, silently."""
    rows = "".join(f"r{n}\t{random_bases(300, n)}\tApis s{n}\tApis\n" for n in range(9))
    (tmp_path / "f.tsv").write_text(f"id\tsequence\tspecies\tgenus\n{rows}")
    mine = tmp_path / "mine"
    mine.write_text("precious\n")
    for command in ([str(mine)], [str(tmp_path / "o.tsv"), "--report", str(mine)], [str(mine.with_suffix(".gz"))]):
        mine.with_suffix(".gz").write_text("precious\n")
        assert main(["--data", str(tmp_path / "f.tsv"), "--output", *command]) == 2
        assert " exists and is not " in capsys.readouterr().err
    assert mine.read_text() == mine.with_suffix(".gz").read_text() == "precious\n"
    assert not (tmp_path / "o.tsv").exists()
    (tmp_path / "o.json").touch()  # empty
    for name in ("o.tsv", "o2.tsv", "o.tsv.gz", "o2.tsv.gz"):
        command = ["--data", str(tmp_path / "f.tsv"), "--report", str(tmp_path / "o.json")]
        assert main([*command, "--output", str(tmp_path / name)]) == 0


def test_data_without_species_are_refused_in_one_sentence(tmp_path, capsys):
    (tmp_path / "f.tsv").write_text("id\tsequence\na\tACGT\n")
    assert main(["--data", str(tmp_path / "f.tsv"), "--output", str(tmp_path / "o.tsv")]) == 2
    assert "has no record to split" in capsys.readouterr().err


def test_a_file_that_a_source_names_is_no_output(tmp_path, capsys):
    """`splits:train=o.tsv,test=f.tsv` with `--output o.tsv` replaced its own input."""
    for name, seeds in (("o.tsv", range(4)), ("f.tsv", range(4, 8))):
        write_labelled([record(f"r{n}", random_bases(300, n), "Apis s", "train") for n in seeds], tmp_path / name)
    there, source = (tmp_path / "o.tsv").read_text(), f"splits:train={tmp_path}/o.tsv,test={tmp_path}/f.tsv"
    assert main(["--data", source, "--keep_splits", "--output", str(tmp_path / "o.tsv")]) == 2
    assert "is an output, but also an input" in capsys.readouterr().err
    assert (tmp_path / "o.tsv").read_text() == there


def test_a_species_of_two_genera_is_left_out(tmp_path):
    """The genus of its last row decided, so that a row of a genus of novel_test could be in train."""
    novel, other = (
        next(g for g in map("Genus{}".format, range(999)) if is_novel(g) is kind) for kind in (True, False)
    )
    rows = [record(f"r{n}", random_bases(100, n), "Alba ara") | {"genus": g} for n, g in enumerate((novel, other))]
    rows += [record("x", random_bases(100, 2), f"{other} ara"), record("y", random_bases(100, 3), f"{novel} bos")]
    for order in (rows, rows[::-1]):
        kept, counts = deduplicate(order)
        assert {row["id"]: row["split"] for row in assign(kept)} == {"x": "train", "y": "novel_test"}
        assert counts == {"unlabelled": 0, "ambiguous": 2, "repeated": 0}


def is_novel(genus: str) -> bool:
    return split_species(["Alba ara"], [genus]) == {"Alba ara": "novel_test"}


def test_row_numbers_of_two_files_make_no_repeated_ids(tmp_path):
    """The table that was written had two rows 1, and no reader took it."""
    for name, seed in (("a.tsv", 0), ("b.tsv", 1)):
        (tmp_path / name).write_text(f"sequence\tspecies\n{random_bases(300, seed)}\tApis s{seed}\n")
    command = ["--data", f"splits:train={tmp_path}/a.tsv,test={tmp_path}/b.tsv", "--output", str(tmp_path / "o.tsv")]
    with pytest.warns(UserWarning, match="rows are numbered"):
        assert main([*command, "--keep_splits"]) == 0
    assert [row["id"] for row in read_labelled(tmp_path / "o.tsv")] == ["1", "1_2"]


def test_a_species_in_train_and_unseen_is_told(tmp_path, capsys):
    rows = [record(str(n), random_bases(300, n), "Apis s", split) for n, split in enumerate(("train", "unseen_test"))]
    write_labelled(rows, tmp_path / "f.tsv")
    assert main(["--data", str(tmp_path / "f.tsv"), "--output", str(tmp_path / "o.tsv"), "--keep_splits"]) == 0
    assert "1 species are in a split of seen and in one of unseen ones: Apis s" in capsys.readouterr().err
