"""Pairs: every record once an epoch, the same under one seed, and no species twice in a batch unless it must be."""

import itertools
import tracemalloc

import numpy as np
import pytest
import torch
from accelerate.data_loader import prepare_data_loader, skip_first_batches
from datasets import Dataset
from torch.utils.data import DataLoader

from modeling_dnacse.loading.checkpoints import load_tokenizer
from modeling_dnacse.reading.sequences import reverse_complement
from tests.support.families import random_families
from trainer.pairing.batches import arrange
from trainer.pairing.collator import PairCollator
from trainer.pairing.epoch_pairs import pair_within
from trainer.pairing.pairs import NO_GENUS, FixedPairs, PairDataset, PairSampler
from trainer.pairing.views import Views
from trainer.records.record_arrays import distinct_rows, sequence_lengths, species_numbers
from trainer.records.records import hold_out


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
    pairs = pair_within(species, np.random.default_rng(0))
    assert len(pairs) == 2 + 3 + 1 + 1
    assert set(pairs.ravel()) == set(range(12))
    assert np.array_equal(species[pairs[:, 0]], species[pairs[:, 1]])
    alone = pairs[species[pairs[:, 0]] == 2]
    assert alone.tolist() == [[9, 9]]  # the only record of its species, with itself
    assert all(a != b for a, b in pairs[species[pairs[:, 0]] != 2])


def test_pairs_of_a_genus_are_of_any_of_its_species():
    genus = ["A", "A", "B", "B", "B", "B"]
    table = Dataset.from_dict({"sequence": ["ACGT"] * 6, "species": [f"{g} {n}" for n, g in enumerate(genus)]})
    dataset = PairDataset(table.add_column("genus", genus), pairing="same_genus")
    pairs = list(PairSampler(dataset, "same_genus", batch_size=3, seed=0))
    assert sorted(genus[anchor] + genus[positive] for anchor, positive, _ in pairs) == ["AA", "BB", "BB"]
    with pytest.raises(ValueError, match="no genus of the training data has two records"):
        PairSampler(PairDataset(table.add_column("genus", list("ABCDEF")), pairing="same_genus"), "same_genus", 3, 0)


@pytest.mark.parametrize("pairing", ["identical", "reverse_complement", "mutated"])
def test_a_record_is_paired_with_itself_once_an_epoch_whatever_its_copies(pairing):
    """A copy of a sequence, or of its other strand, would be a negative of its own positive."""
    sequences = ["AACC", "GGTT", "ACGA", "AACC", "ACGA", "TTTC"]
    table = Dataset.from_dict({"sequence": sequences, "species": ["", "", "", "Genus b", "", "Genus c"]})
    assert distinct_rows(table).tolist() == [2, 3, 5]  # of copies the labelled one
    dataset = PairDataset(table, pairing=pairing)
    pairs = list(PairSampler(dataset, pairing, batch_size=3, seed=0))
    assert sorted((anchor, positive) for anchor, positive, _ in pairs) == [(2, 2), (3, 3), (5, 5)]
    for pair in (dataset[index] for index in pairs):
        expected = reverse_complement(pair["anchor"]) if pairing == "reverse_complement" else pair["anchor"]
        assert pair["positive"] == expected


def test_errors_of_mutated_pairs_are_the_positives_alone():
    table = records([1] * 20, lengths=(500, 501))
    dataset = PairDataset(table, Views(substitution_rate=0.02), pairing="mutated")
    pairs = [dataset[row, row, 7 * row] for row in range(20)]
    assert [pair["anchor"] for pair in pairs] == list(table["sequence"])
    assert all(pair["positive"] != pair["anchor"] for pair in pairs)
    both = PairDataset(table, Views(substitution_rate=0.1))[3, 3, 0]
    assert len({table["sequence"][3], both["anchor"], both["positive"]}) == 3


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
            assert len({dataset.species[anchor] for anchor, _, _ in batch}) == 4


def test_a_species_too_large_to_be_kept_apart_is_spread_evenly():
    dataset = PairDataset(records([60, 10, 10, 10]))  # 30 + 15 pairs in 11 batches of 4
    for batch in batches_of(PairSampler(dataset, "same_species", batch_size=4, seed=0)):
        assert 2 <= sum(dataset.species[anchor] == 0 for anchor, _, _ in batch) <= 3


def test_batches_hold_similar_lengths():
    rng = np.random.default_rng(0)
    lengths, species = rng.integers(200, 1600, 4096), np.arange(4096)
    order = arrange(lengths, species, 16, rng)  # (batches, 16)
    assert sorted(order.ravel()) == list(range(4096))
    padded = lengths[order].max(1).sum() * 16
    unsorted = lengths.reshape(-1, 16).max(1).sum() * 16
    assert padded / lengths.sum() < 1.12 < unsorted / lengths.sum()


def test_a_piled_up_species_does_not_undo_the_sorting():
    """One species with more pairs than half of the batches once left every batch with all lengths."""
    rng = np.random.default_rng(0)
    lengths, species = rng.integers(200, 1600, 4096), np.arange(4096)
    lengths[:90], species[:90] = 650, 0
    order = arrange(lengths, species, 32, rng)  # 128 batches
    assert lengths[order].max(1).sum() * 32 / lengths.sum() < 1.3
    assert (32 - np.array([len(np.unique(row)) for row in species[order]])).sum() < 0.02 * 4096


def test_records_without_species_are_each_their_own():
    assert species_numbers(["b", "", "a", "b", ""]).tolist() == [1, 2, 0, 1, 3]
    assert species_numbers(["", ""]).tolist() == [0, 1]
    assert species_numbers([]).tolist() == []


