"""Pairs of views of labelled records, and the order in which an epoch goes through them.

What forms a pair (`Pairing`):

- same_species: every epoch, each species is shuffled and cut into disjoint pairs (epoch_pairs.py). The only record of
  a species is paired with itself, or left out (`singletons`).
- same_genus: likewise, with genera in the place of species.
- same_record_fragments: two windows of one genome (genome_fragments.py).
- identical, reverse_complement, mutated: each record with itself, once in an epoch however many copies of it there
  are. The positive is the sequence, its reverse complement, or the sequence with errors.

All randomness depends on (seed, epoch) alone: the sampler hands out the two rows of a pair and a seed for its views,
so that workers, processes, resumed and repeated runs see the same pairs. Rows of a batch with the same number in
`species` are not negatives of each other; a batch has few such rows (batches.py).
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Literal, Protocol, TypedDict
from zlib import crc32

import numpy as np
from datasets import Dataset as Records
from torch.utils.data import Dataset, Sampler

from trainer.pairing.batches import arrange
from trainer.pairing.epoch_pairs import pair_within
from trainer.pairing.views import Pairing, Views, views_of_sides
from trainer.records.record_arrays import (
    checksum,
    distinct_rows,
    label_column,
    label_ranks,
    sequence_lengths,
    species_numbers,
)

RANK_OF_PAIRS: dict[Pairing, str] = {"same_species": "species", "same_genus": "genus"}  # what both records share
Singletons = Literal["keep", "drop"]
NO_GENUS = -1
PairIndex = tuple[int, int, int]  # row of the anchor, row of the positive, seed of their views


class Pair(TypedDict):
    """Two views. Rows with equal `species` are not negatives; a record without a species has a number of its own."""

    anchor: str
    positive: str
    species: int
    genus: int  # of the anchor, from 0 on; NO_GENUS where it is unknown


class PairSource(Protocol):
    """What the sampler and validation need; PairDataset and genome_fragments.FragmentDataset provide it."""

    species: np.ndarray  # (records,) numbers from 0 on
    lengths: np.ndarray  # (records,) expected bp of a view
    content: int  # a checksum of what views are made of

    def sample_rows(self, rng: np.random.Generator) -> np.ndarray:
        """Sample the records to pair with themselves in an epoch: (pairs,), the same number in every epoch."""
        ...

    def __getitem__(self, index: PairIndex) -> Pair:
        """The pair of two rows; the seed decides its views."""
        ...


class PairDataset(Dataset[Pair]):
    """Labelled records, indexed by (anchor row, positive row, seed)."""

    def __init__(self, records: Records, views: Views = Views(), pairing: Pairing = "same_species") -> None:  # noqa: B008 frozen
        """Number the species and measure the sequences.

        Args:
            records: Columns sequence and species; for same_genus also genus.
            views: How views differ from their sequences.
            pairing: What forms a pair.

        Raises:
            ValueError: pairing and views, or pairing and data, contradict each other.
        """
        self.anchor_views, self.positive_views = views_of_sides(views, pairing)
        self.records = records
        self.sequences = records.select_columns(["sequence"])
        self.species = species_numbers(label_column(records, RANK_OF_PAIRS.get(pairing, "species")))
        self.genera = label_ranks(label_column(records, "genus"))  # (records,) NO_GENUS where it is unknown
        self.lengths = views.expected_lengths(sequence_lengths(records))
        self.content = crc32(self.genera.tobytes(), checksum(records))

    def __len__(self) -> int:
        """Number of records."""
        return len(self.records)

    def __getitem__(self, index: PairIndex) -> Pair:
        """The pair of two rows; the seed decides its views."""
        anchor_row, positive_row, seed = index
        rng = np.random.default_rng(seed)
        anchor = self.sequences[int(anchor_row)]["sequence"]
        positive = anchor if anchor_row == positive_row else self.sequences[int(positive_row)]["sequence"]
        return Pair(
            anchor=self.anchor_views(anchor, rng),
            positive=self.positive_views(positive, rng),
            species=int(self.species[anchor_row]),
            genus=int(self.genera[anchor_row]),
        )

    @cached_property
    def distinct(self) -> np.ndarray:
        """One row of each distinct sequence."""
        return distinct_rows(self.records)

    def sample_rows(self, rng: np.random.Generator) -> np.ndarray:  # noqa: D102 PairSource says it
        return self.distinct


def sample_pairs(dataset: PairSource, pairing: Pairing, rng: np.random.Generator) -> np.ndarray:
    """Pair the records for one epoch: (pairs, 2) rows, the same number in every epoch."""
    if pairing in RANK_OF_PAIRS:
        return pair_within(dataset.species, rng)
    return np.repeat(dataset.sample_rows(rng)[:, None], 2, axis=1)


class FixedPairs(Dataset[Pair]):
    """Validation pairs: sampled once, so that every evaluation sees the same views."""

    def __init__(self, dataset: PairSource, pairing: Pairing, limit: int, seed: int) -> None:
        """Sample at most `limit` pairs. Pairs of a record with itself are left out where records share a rank.

        Raises:
            ValueError: there are fewer than two pairs, or all are of one species or genus, and so no negatives of each
                other: every score would be perfect.
        """
        rng = np.random.default_rng(seed)
        pairs = rng.permutation(sample_pairs(dataset, pairing, rng))  # they are sorted by species
        rank = RANK_OF_PAIRS.get(pairing)
        if rank:
            pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        if len(pairs) < 2:
            raise ValueError(
                f"the validation data give {len(pairs)} pairs and need 2 or more"
                + (f": a {rank} needs two records to form a pair" if rank else "")
                + "; give other data with --validation_file, or none with --validation_fraction 0"
            )
        self.dataset, self.pairs = dataset, pairs[:limit]
        if len(np.unique(dataset.species[self.pairs[:, 0]])) < 2:
            raise ValueError(
                f"all {len(self.pairs)} validation pairs are of one {rank or 'species'}, which tells nothing; give "
                "other data with --validation_file, or none with --validation_fraction 0"
            )
        self.seeds = rng.integers(2**63, size=len(self.pairs))

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.pairs)

    def __getitem__(self, index: int) -> Pair:
        """The pair at `index`."""
        anchor, positive = self.pairs[index].tolist()
        return self.dataset[anchor, positive, int(self.seeds[index])]


class PairSampler(Sampler[PairIndex]):
    """Pairs of an epoch in the order of batches of `batch_size`; pairs that do not fill a batch are dropped.

    Memory: 24 bytes for each pair of an epoch, and about 150 while it is sampled. All epochs have `batches` batches;
    `alone` counts the pairs of a species' only record with itself.
    """

    def __init__(
        self,
        dataset: PairSource,
        pairing: Pairing,
        batch_size: int,
        seed: int,
        singletons: Singletons = "keep",
    ) -> None:
        """Count the pairs and batches of an epoch.

        Args:
            dataset: The records.
            pairing: What forms a pair.
            batch_size: Pairs in one contrastive loss: those of all processes together.
            seed: Seed of all epochs.
            singletons: Under same_species and same_genus, "drop" leaves out pairs of a record with itself.

        Raises:
            ValueError: there are fewer than two species, no species with two records, or too few pairs for a batch.
        """
        self.pairing: Pairing = pairing
        self.singletons: Singletons = singletons
        self.dataset, self.batch_size, self.seed, self.epoch = dataset, batch_size, seed, 0
        rank = RANK_OF_PAIRS.get(pairing)
        names, several = len(np.unique(dataset.species)), "genera" if rank == "genus" else "species"
        if names < 2:
            raise ValueError(
                f"the training data hold {names} {several}; contrastive training needs two or more: "
                f"add records of other {several}"
                + (", or label them (species=Genus epithet in the header)" if rank else "")
            )
        pairs = sample_pairs(dataset, pairing, np.random.default_rng(seed))
        alone = int((pairs[:, 0] == pairs[:, 1]).sum()) if rank else 0
        if alone == len(pairs):
            raise ValueError(
                f"no {rank} of the training data has two records to form a pair; label the records "
                "(species=Genus epithet in the header), add records, or train with --pairing identical"
            )
        self.alone = alone if singletons == "keep" else 0
        self.batches = (len(pairs) - (alone - self.alone)) // batch_size
        if not self.batches:
            raise ValueError(
                f"the training data give fewer pairs than one batch of {batch_size}; "
                "lower --per_device_train_batch_size"
            )

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose pairs the next iteration gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Number of pairs in an epoch."""
        return self.batches * self.batch_size

    def __iter__(self) -> Iterator[PairIndex]:
        """Sample the pairs, arrange them in batches, and hand them out."""
        rng = np.random.default_rng((self.seed, self.epoch))
        pairs = sample_pairs(self.dataset, self.pairing, rng)
        if self.pairing in RANK_OF_PAIRS and self.singletons == "drop":
            pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        pairs = rng.permutation(pairs)[: len(self)]
        batches = arrange(self.dataset.lengths[pairs].sum(1), self.dataset.species[pairs[:, 0]], self.batch_size, rng)
        rows = pairs[rng.permutation(batches).ravel()]  # shuffle whole batches
        seeds = rng.integers(2**63, size=len(rows))
        return ((int(row[0]), int(row[1]), int(seed)) for row, seed in zip(rows, seeds, strict=True))
