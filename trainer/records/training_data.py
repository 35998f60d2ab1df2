"""The pairs to train on and those to validate on, made of what the arguments name.

`--pairing same_record_fragments` takes windows of genomes from FASTA files, which are indexed and never loaded; all
other pairings take whole records, from files or a data set of the Hub.
"""

from typing import Any, NamedTuple

from datasets import Dataset as Records

from modeling_dnacse.loading.hub_datasets import dataset_commit
from trainer.arguments import ContrastiveArguments
from trainer.pairing.genome_fragments import FragmentDataset
from trainer.pairing.pairs import FixedPairs, PairDataset, PairSampler
from trainer.pairing.views import Views
from trainer.records.genomes import load_genomes
from trainer.records.record_arrays import label_column
from trainer.records.records import hold_out, load_records
from trainer.releasing.training_record import source_of


class TrainingData(NamedTuple):
    """What train.py hands to the trainer."""

    pairs: PairDataset | FragmentDataset
    sampler: PairSampler  # of batches of all processes together
    validation: FixedPairs | None
    facts: dict[str, Any]  # for the record of the run


def training_data(args: ContrastiveArguments) -> TrainingData:
    """Read the records and arrange their pairs.

    Raises:
        ValueError: the data do not hold what is asked of them.
    """
    if args.dataset_name:
        args.dataset_revision = dataset_commit(args.dataset_name, args.dataset_revision)  # the same for every reader
    training, validation = training_and_validation(args)
    pairs = pairs_of(training, args)
    batch_size = args.train_batch_size * args.world_size
    sampler = PairSampler(pairs, args.pairing, batch_size, args.seed, args.singletons)
    data = {"training": facts(training, args.train_file, args)}
    fixed = None
    if validation is not None:
        fixed = FixedPairs(pairs_of(validation, args), args.pairing, args.max_validation_pairs, args.seed)
        data["validation"] = facts(validation, args.validation_file or args.train_file, args) | {"pairs": len(fixed)}
    return TrainingData(pairs, sampler, fixed, data)


def training_and_validation(args: ContrastiveArguments) -> tuple[Records, Records | None]:
    """The records to train on and those to validate on, if any.

    Raises:
        ValueError: the data name splits and none was chosen, so that test records would be used; or one for both.
    """
    training = records_of(args.train_file, args.train_split, args)
    if args.train_split is None:
        refuse_splits(training, "training", "--train_split")
    if args.validation_file or args.validation_split:
        if args.validation_file is None and args.validation_split == args.train_split:
            raise ValueError(
                f"--train_split and --validation_split are both {args.train_split}, which validates on the records "
                "trained on: choose another one for validation"
            )
        validation = records_of(args.validation_file or args.train_file, args.validation_split, args)
        if args.validation_split is None:
            refuse_splits(validation, "validation", "--validation_split")
        return training, validation
    if args.validation_fraction:
        return hold_out(training, args.validation_fraction, args.seed)
    return training, None


def refuse_splits(records: Records, purpose: str, option: str) -> None:
    """Make sure that records which none was chosen of are of no split.

    Raises:
        ValueError: they are of some.
    """
    splits = set(label_column(records, "split").unique().to_pylist()) - {""}
    if splits:
        raise ValueError(
            f"the {purpose} data have the splits {', '.join(sorted(splits))}: say which to take with {option}"
        )


def records_of(files: list[str] | None, split: str | None, args: ContrastiveArguments) -> Records:
    """The table of records of files, or of the data set.

    Raises:
        ValueError: they are not what they should be, or fragments are asked of a data set.
    """
    if args.pairing != "same_record_fragments":
        return load_records(files, args.dataset_name, args.dataset_revision, split)
    if files is None:
        raise ValueError("--pairing same_record_fragments takes windows of FASTA files: give --train_file")
    return load_genomes(files, split)


def pairs_of(records: Records, args: ContrastiveArguments) -> PairDataset | FragmentDataset:
    """The pairs that a table of records gives."""
    views = Views(
        crop=(args.crop[0], args.crop[1]) if args.crop else None,
        strand=args.strand,
        substitution_rate=args.substitution_rate,
        insertion_rate=args.insertion_rate,
        deletion_rate=args.deletion_rate,
    )
    if args.pairing == "same_record_fragments":
        length = args.fragment_length[0], args.fragment_length[-1]
        return FragmentDataset(records, length, views, args.fragment_pairs)
    return PairDataset(records, views, args.pairing)


def facts(records: Records, files: list[str] | None, args: ContrastiveArguments) -> dict[str, Any]:
    """What finds the same records again: sources with their content hashes, the splits taken, and counts.

    Hashing 100 GB takes minutes, so only the process that writes the record does it, and the others name no source.
    """
    sources = []
    if files is None and args.dataset_revision:
        sources = [f"{args.dataset_name}@{args.dataset_revision}"]
    elif args.process_index == 0:
        sources = [source_of(file) for file in files or [str(args.dataset_name)]]
    return {
        "sources": sources,
        "train_split": args.train_split,
        "validation_split": args.validation_split,
        "records": len(records),
        "species": len(set(label_column(records, "species").unique().to_pylist()) - {""}),
    }