def test_a_pair_carries_its_sequences():
    table = records([2, 2])
    pair = PairDataset(table)[2, 3, 0]
    assert pair == {"anchor": table["sequence"][2], "positive": table["sequence"][3], "species": 1, "genus": NO_GENUS}


def test_lengths_follow_a_selection_of_rows_and_expect_crops():
    table = records([2] * 10)
    chosen = table.select([7, 3, 5])
    assert sequence_lengths(chosen).tolist() == [len(sequence) for sequence in chosen["sequence"]]
    assert PairDataset(table, Views(crop=(20, 30))).lengths.tolist() == [25] * 20


def test_the_only_records_of_their_species_can_be_left_out():
    dataset = PairDataset(records([1] * 20 + [3] * 5))
    kept, dropped = (PairSampler(dataset, "same_species", 2, seed=0, singletons=kind) for kind in ("keep", "drop"))
    assert (len(kept), kept.alone, len(dropped), dropped.alone) == (30, 20, 10, 0)
    assert all(anchor != positive for anchor, positive, _ in dropped)


@pytest.fixture(scope="module")
def pipeline(tiny_folder):
    """A function from the number of workers to the batches that a loader gives."""
    families = random_families(seed=0)
    table = Dataset.from_dict(
        {"species": [header.split("=")[1] for header in families], "sequence": list(families.values())}
    )
    dataset = PairDataset(table, Views(crop=(30, 60), strand="random", substitution_rate=0.05, insertion_rate=0.01))
    collate = PairCollator(load_tokenizer(str(tiny_folder)), max_length=64)

    def loader(workers=0):
        sampler = PairSampler(dataset, "same_species", batch_size=4, seed=3)
        return prepare_data_loader(
            DataLoader(dataset, batch_size=4, sampler=sampler, collate_fn=collate, num_workers=workers)
        )

    return loader


def test_workers_give_the_same_batches(pipeline):
    def flat(batches):
        return [torch.cat([batch["anchors"]["input_ids"].ravel(), batch["species"]]) for batch in batches]

    alone, workers = flat(pipeline(0)), flat(pipeline(2))
    assert len(alone) == 6 and all(torch.equal(*both) for both in zip(alone, workers, strict=True))


def test_a_batch_holds_both_sides_and_their_species(pipeline):
    batch = next(iter(pipeline()))
    assert set(batch) == {"anchors", "positives", "species", "genus"}
    assert set(batch["anchors"]) == set(batch["positives"]) == {"input_ids", "attention_mask"}
    assert batch["species"].shape == batch["genus"].shape == (4,)


def test_an_epoch_can_be_resumed_in_its_middle(pipeline):
    """As Trainer does: the epoch set, the batches already seen skipped."""
    whole, rest = pipeline(), skip_first_batches(pipeline(), 4)
    whole.set_epoch(2)
    rest.set_epoch(2)
    expected = [batch["positives"]["input_ids"] for batch in whole][4:]
    resumed = [batch["positives"]["input_ids"] for batch in rest]
    assert len(resumed) == 2 and all(torch.equal(*both) for both in zip(resumed, expected, strict=True))


def test_the_sampler_needs_no_more_memory_than_it_says():
    class Source:
        species = np.arange(40_000) // 2
        genus = species // 2
        lengths = np.full(40_000, 650)

    sampler = PairSampler(Source(), "same_species", batch_size=50, seed=0)
    tracemalloc.start()
    pairs = iter(sampler)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(sampler) == 20_000 and next(pairs)
    assert kept / len(sampler) < 26 and peak / len(sampler) < 160


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
    noisy = FixedPairs(PairDataset(dataset.records, Views(substitution_rate=0.5)), "same_species", limit=7, seed=0)
    assert noisy[0] == noisy[0] and noisy[0]["anchor"] != fixed[0]["anchor"]
    many = FixedPairs(PairDataset(records([2] * 300)), "same_species", limit=100, seed=0)
    assert len(many) == 100 and many.pairs.max() > 500  # from all over the file, not its first species
    assert np.array_equal(fixed.pairs, FixedPairs(dataset, "same_species", limit=7, seed=0).pairs)
    with pytest.raises(ValueError, match="a species needs two records"):
        FixedPairs(PairDataset(records([1] * 20)), "same_species", limit=7, seed=0)


def test_validation_pairs_of_one_species_are_refused():
    """They are no negatives of each other, so recall@1 was 1 and the loss 0 whatever the model."""
    with pytest.raises(ValueError, match="all 4 validation pairs are of one species, which tells nothing"):
        FixedPairs(PairDataset(records([8, 1])), "same_species", limit=7, seed=0)


def test_held_out_species_have_pairs_of_two_species_if_any_have():
    sizes = [1] * 40 + [4, 3, 5, 2]
    for seed in range(8):
        training, validation = hold_out(records(sizes), fraction=0.05, seed=seed)
        assert len(set(validation["species"])) == 2
        assert sorted(map(validation["species"].count, set(validation["species"])))[0] > 1
        assert not set(training["species"]) & set(validation["species"])


def test_held_out_species_are_never_trained_on():
    training, validation = hold_out(records([3] * 40), fraction=0.1, seed=0)
    assert len(set(validation["species"])) == 4
    assert not set(training["species"]) & set(validation["species"])
    assert len(training) + len(validation) == 120


def test_two_species_leave_nothing_to_train_on():
    """The message tells labelled data of too few species from unlabelled ones."""
    with pytest.raises(ValueError, match="hold 2 species, of which validation takes 2, .* --validation_fraction 0"):
        hold_out(records([3, 3]), fraction=0.5, seed=0)
