"""The simulated genomes follow the model that their docstring states."""

import numpy as np
import pytest

from benchmarks.data.simulate import TRANSITIONS
from benchmarks.data.simulate_genomes import (
    INDEL_LENGTH,
    INDELS,
    insert_and_delete,
    main,
    read_contig,
    simulate_genomes,
    substitute,
    tetranucleotides,
)
from benchmarks.methods.kmers import kmer_frequencies
from modeling_dnacse.reading.labels import read_labelled
from modeling_dnacse.reading.sequences import reverse_complement


@pytest.fixture(scope="module")
def genome():
    return np.random.default_rng(0).integers(0, 4, 20_000).astype(np.uint8)


def test_without_a_signature_every_proposal_is_accepted(genome):
    after = substitute(genome, 0.05, np.zeros(256), np.random.default_rng(1))
    changes = (genome ^ after)[genome != after]
    assert len(changes) / len(genome) == pytest.approx(0.05, abs=0.008)
    assert (changes == 2).mean() == pytest.approx(TRANSITIONS, abs=0.05)
    assert (substitute(genome, 0, np.zeros(256), np.random.default_rng(1)) == genome).all()


def test_a_genome_moves_towards_its_signature(genome):
    """With weights for single bases alone, the frequencies in equilibrium are those of exp(weight), by theory."""
    weights = np.zeros(256)
    base_weight = np.log([0.3, 0.2, 0.1, 0.4])
    codes = np.arange(256)
    for shift in (0, 2, 4, 6):
        weights += base_weight[codes >> shift & 3] / 4
    after = substitute(genome, 6, weights, np.random.default_rng(2))
    assert np.bincount(after, minlength=4) / len(after) == pytest.approx([0.3, 0.2, 0.1, 0.4], abs=0.02)


def test_favoured_tetranucleotides_become_frequent(genome):
    weights = np.zeros(256)
    weights[27] = 1.5
    counts = [
        np.mean(tetranucleotides(g) == 27) for g in (genome, substitute(genome, 3, weights, np.random.default_rng(3)))
    ]
    assert counts[1] > 2.5 * counts[0]


def test_insertions_and_deletions_are_as_many_and_as_long_as_stated(genome):
    branch = 0.5
    lengths = [len(insert_and_delete(genome, branch, np.random.default_rng(seed))) for seed in range(40)]
    events = branch * len(genome) * INDELS
    assert np.mean(lengths) == pytest.approx(len(genome), abs=4 * np.sqrt(events * 2 * INDEL_LENGTH**2 / 40))
    assert np.std(lengths) == pytest.approx(np.sqrt(events * (2 * INDEL_LENGTH**2 - INDEL_LENGTH)), rel=0.4)
    assert (insert_and_delete(genome, 0, np.random.default_rng(0)) == genome).all()


def test_relatives_have_alike_profiles():
    genomes = simulate_genomes(species=24, length=20_000, strains=2, seed=0)
    profiles = kmer_frequencies([genome.sequences[0] for genome in genomes], k=4)
    apart = np.linalg.norm(profiles[:, None] - profiles[None], axis=-1)
    species, genera = (np.array([g.labels[rank] for g in genomes]) for rank in ("species", "genus"))
    same_species = species[:, None] == species
    same_genus = genera[:, None] == genera
    others = ~np.eye(len(genomes), dtype=bool)
    assert apart[same_species & others].mean() < 0.5 * apart[same_genus & ~same_species].mean()
    assert apart[same_genus & ~same_species].mean() < apart[~same_genus].mean()


def test_the_seed_decides():
    first, again, other = (simulate_genomes(3, 2000, seed=seed) for seed in (5, 5, 6))
    assert first == again != other


def test_a_contig_is_read_from_either_strand_with_errors():
    sequence = "ACGTTGCAAC" * 200
    rng = np.random.default_rng(0)
    clean = [read_contig(sequence, 0, rng) for _ in range(40)]
    assert set(clean) == {sequence, reverse_complement(sequence)}
    noisy = [read_contig(sequence, 0.02, rng) for _ in range(40)]
    wrong = [
        min(
            sum(a != b for a, b in zip(read, strand, strict=True))
            for strand in (sequence, reverse_complement(sequence))
        )
        for read in noisy
    ]
    assert np.mean(wrong) / len(sequence) == pytest.approx(0.02, abs=0.003)


def test_the_table_has_the_splits_of_the_real_data(tmp_path, capsys):
    table = tmp_path / "contigs.tsv.gz"
    command = ["--output", str(table), "--species", "24", "--genome_length", "12000", "--shortest", "500"]
    assert main([*command, "--longest", "1500", "--error_rate", "0.01"]) == 0
    rows = list(read_labelled(table))
    species = {split: {r["species"] for r in rows if r["split"] == split} for split in ("train", "test")}
    unseen = {split: {r["species"] for r in rows if r["split"] == split} for split in ("unseen_val", "unseen_test")}
    assert species["train"] == species["test"]
    assert len(species["train"]) == 16
    assert {split: len(names) for split, names in unseen.items()} == {"unseen_val": 4, "unseen_test": 4}
    assert all(500 <= len(row["sequence"]) <= 1500 for row in rows)
    assert "of 24 genomes of 24 species" in capsys.readouterr().out


def test_mistakes_are_one_sentence(tmp_path, capsys):
    for option, value in (("species", "0"), ("error_rate", "0.9"), ("longest", "10")):
        with pytest.raises(SystemExit):
            main(["--output", str(tmp_path / "o.tsv"), f"--{option}", value])
        assert f"--{option}" in capsys.readouterr().err.splitlines()[-1]
