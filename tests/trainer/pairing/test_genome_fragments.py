"""Windows of genomes: apart, in balance over the kingdoms, free of N, and labelled by header or index."""

import gzip
from textwrap import fill

import numpy as np
import pytest
from torch.utils.data import DataLoader

from modeling_dnacse.reading.sequences import reverse_complement
from trainer.pairing.genome_fragments import FragmentDataset, place_two
from trainer.pairing.pairs import FixedPairs, PairSampler
from trainer.pairing.shares import even_shares
from trainer.pairing.views import Views
from trainer.records.genomes import labels_of_header, load_genomes
from trainer.records.records import hold_out


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def dna(length, seed=0):
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


@pytest.fixture
def fasta_of(tmp_path):
    """Write a FASTA file of {header: sequence}, 60 bp a line."""

    def write(sequences, name="genomes.fa"):
        path = tmp_path / name
        path.write_text("".join(f">{header}\n{fill(bases, 60)}\n" for header, bases in sequences.items()))
        return str(path)

    return write


@pytest.fixture
def folder(tmp_path):
    """Three genomes with an index.tsv; Aa bb has two contigs."""
    genomes = {"g1": ("Aa bb", "Bacteria", "train", 2), "g2": ("Cc dd", "Archaea", "train", 1)}
    genomes["g3"] = ("", "Bacteria", "test", 1)
    lines = ["genome_id\tspecies\tgenus\tdomain\tsplit"]
    (tmp_path / "genomes").mkdir()
    for seed, (name, (species, domain, split, contigs)) in enumerate(genomes.items()):
        lines.append(f"{name}\t{species}\t\t{domain}\t{split}")
        text = "".join(f">{name}_{contig}\n{dna(3000, 10 * seed + contig)}\n" for contig in range(contigs))
        (tmp_path / "genomes" / f"{name}.fa.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "genomes" / "index.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path / "genomes"


def test_two_windows_never_overlap_and_reach_everywhere():
    rng = np.random.default_rng(0)
    places = {place_two(7, 2, 3, rng) for _ in range(500)}
    assert places == {(0, 2), (0, 3), (0, 4), (1, 3), (1, 4), (2, 4), (3, 0), (4, 0), (4, 1), (5, 0), (5, 1), (5, 2)}


def test_a_pair_is_two_stretches_of_one_record_that_do_not_overlap(fasta_of):
    sequences = {f"r{n} species=Aa s{n}": dna(5000, n) for n in range(4)}
    dataset = FragmentDataset(load_genomes([fasta_of(sequences)]), length=(300, 900))
    genomes = list(sequences.values())
    lengths = set()
    for row, positive, seed in PairSampler(dataset, "same_record_fragments", batch_size=4, seed=0):
        pair = dataset[row, positive, seed]
        starts = [genomes[row].index(pair[side]) for side in ("anchor", "positive")]
        ends = [start + len(pair[side]) for start, side in zip(starts, ("anchor", "positive"), strict=True)]
        assert ends[0] <= starts[1] or ends[1] <= starts[0]
        lengths |= {len(pair["anchor"]), len(pair["positive"])}
        assert dataset[row, positive, seed] == pair  # the seed decides
    assert min(lengths) >= 300 and max(lengths) <= 900 and len(lengths) > 10


def test_views_apply_to_windows(fasta_of):
    records = load_genomes([fasta_of({"a species=Aa a": dna(3000), "b species=Aa b": dna(3000, 1)})])
    plain, turned = (
        FragmentDataset(records, (500, 500), views)[0, 0, 1] for views in (Views(), Views(strand="reverse"))
    )
    assert turned["anchor"] == reverse_complement(plain["anchor"])


def test_windows_rich_in_unknown_bases_are_drawn_again(fasta_of):
    half = {"a species=Aa a": "N" * 4000 + dna(4000), "b species=Aa b": "N" * 3000 + dna(10) + "N" * 3000}
    dataset = FragmentDataset(load_genomes([fasta_of(half)]), length=(500, 500))
    views = [dataset[0, 0, seed][side] for seed in range(30) for side in ("anchor", "positive")]
    assert max(view.count("N") for view in views) <= 50
    assert dataset[1, 1, 0]["anchor"].count("N") >= 490  # where all is unknown, the least unknown


def test_short_records_give_windows_of_half_their_length_or_are_left_out_and_counted(fasta_of):
    sequences = {f"r{length} species=Aa s{length}": dna(length) for length in (999, 1000, 3001, 90_000)}
    dataset = FragmentDataset(load_genomes([fasta_of(sequences)]))
    assert dataset.left_out == 1 and dataset.bp.tolist() == [1000, 3001, 90_000]
    assert dataset.lengths.tolist() == [500, 1500, 10_000]
    assert [len(dataset[row, row, 0]["anchor"]) for row in range(3)] == [500, 1500, 10_000]
    assert dataset.pairs == 1 + 1 + 9
    with pytest.raises(ValueError, match="none of the 4 records has the 1,000 bp that two windows need; lower"):
        FragmentDataset(load_genomes([fasta_of({f"r{n}": dna(900) for n in range(4)}, "short.fa")]), (600, 600))
    with pytest.raises(ValueError, match="--fragment_length 5 4; give 1 <= shortest"):
        FragmentDataset(load_genomes([fasta_of(sequences)]), (5, 4))


def test_shares_are_even_up_to_the_capacities():
    rng = np.random.default_rng(0)
    assert even_shares(12, np.array([9, 0, 2, 9]), rng).tolist() == [5, 0, 2, 5]
    assert even_shares(20, np.array([9, 0, 2, 9]), rng).tolist() == [9, 0, 2, 9]
    drawn = np.array([even_shares(3, np.full(8, 5), rng) for _ in range(400)])
    assert (drawn.sum(1) == 3).all() and drawn.max() == 1 and drawn.mean(0).min() > 0.25  # not always the first
    for _ in range(50):
        capacities = rng.integers(0, 20, 7)
        total = int(rng.integers(capacities.sum() + 1))
        shares = even_shares(total, capacities, rng)
        assert shares.sum() == total and (shares <= capacities).all()
        level = shares.max(initial=0)
        assert ((shares >= level - 1) | (shares == capacities)).all()  # who gives less gives all


def test_kingdoms_give_equal_shares_as_far_as_their_windows_reach(fasta_of):
    sequences = {f"b{n} species=Bb s{n} domain=Bacteria": dna(20_000) for n in range(8)}
    sequences |= {"f0 species=Ff a kingdom=Fungi": dna(30_000), "f1 species=Ff b kingdom=Fungi": dna(90_000)}
    sequences |= {f"v{n} species=Vv s{n} domain=Viruses": dna(1200) for n in range(5)}
    records = load_genomes([fasta_of(sequences)])
    dataset = FragmentDataset(records, (1000, 1000))  # windows: 160 bacterial, 120 fungal, 5 viral
    assert dataset.pairs == 95 + 95 + 5
    rows = dataset.sample_rows(np.random.default_rng(0))
    assert [int(np.isin(rows, part).sum()) for part in (range(8), range(8, 10), range(10, 15))] == [95, 95, 5]
    assert np.bincount(rows, minlength=15)[8:10].tolist() == [30, 65]  # Ff a has no more than 30 windows
    assert np.ptp(np.bincount(rows)[:8]) <= 1
    few = FragmentDataset(records, (1000, 1000), pairs=30)
    assert len(few.sample_rows(np.random.default_rng(0))) == 30
    assert FragmentDataset(records, (1000, 1000), pairs=10**6).pairs == 285


def test_labels_come_from_the_index_of_a_folder(folder):
    records = load_genomes([str(folder)], split="train")
    assert [(row["id"], row["species"], row["genus"], row["domain"], row["length"]) for row in records] == [
        ("g1_0", "Aa bb", "Aa", "Bacteria", 3000),
        ("g1_1", "Aa bb", "Aa", "Bacteria", 3000),
        ("g2_0", "Cc dd", "Cc", "Archaea", 3000),
    ]
    assert load_genomes([str(folder)])["species"][3] == "g3"  # no species: a genome of its own
    dataset = FragmentDataset(records, (500, 500))
    assert dataset.species.tolist() == [0, 0, 1]
    assert dataset[1, 1, 0]["anchor"] in dna(3000, 1)
    with pytest.raises(ValueError, match="no record has the split 'valid'"):
        load_genomes([str(folder)], split="valid")
    (folder / "g2.fa.gz").unlink()
    with pytest.raises(ValueError, match=r"index\.tsv:3: 0 files for genome 'g2'"):
        load_genomes([str(folder)])


def test_labels_come_from_headers(folder, fasta_of):
    (folder / "index.tsv").unlink()
    assert len(load_genomes([str(folder)])) == 4  # the folder stands for its files
    assert labels_of_header("x superkingdom=Viruses species=Aa_bb split=test") == {
        "species": "Aa bb",
        "genus": "Aa",
        "domain": "Viruses",
        "split": "test",
    }
    labelled = fasta_of({"a species=Aa a split=train": dna(2000), "b species=Aa b split=test": dna(2000)})
    assert list(load_genomes([labelled], split="test")["id"]) == ["b"]
    with pytest.warns(UserWarning, match="2 records have no species and count as a genome each"):
        FragmentDataset(load_genomes([fasta_of({"a": dna(2000), "b": dna(2000)})]), (500, 500))


def test_what_is_no_genome_is_refused(tmp_path):
    (tmp_path / "a.tsv").write_text("id\tsequence\nx\tACGT\n")
    with pytest.raises(ValueError, match="takes FASTA files"):
        load_genomes([str(tmp_path / "a.tsv")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"neither index\.tsv nor FASTA files"):
        load_genomes([str(tmp_path / "empty")])
    (tmp_path / "empty" / "index.tsv").write_text("name\n")
    with pytest.raises(ValueError, match="columns genome_id and species are needed"):
        load_genomes([str(tmp_path / "empty")])


def test_fragments_serve_sampler_validation_and_held_out_species(fasta_of):
    sequences = {f"r{n} species=G{'abcd'[n // 6]} s{n // 2}": dna(2000, n) for n in range(24)}
    training, validation = hold_out(load_genomes([fasta_of(sequences)]), fraction=0.25, seed=0)
    assert not set(training["species"]) & set(validation["species"])
    assert len(FixedPairs(FragmentDataset(validation, (400, 400)), "same_record_fragments", 5, seed=0)) == 5
    dataset = FragmentDataset(training, (400, 400))
    indices = list(PairSampler(dataset, "same_record_fragments", batch_size=3, seed=0))
    assert all(anchor == positive for anchor, positive, _ in indices)
    for index in indices[:6]:
        pair = dataset[index]
        assert pair["species"] == dataset.species[index[0]]
        assert pair["anchor"] != pair["positive"]
        assert {pair["anchor"], pair["positive"]} <= windows_of(training_sequence(training, sequences, index[0]), 400)


def windows_of(sequence, length):
    return {sequence[start : start + length] for start in range(len(sequence) - length + 1)}


def training_sequence(records, sequences, row):
    return {header.split()[0]: bases for header, bases in sequences.items()}[records["id"][row]]


def test_workers_read_the_same_windows(folder):
    """Each worker opens the files anew, also after the parent has read from them."""
    dataset = FragmentDataset(load_genomes([str(folder)]), (500, 500))
    order = list(PairSampler(dataset, "same_record_fragments", batch_size=2, seed=0))
    alone = [dataset[index] for index in order]
    loader = DataLoader(dataset, batch_size=2, sampler=order, collate_fn=list, num_workers=2)
    assert [pair for batch in loader for pair in batch] == alone
