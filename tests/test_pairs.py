"""Pairs: every record once an epoch, the same under one seed, and no species twice in a batch unless it must be."""

import itertools

import numpy as np
import pytest
from datasets import Dataset

from trainer.pairs import FixedPairs, PairDataset, PairSampler, arrange, draw_pairs, species_numbers
from trainer.records import hold_out


def records(sizes, lengths=(100, 700), seed=0):
    rng = np.random.default_rng(seed)
    names = list(itertools.chain.from_iterable([f"Genus s{i}"] * size for i, size in enumerate(sizes)))
    return Dataset.from_dict(
        {"species": names, "sequence": ["".join(rng.choice(list("ACGT"), rng.integers(*lengths))) for _ in names]}
    )


def batches_of(sampler):
    pairs = list(sampler)
    return [pairs[start : start + sampler.batch_size] for start in range(0, len(pairs), sampler.batch_size)]


def test_an_epoch_uses_every_record_and_pairs_within_species():
    species = np.repeat([0, 1, 2, 3], [4, 5, 1, 2])
    pairs = draw_pairs(species, "same_species", np.random.default_rng(0))
    assert len(pairs) == 2 + 3 + 1 + 1
    assert set(pairs.ravel()) == set(range(12))
    assert np.array_equal(species[pairs[:, 0]], species[pairs[:, 1]])
    alone = pairs[species[pairs[:, 0]] == 2]
    assert alone.tolist() == [[9, 9]]  # the only record of its species, with itself
    assert all(a != b for a, b in pairs[species[pairs[:, 0]] != 2])


def test_identical_pairs_are_each_record_with_itself():
    pairs = draw_pairs(np.array([0, 0, 1]), "identical", np.random.default_rng(0))
    assert pairs.tolist() == [[0, 0], [1, 1], [2, 2]]


def test_epochs_differ_and_a_seed_repeats_them():
    dataset = PairDataset(records([5] * 8))
    sampler = PairSampler(dataset, "same_species", batch_size=4, seed=3)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    assert sorted(first) != sorted(second)
    again = PairSampler(dataset, "same_species", batch_size=4, seed=3)
    again.set_epoch(1)
    assert list(again) == second
    assert list(PairSampler(dataset, "same_species", batch_size=4, seed=4)) != first


@pytest.mark.parametrize("sizes", [[2] * 64, [40, 30] + [3] * 60, [1] * 50 + [8] * 10])
def test_no_species_twice_in_a_batch(sizes):
    dataset = PairDataset(records(sizes))
    sampler = PairSampler(dataset, "same_species", batch_size=4, seed=0)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        for batch in batches_of(sampler):
            assert len({dataset.species[anchor] for anchor, _ in batch}) == 4


def test_a_species_too_large_to_be_kept_apart_is_spread_evenly():
    dataset = PairDataset(records([60, 10, 10, 10]))  # 30 + 15 pairs in 11 batches of 4
    for batch in batches_of(PairSampler(dataset, "same_species", batch_size=4, seed=0)):
        assert 2 <= sum(dataset.species[anchor] == 0 for anchor, _ in batch) <= 3


def test_batches_hold_similar_lengths():
    rng = np.random.default_rng(0)
    lengths, species = rng.integers(200, 1600, 4096), np.arange(4096)
    order = arrange(lengths, species, 16, rng)
    assert sorted(order) == list(range(4096))
    padded = lengths[order].reshape(-1, 16).max(1).sum() * 16
    unsorted = lengths.reshape(-1, 16).max(1).sum() * 16
    assert padded / lengths.sum() < 1.12 < unsorted / lengths.sum()


def test_records_without_species_are_each_their_own():
    assert species_numbers(["b", "", "a", "b", ""]).tolist() == [1, 2, 0, 1, 3]
    assert species_numbers(["", ""]).tolist() == [0, 1]


def test_a_pair_carries_its_sequences():
    table = records([2, 2])
    pair = PairDataset(table)[2, 3]
    assert pair == {"anchor": table["sequence"][2], "positive": table["sequence"][3], "species": 1}


@pytest.mark.parametrize(
    ("sizes", "batch", "message"),
    [([9], 2, "hold 1 species.*add records of other species"), ([2, 2], 4, "fewer pairs than one batch of 4; lower")],
)
def test_data_that_cannot_be_contrasted_are_refused(sizes, batch, message):
    with pytest.raises(ValueError, match=message):
        PairSampler(PairDataset(records(sizes)), "same_species", batch, seed=0)


def test_validation_pairs_are_fixed_and_never_a_record_with_itself():
    dataset = PairDataset(records([1] * 20 + [3] * 5))
    fixed = FixedPairs(dataset, "same_species", limit=7, seed=0)
    assert len(fixed) == 7
    assert all(pair["anchor"] != pair["positive"] for pair in (fixed[i] for i in range(7)))
    many = FixedPairs(PairDataset(records([2] * 300)), "same_species", limit=100, seed=0)
    assert len(many) == 100 and many.pairs.max() > 500  # from all over the file, not its first species
    assert np.array_equal(fixed.pairs, FixedPairs(dataset, "same_species", limit=7, seed=0).pairs)
    with pytest.raises(ValueError, match="a species needs two records"):
        FixedPairs(PairDataset(records([1] * 20)), "same_species", limit=7, seed=0)


def test_held_out_species_are_never_trained_on():
    training, validation = hold_out(records([3] * 40), fraction=0.1, seed=0)
    assert len(set(validation["species"])) == 4
    assert not set(training["species"]) & set(validation["species"])
    assert len(training) + len(validation) == 120


def test_two_species_leave_nothing_to_train_on():
    """Both are held out; what follows is the sampler's sentence, not an IndexError."""
    training, validation = hold_out(records([3, 3]), fraction=0.5, seed=0)
    assert (len(training), len(validation)) == (0, 6)
    with pytest.raises(ValueError, match="hold 0 species"):
        PairSampler(PairDataset(training), "same_species", batch_size=2, seed=0)
