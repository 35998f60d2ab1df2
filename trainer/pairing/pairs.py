"""Pairs of views of labelled records, and the order in which an epoch goes through them.

What makes a pair (`Pairing`):
- same_species: each species, shuffled anew every epoch, is cut into disjoint pairs; an odd record out gets a random
  partner; the only record of a species is paired with itself, or left out (`singletons`);
- same_record_fragments: two windows of one genome, which trainer/pairing/genome_fragments.py makes;
- identical, reverse_complement, mutated: each record with itself, once an epoch however many copies of it there are;
  the positive is the sequence, its reverse complement, or the sequence with errors.

All randomness is (seed, epoch): the sampler hands out both rows of a pair and a seed of its views, so that workers,
processes, resumed and repeated runs see the same pairs. The rows of a batch that share a number in `species` are no
negatives of each other; a batch holds few such rows (trainer/pairing/batches.py).
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Literal, Protocol, TypedDict

import numpy as np
from datasets import Dataset as Records
from torch.utils.data import Dataset, Sampler

from trainer.pairing.batches import arrange
from trainer.pairing.epoch_pairs import pair_within
from trainer.pairing.views import Pairing, Views, views_of_sides
from trainer.records.record_arrays import distinct_rows, label_column, sequence_lengths, species_numbers

Singletons = Literal["keep", "drop"]
PairIndex = tuple[int, int, int]  # row of the anchor, row of the positive, seed of their views


class Pair(TypedDict):
    """Two views. Rows with the same `species` are no negatives of each other; an unknown one has its own number."""

    anchor: str
    positive: str
    species: int


class PairSource(Protocol):
    """What the sampler and validation need: PairDataset and genome_fragments.FragmentDataset have it."""

    species: np.ndarray  # (records,) numbers from 0 on
    lengths: np.ndarray  # (records,) bp that a view of the record is expected to have

    def draw_rows(self, rng: np.random.Generator) -> np.ndarray:
        """The rows of an epoch's pairs of a record with itself: (pairs,), as many in each epoch."""
        ...

    def __getitem__(self, index: PairIndex) -> Pair:
        """The pair of two rows, its views made from the seed."""
        ...


class PairDataset(Dataset[Pair]):
    """Labelled records, indexed by (anchor row, positive row, seed)."""

    def __init__(self, records: Records, views: Views = Views(), pairing: Pairing = "same_species") -> None:  # noqa: B008 frozen
        """Number the labels and measure the sequences.

        Args:
            records: Columns sequence and species.
            views: How views differ from their sequences.
            pairing: What the positive is.

        Raises:
            ValueError: pairing and views, or pairing and data, contradict each other.
        """
        self.anchor_views, self.positive_views = views_of_sides(views, pairing)
        self.records = records
        self.sequences = records.select_columns(["sequence"])
        self.species = species_numbers(label_column(records, "species"))
        self.lengths = views.expected_lengths(sequence_lengths(records))

    def __len__(self) -> int:
        """Number of records."""
        return len(self.records)

    def __getitem__(self, index: PairIndex) -> Pair:
        """The pair of two rows, its views made from the seed."""
        anchor_row, positive_row, seed = index
        rng = np.random.default_rng(seed)
        anchor = self.sequences[int(anchor_row)]["sequence"]
        positive = anchor if anchor_row == positive_row else self.sequences[int(positive_row)]["sequence"]
        return Pair(
            anchor=self.anchor_views(anchor, rng),
            positive=self.positive_views(positive, rng),
            species=int(self.species[anchor_row]),
        )

    @cached_property
    def distinct(self) -> np.ndarray:
        """The rows without copies of a sequence."""
        return distinct_rows(self.records)

    def draw_rows(self, rng: np.random.Generator) -> np.ndarray:  # noqa: D102 PairSource says it
        return self.distinct


def draw_pairs(dataset: PairSource, pairing: Pairing, rng: np.random.Generator) -> np.ndarray:
    """Pair the records for one epoch: (pairs, 2) rows, as many in each epoch."""
    if pairing == "same_species":
        return pair_within(dataset.species, rng)
    return np.repeat(dataset.draw_rows(rng)[:, None], 2, axis=1)


