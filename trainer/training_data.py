"""The pairs to train on and those to validate on, made of what the arguments name."""

from typing import Any, NamedTuple

from datasets import Dataset as Records

from trainer.arguments import ContrastiveArguments
from trainer.pairs import FixedPairs, PairDataset, PairSampler, PairSource
from trainer.record_arrays import label_column
from trainer.records import hold_out, load_records
from trainer.training_record import facts
from trainer.views import Views


class TrainingData(NamedTuple):
    """What train.py hands to the trainer."""

    pairs: PairSource
    sampler: PairSampler  # of batches of all processes together
    validation: FixedPairs | None
    facts: dict[str, Any]  # for the record of the run


def training_data(args: ContrastiveArguments) -> TrainingData:
    """Read the records and arrange their pairs.

    Raises:
        ValueError: the data do not hold what is asked of them.
    """
    training, validation = training_and_validation(args)
    pairs = PairDataset(training, views_of(args), args.pairing)
    sampler = PairSampler(
        pairs, args.pairing, args.train_batch_size * args.world_size, args.seed, args.singletons, args.genus_pairs
    )
    data = {"training": facts_of(training, args.train_file, args)}
    fixed = None
    if validation is not None:
        source = PairDataset(validation, views_of(args), args.pairing)
        fixed = FixedPairs(source, args.pairing, args.max_validation_pairs, args.seed)
        files = args.validation_file or args.train_file
        data["validation"] = facts_of(validation, files, args) | {"pairs": len(fixed)}
    return TrainingData(pairs, sampler, fixed, data)


def views_of(args: ContrastiveArguments) -> Views:
    """How the views of a pair differ from their sequences."""
    return Views(
        crop=(args.crop[0], args.crop[1]) if args.crop else None,
        strand=args.strand,
        substitution_rate=args.substitution_rate,
        insertion_rate=args.insertion_rate,
        deletion_rate=args.deletion_rate,
    )


def training_and_validation(args: ContrastiveArguments) -> tuple[Records, Records | None]:
    """The records to train on and those to validate on, if any.

    Raises:
        ValueError: the training files name splits and none was chosen, so that test records would be trained on.
    """
    training = load_records(args.train_file, args.dataset_name, args.dataset_revision, args.train_split)
    splits = set(label_column(training, "split").unique().to_pylist()) - {""}
    if args.train_split is None and splits:
        raise ValueError(
            f"the training files have the splits {', '.join(sorted(splits))}: say which to train on with --train_split"
        )
    if args.validation_file or args.validation_split:
        files = args.validation_file or args.train_file
        return training, load_records(files, args.dataset_name, args.dataset_revision, args.validation_split)
    if args.validation_fraction:
        return hold_out(training, args.validation_fraction, args.seed)
    return training, None


def facts_of(records: Records, files: list[str] | None, args: ContrastiveArguments) -> dict[str, Any]:
    """The facts of a table of records."""
    data_set = f"{args.dataset_name}@{args.dataset_revision or 'main'}"
    splits = {"train_split": args.train_split, "validation_split": args.validation_split}
    species = set(label_column(records, "species").unique().to_pylist()) - {""}
    return facts(files, data_set, splits, len(records), len(species))
