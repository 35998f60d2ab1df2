"""Contigs are cut from genomes as the head of make_contigs says, and nothing of a test is in train."""

import csv
import gzip
from collections import Counter, defaultdict

import numpy as np
import pytest

from benchmarks.data.genomes import Genome, merge_species
from benchmarks.data.labelled_tables import COLUMNS
from benchmarks.data.make_contigs import Piece, cap, cut, draw_lengths, drop_repeats, main
from benchmarks.data.simulate_genomes import main as simulate
from modeling_dnacse.reading.labels import RANKS, read_labelled
from modeling_dnacse.reading.sequences import reverse_complement


def random_bases(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def mutate(sequence: str, rate: float, seed: int = 0) -> str:
    """Substitute this share of the bases, each by another one."""
    rng = np.random.default_rng(seed)
    hit = rng.random(len(sequence)) < rate
    mutated = np.array(["ACGT"["ACGT".index(base) - int(rng.integers(1, 4))] for base in sequence])
    return "".join(np.where(hit, mutated, list(sequence)))


def labels(species: str) -> dict[str, str]:
    return dict.fromkeys(RANKS, "") | {"species": species, "genus": species.split()[0]}


def genome(name: str, sequence: str, species: str = "Alba ara", role: str = "seen") -> Genome:
    return Genome(name, [sequence], labels(species), role)


@pytest.mark.parametrize("shape", ["uniform", "lognormal"])
def test_lengths_stay_within_bounds_and_fill_the_sequence(shape):
    lengths = draw_lengths(1_000_000, 2500, 20_000, shape, np.random.default_rng(0))
    assert lengths.min() >= 2500
    assert lengths.max() <= 20_000
    assert 980_000 < lengths.sum() <= 1_000_000
    median = np.median(lengths)
    assert (10_000 < median < 12_500) if shape == "uniform" else (6_000 < median < 8_500)


def test_a_sequence_below_the_shortest_gives_no_piece():
    assert not len(draw_lengths(2499, 2500, 20_000, "lognormal", np.random.default_rng(0)))
    assert draw_lengths(2500, 2500, 20_000, "lognormal", np.random.default_rng(0)).tolist() == [2500]


def test_pieces_follow_each_other_and_the_first_part_is_train():
    whole = random_bases(20_000, 0)
    pieces = cut(genome("g", whole), 500, 1500, "uniform", seed=0)
    assert whole.startswith("".join(piece.sequence for piece in pieces))
    splits = [piece.split for piece in pieces]
    assert splits == sorted(splits, reverse=True)
    assert splits.count("train") == round(0.7 * len(splits))
    unseen = cut(genome("g", whole, role="unseen_test"), 500, 1500, "uniform", seed=0)
    assert {piece.split for piece in unseen} == {"unseen_test"}
    assert [piece.sequence for piece in unseen] == [piece.sequence for piece in pieces]


def test_the_draw_depends_on_the_seed_and_the_genome_alone():
    whole = random_bases(20_000, 1)
    first, again, other = (cut(genome("g", whole), 500, 1500, "lognormal", seed) for seed in (0, 0, 1))
    assert first == again != other


def test_pieces_of_unknown_bases_are_dropped():
    pieces = cut(genome("g", "N" * 5000 + random_bases(5000, 0)), 1000, 1000, "uniform", seed=0)
    assert len(pieces) == 5
    assert not any("N" in piece.sequence for piece in pieces)


def test_repeats_and_the_second_strain_leave_the_test():
    a, b, c = (random_bases(3000, seed) for seed in range(3))
    pieces = [
        Piece("other strand", reverse_complement(a), labels("Alba ara"), "test"),
        Piece("train", a, labels("Alba ara"), "train"),
        Piece("1 % away", mutate(a, 0.01), labels("Alba ara"), "test"),
        Piece("5 % away", mutate(a, 0.05), labels("Alba ara"), "test"),
        Piece("new", b, labels("Alba ara"), "test"),
        Piece("unseen", c, labels("Alba bos"), "unseen_test"),
        Piece("unseen again", c, labels("Alba bos"), "unseen_test"),
    ]
    kept, dropped = drop_repeats(pieces)
    assert [piece.id for piece in kept] == ["train", "5 % away", "new", "unseen"]
    assert dropped == {"repeated": 2, "leaking": 1}


def test_species_with_one_genome_become_one_and_stay_seen():
    a, b = random_bases(20_000, 0), random_bases(20_000, 1)
    given = [
        genome("1", a, "Alba ara"),
        genome("2", reverse_complement(mutate(a, 0.02)), "Alba bos", "unseen_test"),
        genome("3", mutate(a, 0.15), "Alba cis", "unseen_test"),
        genome("4", b, "Alba dux", "unseen_test"),
        genome("5", mutate(b, 0.02), "Alba eos", "unseen_val"),
    ]
    merged, united = merge_species(given, 0.95)
    assert united == ["Alba ara / Alba bos", "Alba dux / Alba eos"]
    assert [g.role for g in merged] == ["seen", "seen", "unseen_test", "unseen_val", "unseen_val"]
    assert merged[0].labels["species"] == merged[1].labels["species"] == "Alba ara / Alba bos"


def test_no_species_has_more_than_its_cap_in_a_split():
    pieces = [Piece(str(n), "A", labels(f"Alba {n % 2}"), ("train", "test")[n % 3 == 0]) for n in range(60)]
    kept = cap(pieces, 5, seed=0)
    counts = Counter((piece.labels["species"], piece.split) for piece in kept)
    assert set(counts.values()) == {5}
    assert len(counts) == 4


@pytest.fixture
def folder(tmp_path):
    """Forty species of 12 kb: 30 train, 10 test."""
    rows = [["genome_id", "species", "genus", "domain", "length", "n_contigs", "source", "split"]]
    for number in range(40):
        split = "train" if number < 30 else "test"
        rows.append([f"G{number}", f"Alba s{number}", "Alba", "Bacteria", "12000", "2", "made", split])
        records = [f">c{part}\n{random_bases(6000, 2 * number + part)}\n" for part in range(2)]
        (tmp_path / f"G{number}.fa.gz").write_bytes(gzip.compress("".join(records).encode()))
    with (tmp_path / "index.tsv").open("w", newline="") as file:
        csv.writer(file, delimiter="\t").writerows(rows)
    return tmp_path


def test_a_folder_becomes_a_table_that_our_reader_reads(folder, capsys):
    table = folder / "contigs.tsv.gz"
    command = ["--genomes", str(folder), "--output", str(table), "--shortest", "500", "--longest", "1500"]
    assert main([*command, "--merge_identity", "0.95"]) == 0
    species = defaultdict(set)
    for row in read_labelled(table):
        species[row["split"]].add(row["species"])
        assert 500 <= len(row["sequence"]) <= 1500
    assert species["unseen_test"] == {f"Alba s{number}" for number in range(30, 40)}
    assert 0 < len(species["unseen_val"]) < 15
    assert species["train"] == species["test"] == {f"Alba s{n}" for n in range(30)} - species["unseen_val"]
    assert "unseen_test: " in capsys.readouterr().out
    first = table.read_bytes()
    table.unlink()
    assert main([*command, "--merge_identity", "0.95"]) == 0
    assert table.read_bytes() == first


def test_a_table_of_genomes_keeps_its_splits_or_draws_them_anew(folder):
    source = folder / "genomes.tsv"
    splits = ("train", "unseen_val", "unseen_test", "novel_test")
    rows = [f"g{n}\t{random_bases(4000, 100 + n)}\tAlba s{n}\t{splits[n % 4]}" for n in range(40)]
    source.write_text("\n".join(["seq_id\tsequence\tspecies\tsplit", *rows]) + "\n")
    command = ["--table", str(source), "--output", str(folder / "o.tsv"), "--shortest", "500", "--longest", "1000"]
    assert main(command) == 0
    given = {row["species"]: row["split"] for row in read_labelled(folder / "o.tsv")}
    assert {given[f"Alba s{n}"] for n in range(1, 40, 4)} == {"unseen_val"}
    assert {given[f"Alba s{n}"] for n in range(3, 40, 4)} == {"novel_test"}
    (folder / "o.tsv").unlink()
    assert main([*command, "--unseen_share", "0.5"]) == 0
    drawn = {row["species"] for row in read_labelled(folder / "o.tsv", split="unseen_test")}
    assert 10 <= len(drawn) <= 30


def test_mistakes_are_one_sentence(folder, capsys):
    (folder / "index.tsv").write_text("genome_id\tspecies\tgenus\tsplit\nG0\tA b\tA\tval\n")
    assert main(["--genomes", str(folder), "--output", str(folder / "o.tsv")]) == 2
    assert "a split, train or test" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--genomes", str(folder), "--output", "o.tsv", "--merge_identity", "2"])
    assert "argument --merge_identity: '2' is no number from 0.0 to 1" in capsys.readouterr().err


def test_no_table_is_made_without_genomes(folder, capsys):
    """It was one without records, with exit code 0."""
    index = folder / "index.tsv"
    header, rest = index.read_text().split("\n", 1)
    table = folder / "none.tsv"
    table.write_text("id\tsequence\tspecies\na\tACGT\t\n")
    command = ["--output", str(folder / "o.tsv"), "--genomes", str(folder)]
    texts = {"": "names no column genome_id, species, genus, split", "a\n": "names no column genome_id"}
    for text, said in (texts | {f"{header}\n": f"{index}: no rows; add one"}).items():
        index.write_text(text)
        assert main(command) == 2
        assert said in capsys.readouterr().err
    index.unlink()
    assert main(command) == 2
    assert f"make_contigs.py: {index}: No such file or directory; give the path" in capsys.readouterr().err
    index.write_text(f"{header}\n{rest}")
    assert main([*command, "--shortest", "20000"]) == 2
    assert f"{folder}: none of 40 genomes makes a piece" in capsys.readouterr().err
    assert main(["--output", str(folder / "o.tsv"), "--table", str(table)]) == 2
    assert f"{table}: none of 0 genomes makes a piece" in capsys.readouterr().err
    assert not (folder / "o.tsv").exists()


@pytest.mark.parametrize("script", ["make_contigs", "simulate_genomes"])
@pytest.mark.parametrize("text", ["precious\n", "\t".join(COLUMNS) + "\nmine\tACGT\tApis mellifera\n"])
def test_a_file_that_is_there_is_kept(script, text, folder, capsys):
    """It was silently replaced; then, if it had the columns of these tables."""
    mine = folder / "mine.tsv"
    mine.write_text(text)
    run = main if script == "make_contigs" else simulate
    assert run(["--output", str(mine), *(["--genomes", str(folder)] if run is main else ["--species", "2"])]) == 2
    assert f"{mine} exists and is not empty; give another name" in capsys.readouterr().err
    assert mine.read_text() == text


def test_genomes_that_make_no_contig_are_an_error(tmp_path, capsys):
    """An empty table was written."""
    table = tmp_path / "contigs.tsv"
    assert simulate(["--output", str(table), "--species", "1", "--genome_length", "500", "--shortest", "2500"]) == 2
    assert "none of 1 genomes makes a contig; lower --shortest, or raise" in capsys.readouterr().err
    assert not table.exists()


def test_the_table_that_is_read_is_no_output(tmp_path, capsys):
    table = tmp_path / "genomes.tsv"
    table.write_text("id\tsequence\tspecies\n")
    assert main(["--table", str(table), "--output", str(table)]) == 2
    assert "is an output, but also an input" in capsys.readouterr().err
    assert table.read_text() == "id\tsequence\tspecies\n"


@pytest.mark.parametrize("longest", [5000, 5001, 5500])
def test_lengths_of_a_narrow_range_fill_the_sequence(longest):
    """The draws ended long before the sequence, and the rest was dropped silently."""
    lengths = draw_lengths(1_000_000, 5000, longest, "lognormal", np.random.default_rng(0))
    assert lengths.min() >= 5000 and lengths.max() <= longest
    assert 1_000_000 - 5000 < lengths.sum() <= 1_000_000


def test_the_share_of_the_bases_in_pieces_is_told(folder, capsys):
    command = ["--genomes", str(folder), "--output", str(folder / "o.tsv"), "--shortest", "4000", "--longest", "4000"]
    assert main(command) == 0
    assert "80 pieces of 40 genomes, 66.7 % of their bases: " in capsys.readouterr().out


def test_a_species_with_seen_and_unseen_genomes_is_seen(folder, capsys):
    """It was in train and in unseen_test, silently, unless --merge_identity was given."""
    index = folder / "index.tsv"
    index.write_text(index.read_text().replace("G30\tAlba s30", "G30\tAlba s0"))
    command = ["--genomes", str(folder), "--output", str(folder / "o.tsv"), "--shortest", "500", "--longest", "1500"]
    assert main(command) == 0
    assert "1 species have genomes in several splits" in capsys.readouterr().err
    assert not {row["split"] for row in read_labelled(folder / "o.tsv") if row["species"] == "Alba s0"} & {
        "unseen_test"
    }


def test_splits_of_a_table_are_translated_or_refused(folder, capsys):
    """A species of `test_unseen`, or of any unknown split, was cut into train."""
    source = folder / "genomes.tsv"
    source.write_text(f"id\tsequence\tspecies\tsplit\na\t{random_bases(4000, 0)}\tAlba ara\ttest_unseen\n")
    command = ["--table", str(source), "--output", str(folder / "o.tsv"), "--shortest", "500", "--longest", "1000"]
    assert main(command) == 0
    assert {row["split"] for row in read_labelled(folder / "o.tsv")} == {"unseen_test"}
    source.write_text(source.read_text().replace("test_unseen", "held_out"))
    (folder / "o.tsv").unlink()
    assert main(command) == 2
    assert "genome 'a' has the split 'held_out', but it takes train, val, test, unseen_val" in capsys.readouterr().err


def test_an_index_of_other_text_is_named(folder, capsys):
    command = ["--genomes", str(folder), "--output", str(folder / "o.tsv")]
    text = (folder / "index.tsv").read_text()
    (folder / "index.tsv").write_bytes(text.encode("utf-16"))
    assert main(command) == 2
    assert f"{folder / 'index.tsv'}" in (told := capsys.readouterr().err) and "save it as UTF-8" in told
    (folder / "index.tsv").write_bytes(text.replace("Alba s39", "Alba bär").encode("latin-1"))
    assert main(command) == 0
    assert "Alba bär" in {row["species"] for row in read_labelled(folder / "o.tsv")}


def test_no_identity_is_given_as_zero(folder, capsys):
    """It was taken as if it were not given."""
    assert main(["--genomes", str(folder), "--output", str(folder / "o.tsv"), "--unseen_share", "0"]) == 0
    assert "unseen_test" not in capsys.readouterr().out
