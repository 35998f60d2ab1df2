"""Which records are paired, and which pairs share a batch. Labelled records in, pairs of sequences out.

An epoch uses every record once: `same_species` cuts each species, shuffled anew, into disjoint pairs (an odd record
out gets a random partner; the only record of a species is paired with itself: its views differ by dropout, if at all,
and it serves as a negative); `identical` pairs each record with itself. All randomness is (seed, epoch), and the
sampler hands out the pairs themselves, so workers, resumed runs and repeated runs see the same ones.

Batches hold sequences of similar length, to pad little, and no species twice, which would make a positive a negative.
Sorting by length is therefore refined only as far as the species can still be kept apart.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, TypedDict

import numpy as np
from datasets import Dataset as Records
from torch.utils.data import Dataset, Sampler

Pairing = Literal["same_species", "identical"]
FINEST_BATCHES = 8  # batches drawn from one stratum of length: fewer would repeat the same neighbours each epoch


class Pair(TypedDict):
    """Two views of one species; `species` is a number, unique to the record where no species is known."""

    anchor: str
    positive: str
    species: int


class PairDataset(Dataset[Pair]):
    """Labelled records, indexed by (anchor row, positive row)."""

    def __init__(self, records: Records) -> None:
        """Number the species of `records`, a data set with columns sequence and species."""
        self.records = records
        self.species = species_numbers(records["species"])  # (records,)
        self.lengths = np.array([len(sequence) for sequence in records["sequence"]])  # (records,) bp

    def __len__(self) -> int:
        """Number of records."""
        return len(self.records)

    def __getitem__(self, rows: tuple[int, int]) -> Pair:
        """The pair of two rows."""
        anchor, positive = rows
        sequence = self.records[int(anchor)]["sequence"]
        return Pair(
            anchor=sequence,
            positive=sequence if anchor == positive else self.records[int(positive)]["sequence"],
            species=int(self.species[anchor]),
        )


class FixedPairs(Dataset[Pair]):
    """Pairs drawn once, for validation: the same ones at every evaluation."""

    def __init__(self, dataset: PairDataset, pairing: Pairing, limit: int, seed: int) -> None:
        """Draw at most `limit` pairs; a record paired with itself says nothing about species, so those are left out.

        Raises:
            ValueError: no species has two records.
        """
        rng = np.random.default_rng(seed)
        pairs = rng.permutation(draw_pairs(dataset.species, pairing, rng))  # they come sorted by species
        if pairing == "same_species":
            pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        if len(pairs) < 2:
            raise ValueError(
                f"the validation data give {len(pairs)} pairs and need 2 or more: a species needs two records to be a "
                "pair; give other data with --validation_file, or none with --validation_fraction 0"
            )
        self.dataset, self.pairs = dataset, pairs[:limit]

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.pairs)

    def __getitem__(self, index: int) -> Pair:
        """The pair at `index`."""
        anchor, positive = self.pairs[index]
        return self.dataset[anchor, positive]


class PairSampler(Sampler[tuple[int, int]]):
    """Pairs of an epoch, ordered so that each next `batch_size` make a batch; what fills no batch is dropped.

    `alone` counts the pairs of an epoch that are a record with itself.
    """

    def __init__(self, dataset: PairDataset, pairing: Pairing, batch_size: int, seed: int) -> None:
        """Prepare the draw.

        Raises:
            ValueError: the data have fewer than two species, no two records of one, or fewer pairs than one batch.
        """
        self.pairing: Pairing = pairing
        self.dataset, self.batch_size, self.seed, self.epoch = dataset, batch_size, seed, 0
        species = len(np.unique(dataset.species))
        if species < 2:
            raise ValueError(
                f"the training data hold {species} species; contrast needs two or more: add records of other species"
                + (", or label them (species=Genus epithet in the header)" if pairing == "same_species" else "")
            )
        pairs = draw_pairs(dataset.species, pairing, np.random.default_rng(seed))
        self.alone = int((pairs[:, 0] == pairs[:, 1]).sum())
        if pairing == "same_species" and self.alone == len(pairs):
            raise ValueError(
                "no species of the training data has two records, so no pair says what a species shares; label the "
                "records (species=Genus epithet in the header), add some, or train with --pairing identical"
            )
        self.batches = len(pairs) // batch_size
        if not self.batches:
            raise ValueError(
                f"the training data give fewer pairs than one batch of {batch_size}; "
                "lower --per_device_train_batch_size"
            )

    def set_epoch(self, epoch: int) -> None:
        """Draw the pairs of another epoch from now on."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Pairs of an epoch; the same in each."""
        return self.batches * self.batch_size

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Draw, arrange, hand out."""
        rng = np.random.default_rng((self.seed, self.epoch))
        pairs = rng.permutation(draw_pairs(self.dataset.species, self.pairing, rng))[: len(self)]
        lengths = self.dataset.lengths[pairs].sum(1)
        order = arrange(lengths, self.dataset.species[pairs[:, 0]], self.batch_size, rng)
        return ((int(anchor), int(positive)) for anchor, positive in pairs[order])


def species_numbers(names: Sequence[str]) -> np.ndarray:
    """Number the species; each record without one gets a number of its own.

    >>> species_numbers(["b", "", "a", "b", ""])
    array([1, 2, 0, 1, 3])
    """
    known = np.array([bool(name) for name in names], dtype=bool)
    _, numbers = np.unique(np.asarray(names, dtype=object)[known].astype(str), return_inverse=True)
    result = np.empty(len(known), dtype=np.int64)
    result[known] = numbers
    result[~known] = np.arange((~known).sum()) + (numbers.max() + 1 if len(numbers) else 0)
    return result


def draw_pairs(species: np.ndarray, pairing: Pairing, rng: np.random.Generator) -> np.ndarray:
    """Pair the records of `species` (n,) for one epoch: rows (pairs, 2)."""
    if pairing == "identical":
        return np.repeat(np.arange(len(species))[:, None], 2, axis=1)
    order = rng.permutation(len(species))
    order = order[np.argsort(species[order], kind="stable")]  # grouped by species, shuffled within
    _, start, group, size = np.unique(species[order], return_index=True, return_inverse=True, return_counts=True)
    rank = np.arange(len(order)) - start[group]  # place within the species
    size = size[group]
    anchors = np.flatnonzero(rank % 2 == 0)
    random_earlier = start[group[anchors]] + (rng.random(len(anchors)) * np.maximum(rank[anchors], 1)).astype(int)
    positives = np.where(rank[anchors] + 1 < size[anchors], anchors + 1, random_earlier)
    return np.stack([order[anchors], order[np.minimum(positives, len(order) - 1)]], axis=1)


def arrange(lengths: np.ndarray, species: np.ndarray, batch_size: int, rng: np.random.Generator) -> np.ndarray:
    """Order pairs so that each run of `batch_size` is a batch of similar lengths with no species twice.

    Args:
        lengths: (pairs,), a multiple of `batch_size`.
        species: (pairs,).

    Returns:
        (pairs,) a permutation. A species with more pairs than there are batches cannot be kept apart and is spread
            evenly.
    """
    by_length = np.argsort(lengths * rng.uniform(0.95, 1.05, len(lengths)), kind="stable")
    batches = np.concatenate([deal(part, species, batch_size, rng) for part in strata(by_length, species, batch_size)])
    return rng.permutation(batches).reshape(-1)  # whole batches change places


def strata(order: np.ndarray, species: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Halve `order` again and again, as long as each half can keep its species apart."""
    batches = len(order) // batch_size
    halves = np.split(order, [batches // 2 * batch_size])
    if batches < 2 * FINEST_BATCHES or any(crowded(half, species, batch_size) for half in halves):
        return [order]
    return [part for half in halves for part in strata(half, species, batch_size)]


def crowded(order: np.ndarray, species: np.ndarray, batch_size: int) -> bool:
    """Whether some species has more pairs in `order` than there are batches."""
    return np.unique(species[order], return_counts=True)[1].max() > len(order) // batch_size


def deal(order: np.ndarray, species: np.ndarray, batch_size: int, rng: np.random.Generator) -> np.ndarray:
    """Deal the pairs, species by species, round robin to the batches: (batches, batch size)."""
    shuffled = rng.permutation(order)
    grouped = shuffled[np.argsort(species[shuffled], kind="stable")]
    return rng.permuted(grouped.reshape(batch_size, -1).T, axis=1)
