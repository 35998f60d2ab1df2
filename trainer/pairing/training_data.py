"""Make the pairs of a run: sources of records and settings of pairs in, pairs to train and to validate on out.

`--pairing same_record_fragments` takes windows of genomes from FASTA files, which are indexed and never loaded. All
other pairings take whole records, from files or from a data set of the Hub.
"""

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from datasets import Dataset as Records

from modeling_dnacse.machine.provenance import source_of
from trainer.command_line import require
from trainer.pairing.pairs import FixedPairs, PairDataset, PairSampler, Singletons
from trainer.pairing.views import Pairing, Views
from trainer.records.chosen_split import refuse_splits
from trainer.records.record_arrays import label_column, sequence_hashes
from trainer.records.records import hold_out, load_records

if TYPE_CHECKING:
    from trainer.pairing.genome_fragments import FragmentDataset

logger = logging.getLogger("train.py")


@dataclass(frozen=True)
class Sources:
    """The options of the same names: either `train_file` or `dataset_name` is given.

    Attributes:
        dataset_revision: the whole id of a commit; None for a local folder.
    """

    train_file: list[str] | None
    train_split: str | None
    validation_file: list[str] | None
    validation_split: str | None
    validation_fraction: float
    dataset_name: str | None
    dataset_revision: str | None


@dataclass(frozen=True)
class PairSettings:
    """The options of the same names; `fragment_length` holds the shortest and the longest window in bp."""

    pairing: Pairing
    views: Views
    singletons: Singletons
    fragment_length: tuple[int, int]
    fragment_pairs: int | None
    max_validation_pairs: int


class TrainingData(NamedTuple):
    """What train.py hands to the trainer."""

    pairs: "PairDataset | FragmentDataset"
    sampler: PairSampler  # of batches of all processes together
    validation: FixedPairs | None
    facts: dict[str, Any]  # for the record of the run


def training_data(
    sources: Sources, settings: PairSettings, batch_size: int, seed: int, name_sources: bool
) -> TrainingData:
    """Read the records and arrange their pairs.

    Args:
        sources: where the records come from.
        settings: how pairs are made of them.
        batch_size: pairs in a batch of all processes together.
        seed: of all pairs, and of the species that are held out.
        name_sources: whether the facts name the files with their hashes, which takes minutes for 100 GB: only the
            process that writes the record needs them.

    Raises:
        ValueError: the data do not hold what is asked of them.
    """
    training, validation = training_and_validation(sources, settings.pairing, seed)
    pairs = pairs_of(training, settings)
    try:
        sampler = PairSampler(pairs, settings.pairing, batch_size, seed, settings.singletons)
    except ValueError as error:
        if validation is None or sources.validation_file or sources.validation_split:
            raise
        raise ValueError(
            f"{error}. {len(validation):,} more records, of whole species, were held out for validation: choose "
            "--validation_file, or train without by --validation_fraction 0"
        ) from None
    data = {"training": facts(training, sources.train_file, sources, name_sources)}
    fixed = None
    if validation is not None:
        fixed = FixedPairs(pairs_of(validation, settings), settings.pairing, settings.max_validation_pairs, seed)
        files = sources.validation_file or sources.train_file
        data["validation"] = facts(validation, files, sources, name_sources) | {"pairs": len(fixed)}
        chosen = sources.validation_file or sources.validation_split
        if name_sources and chosen and settings.pairing != "same_record_fragments":
            warn_of_leaks(training, validation)
    return TrainingData(pairs, sampler, fixed, data)


def warn_of_leaks(training: Records, validation: Records) -> None:
    """Say how many sequences to validate on are trained on, too, on either strand."""
    leaked = int(np.isin(sequence_hashes(validation), sequence_hashes(training)).sum())
    if leaked:
        logger.warning(
            "warning: %s of %s sequences to validate on are among those trained on, so scores tell less of new ones",
            f"{leaked:,}",
            f"{len(validation):,}",
        )


def training_and_validation(sources: Sources, pairing: Pairing, seed: int) -> tuple[Records, Records | None]:
    """The records to train on and those to validate on, if any.

    Raises:
        ValueError: the data have a column `split` and no split was chosen, so that test records would be used; or
            training and validation would use the same split, or the same file.
    """
    training = records_of(sources, sources.train_file, sources.train_split, pairing)
    if sources.train_split is None:
        refuse_splits(label_column(training, "split").unique().to_pylist(), "training", "--train_split")
    if sources.validation_file or sources.validation_split:
        files = (sources.train_file or [], sources.validation_file or [])
        both = set.intersection(*(set(map(os.path.realpath, each)) for each in files))
        if both and sources.validation_split == sources.train_split:
            raise ValueError(
                f"{min(both)} is among --train_file and --validation_file, which validates on the records trained on: "
                "choose another file or split for validation"
            )
        if sources.validation_file is None and sources.validation_split == sources.train_split:
            raise ValueError(
                f"--train_split and --validation_split are both {sources.train_split}, which validates on the records "
                "trained on: choose another one for validation"
            )
        files = sources.validation_file or sources.train_file
        validation = records_of(sources, files, sources.validation_split, pairing)
        if sources.validation_split is None:
            refuse_splits(label_column(validation, "split").unique().to_pylist(), "validation", "--validation_split")
        return training, validation
    if sources.validation_fraction:
        return hold_out(training, sources.validation_fraction, seed)
    return training, None


def records_of(sources: Sources, files: list[str] | None, split: str | None, pairing: Pairing) -> Records:
    """The table of the records in files, or else in the data set.

    Raises:
        ValueError: a file or the data set is not what it should be, or windows are asked of a data set.
    """
    if pairing != "same_record_fragments":
        return load_records(files, sources.dataset_name, sources.dataset_revision, split)
    if files is None:
        raise ValueError("--pairing same_record_fragments takes windows of FASTA files: give --train_file")
    require("pysam")
    from trainer.records.genomes import load_genomes  # here, since it imports pysam, which only genomes need

    return load_genomes(files, split)


def pairs_of(records: Records, settings: PairSettings) -> "PairDataset | FragmentDataset":
    """The pairs of a table of records."""
    if settings.pairing == "same_record_fragments":
        from trainer.pairing.genome_fragments import FragmentDataset  # here, as above

        return FragmentDataset(records, settings.fragment_length, settings.views, settings.fragment_pairs)
    return PairDataset(records, settings.views, settings.pairing)


def facts(records: Records, files: list[str] | None, sources: Sources, name_sources: bool) -> dict[str, Any]:
    """What a third party needs to find the same records: sources with content hashes, splits, and counts."""
    names = []
    if files is None and sources.dataset_revision:
        names = [f"{sources.dataset_name}@{sources.dataset_revision}"]
    elif name_sources:
        names = [source_of(file) for file in files or [str(sources.dataset_name)]]
    return {
        "sources": names,
        "train_split": sources.train_split,
        "validation_split": sources.validation_split,
        "records": len(records),
        "species": len(set(label_column(records, "species").unique().to_pylist()) - {""}),
    }