class FixedPairs(Dataset[Pair]):
    """Pairs and views drawn once, for validation: the same ones at every evaluation."""

    def __init__(self, dataset: PairSource, pairing: Pairing, limit: int, seed: int) -> None:
        """Draw at most `limit` pairs; a record paired with itself says nothing about species, so those are left out.

        Raises:
            ValueError: there are fewer than two pairs.
        """
        rng = np.random.default_rng(seed)
        pairs = rng.permutation(draw_pairs(dataset, pairing, rng))  # they come sorted by species
        if pairing == "same_species":
            pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        if len(pairs) < 2:
            raise ValueError(
                f"the validation data give {len(pairs)} pairs and need 2 or more"
                + (": a species needs two records to be a pair" if pairing == "same_species" else "")
                + "; give other data with --validation_file, or none with --validation_fraction 0"
            )
        self.dataset, self.pairs = dataset, pairs[:limit]
        self.seeds = rng.integers(2**63, size=len(self.pairs))

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.pairs)

    def __getitem__(self, index: int) -> Pair:
        """The pair at `index`."""
        anchor, positive = self.pairs[index].tolist()
        return self.dataset[anchor, positive, int(self.seeds[index])]


class PairSampler(Sampler[PairIndex]):
    """Pairs of an epoch, ordered so that each next `batch_size` make a batch; what fills no batch is dropped.

    Memory is 24 bytes a pair while an epoch goes on and about 150 while it is drawn. Each epoch has as many `batches`;
    `alone` of its pairs are the only record of a species.
    """

    def __init__(
        self,
        dataset: PairSource,
        pairing: Pairing,
        batch_size: int,
        seed: int,
        singletons: Singletons = "keep",
    ) -> None:
        """Prepare the draw.

        Args:
            dataset: What the rows are rows of.
            pairing: What makes a pair.
            batch_size: Pairs whose features meet in one loss: those of all processes together.
            seed: Of all epochs.
            singletons: "drop" leaves out the pairs of a record with itself under same_species.

        Raises:
            ValueError: the data have fewer than two species, no two records of one, or fewer pairs than one batch.
        """
        self.pairing: Pairing = pairing
        self.singletons: Singletons = singletons
        self.dataset, self.batch_size, self.seed, self.epoch = dataset, batch_size, seed, 0
        species = len(np.unique(dataset.species))
        if species < 2:
            raise ValueError(
                f"the training data hold {species} species; contrast needs two or more: add records of other species"
                + (", or label them (species=Genus epithet in the header)" if pairing == "same_species" else "")
            )
        pairs = draw_pairs(dataset, pairing, np.random.default_rng(seed))
        alone = int((pairs[:, 0] == pairs[:, 1]).sum()) if pairing == "same_species" else 0
        if alone == len(pairs):
            raise ValueError(
                "no species of the training data has two records, so no pair says what a species shares; label the "
                "records (species=Genus epithet in the header), add some, or train with --pairing identical"
            )
        self.alone = alone if singletons == "keep" else 0
        self.batches = (len(pairs) - (alone - self.alone)) // batch_size
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

    def __iter__(self) -> Iterator[PairIndex]:
        """Draw, arrange, hand out."""
        rng = np.random.default_rng((self.seed, self.epoch))
        pairs = draw_pairs(self.dataset, self.pairing, rng)
        if self.pairing == "same_species" and self.singletons == "drop":
            pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        pairs = rng.permutation(pairs)[: len(self)]
        batches = arrange(self.dataset.lengths[pairs].sum(1), self.dataset.species[pairs[:, 0]], self.batch_size, rng)
        rows = pairs[rng.permutation(batches).ravel()]  # whole batches change places
        seeds = rng.integers(2**63, size=len(rows))
        return ((int(row[0]), int(row[1]), int(seed)) for row, seed in zip(rows, seeds, strict=True))
