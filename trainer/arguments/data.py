"""Options of the data: the records to train on, those to validate on, and how records become pairs of views."""

from dataclasses import dataclass, field
from typing import Literal

from trainer.pairing.pairs import Singletons
from trainer.pairing.views import Pairing


@dataclass
class DataArguments:
    """Data: the records to train on."""

    train_file: list[str] | None = field(
        default=None,
        metadata={
            "help": "Files of training records: FASTA or FASTQ with the species in the header, CSV or TSV (all also "
            ".gz), or parquet. --pairing same_record_fragments takes FASTA files, or folders of FASTA files with an "
            "index.tsv. Give either this or --dataset_name."
        },
    )
    dataset_name: str | None = field(
        default=None,
        metadata={"help": "Hub data set, or a local folder of one, with the columns sequence and species."},
    )
    dataset_revision: str | None = field(
        default=None,
        metadata={
            "help": "Branch, tag or commit of the Hub data set. By default, the newest commit. The record of the run "
            "names it."
        },
    )
    train_split: str | None = field(
        default=None,
        metadata={
            "help": "Train only on records whose column `split` has this value. Required where there is such a column."
        },
    )


@dataclass
class ValidationArguments:
    """Validation: the pairs that checkpoints are scored on."""

    validation_file: list[str] | None = field(
        default=None, metadata={"help": "Files of validation records, of the same kinds as --train_file."}
    )
    validation_split: str | None = field(
        default=None,
        metadata={
            "help": "Validate on records whose column `split` has this value. They come from --validation_file or, "
            "without it, from the training data."
        },
    )
    validation_fraction: float = field(
        default=0.05,
        metadata={
            "help": "Without --validation_file and --validation_split, hold out this share of the species for "
            "validation. 0 trains without validation."
        },
    )
    max_validation_pairs: int = field(default=2048, metadata={"help": "Validate on at most this many pairs."})
    per_device_eval_batch_size: int = field(
        default=48, metadata={"help": "Pairs that each process validates on at once."}
    )
    eval_strategy: str = field(default="steps", metadata={"help": "When to validate: no, steps or epoch."})
    eval_steps: float | None = field(
        default=None,
        metadata={
            "help": "Validate after every so many steps. A value below 1 is a share of all steps of the run. "
            "By default, as --save_steps."
        },
    )


@dataclass
class PairingArguments:
    """Pairs: which records form a pair, and how the two views of a pair differ from their records."""

    pairing: Pairing = field(
        default="same_species",
        metadata={
            "help": "What forms a pair. same_species: two records of one species. same_genus: two records of one "
            "genus. same_record_fragments: two windows of one genome. identical: a record twice. reverse_complement: "
            "a record and its reverse complement. mutated: a record and a copy with errors, by default 2%% "
            "substitutions and 0.2%% indels of either kind."
        },
    )
    crop: list[int] | None = field(
        default=None,
        metadata={
            "help": "Shortest and longest length of a view in bp: each view is a random stretch of its record. By "
            "default, a view is the whole record."
        },
    )
    strand: Literal["forward", "random"] = field(
        default="forward",
        metadata={"help": "forward: views are on the strand of the record. random: each view is on either strand."},
    )
    substitution_rate: float = field(
        default=0.0, metadata={"help": "Probability that a base of a view is replaced by another base."}
    )
    insertion_rate: float = field(
        default=0.0, metadata={"help": "Probability that a base is inserted at a position of a view."}
    )
    deletion_rate: float = field(default=0.0, metadata={"help": "Probability that a base of a view is deleted."})
    singletons: Singletons = field(
        default="keep",
        metadata={"help": "keep: pair the only record of a species with itself. drop: leave it out of training."},
    )
    fragment_length: list[int] = field(
        default_factory=lambda: [10_000],
        metadata={
            "help": "Length of a window in bp for same_record_fragments: one number, or the shortest and the longest."
        },
    )
    fragment_pairs: int | None = field(
        default=None,
        metadata={
            "help": "Pairs in an epoch for same_record_fragments. By default, as many as the windows give when the "
            "kingdoms are balanced."
        },
    )
