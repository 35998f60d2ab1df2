"""ContrastiveArguments: all that `trainer/train.py` can be told. Only train.py sees it; functions get values."""

from dataclasses import dataclass, field

import torch
from transformers import TrainingArguments

from trainer.pairs import Pairing


@dataclass
class ContrastiveArguments(TrainingArguments):
    """TrainingArguments plus model, data and curriculum.

    Defaults of TrainingArguments that differ here. As DNABERT-S: learning_rate 3e-6 (encoder), lr_scheduler_type
    constant, per_device_train_batch_size 48. Ours: saving and evaluating every tenth of the run, keeping the best and
    the last checkpoint, and releasing the best by recall@1.
    """

    model_name_or_path: str | None = field(
        default=None,
        metadata={"help": "Checkpoint to start from: a folder or Hub id of a DNACSE, DNABERT-2 or DNABERT-S model."},
    )
    config_name: str | None = field(
        default=None, metadata={"help": "From scratch: a config.json, or a folder or Hub id that holds one."}
    )
    tokenizer_name: str | None = field(default=None, metadata={"help": "Tokenizer; by default the checkpoint's own."})
    train_file: list[str] | None = field(
        default=None, metadata={"help": "FASTA/FASTQ(.gz) with species in the header, CSV/TSV(.gz) or parquet."}
    )
    dataset_name: str | None = field(
        default=None,
        metadata={"help": "Instead of files: a Hub data set (or local folder) with columns sequence and species."},
    )
    dataset_revision: str | None = field(default=None, metadata={"help": "Commit of the Hub data set."})
    train_split: str | None = field(
        default=None, metadata={"help": "Take only rows whose column `split` has this value."}
    )
    validation_file: list[str] | None = field(default=None, metadata={"help": "Like train_file, for validation."})
    validation_split: str | None = field(
        default=None,
        metadata={"help": "Validate on rows of this split, of validation_file or else of the training data."},
    )
    validation_fraction: float = field(
        default=0.05,
        metadata={"help": "Without validation data: the share of species held out for it; 0 for no validation."},
    )
    max_validation_pairs: int = field(default=2048, metadata={"help": "Validate on at most this many pairs."})
    curriculum: str = field(
        default="weighted_simclr:1 mi_mix:2",
        metadata={"help": "Phases in order, objective:epochs; fractions allowed."},
    )
    pairing: Pairing = field(default="same_species", metadata={"help": "What makes a pair."})
    temperature: float = field(default=0.05, metadata={"help": "τ of the contrastive losses."})
    mix_alpha: float = field(default=1.0, metadata={"help": "α of the Beta(α, α) that mixing weights are drawn from."})
    head_learning_rate_multiplier: float = field(
        default=100.0, metadata={"help": "Learning rate of the projection head over that of the encoder."}
    )
    max_length: int = field(default=2000, metadata={"help": "Tokens; what is longer is cut off."})

    learning_rate: float = field(default=3e-6, metadata={"help": "Of the encoder."})
    lr_scheduler_type: str = field(default="constant", metadata={"help": "Learning rate schedule over all phases."})
    per_device_train_batch_size: int = field(default=48, metadata={"help": "Pairs in a batch."})
    per_device_eval_batch_size: int = field(default=48, metadata={"help": "Pairs in a validation batch."})
    logging_steps: float = field(default=10, metadata={"help": "Log the mean over this many steps."})
    eval_strategy: str = field(default="steps", metadata={"help": "When to validate."})
    eval_steps: float | None = field(
        default=0.1, metadata={"help": "Validate this often; below 1: as a share of the run."}
    )
    save_steps: float = field(
        default=0.1, metadata={"help": "Save a checkpoint this often; below 1: as a share of the run."}
    )
    save_total_limit: int | None = field(default=2, metadata={"help": "Checkpoints to keep: the best and the last."})
    load_best_model_at_end: bool = field(default=True, metadata={"help": "Release the best checkpoint, not the last."})
    metric_for_best_model: str | None = field(
        default="recall_at_1", metadata={"help": "What makes a checkpoint the best."}
    )
    dataloader_pin_memory: bool = field(
        default_factory=torch.cuda.is_available, metadata={"help": "Page-locked batches: useful with CUDA only."}
    )
    remove_unused_columns: bool = field(default=False, metadata={"help": "Batches are nested; leave this off."})

    def __post_init__(self) -> None:
        """Check what belongs together.

        Raises:
            ValueError: no or two sources of the model or of the data, or a step count beside the curriculum's.
        """
        if (self.model_name_or_path is None) == (self.config_name is None):
            raise ValueError(
                "give either --model_name_or_path (start from a checkpoint) or --config_name (from scratch)"
            )
        if self.config_name is not None and self.tokenizer_name is None:
            raise ValueError(
                "--config_name trains from scratch and needs --tokenizer_name; trainer/train_tokenizer.py makes one"
            )
        if (self.train_file is None) == (self.dataset_name is None):
            raise ValueError("give either --train_file or --dataset_name")
        if self.max_steps > 0:
            raise ValueError(
                "--max_steps: the curriculum sets the number of steps; shorten its phases, such as mi_mix:0.1"
            )
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(f"--validation_fraction is {self.validation_fraction}; it must be at least 0 and below 1")
        if not self.validates:
            self.eval_strategy, self.load_best_model_at_end = "no", False
        super().__post_init__()

    @property
    def validates(self) -> bool:
        """Whether there will be validation data."""
        return bool(self.validation_file or self.validation_split or self.validation_fraction)
