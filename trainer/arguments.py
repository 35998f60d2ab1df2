"""ContrastiveArguments: all that `trainer/train.py` can be told. Only it and the Trainer see it."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from transformers import TrainingArguments

from trainer.objective.masking import Span
from trainer.pairing.views import DEFAULT_MUTATION, Pairing

BY_CURRICULUM = "the curriculum sets the number of steps; shorten its phases, such as mi_mix:0.1"
# options of TrainingArguments that must stay as they are, since they would do nothing or harm without a word
FIXED = {
    "max_steps": (-1, BY_CURRICULUM),
    "num_train_epochs": (3.0, BY_CURRICULUM),
    "auto_find_batch_size": (False, "batches are made for one size; with little memory use --cached_chunk_size"),
    "save_only_model": (False, "a run could not go on from such checkpoints; leave it out"),
    "hub_revision": (None, "releases are pushed to the branch main only; leave it out"),
}


@dataclass
class ContrastiveArguments(TrainingArguments):
    """TrainingArguments plus model, data and curriculum.

    Defaults of TrainingArguments that differ here. As DNABERT-S: learning_rate 3e-6 (encoder), lr_scheduler_type
    constant, per_device_train_batch_size 48. Ours: saving and evaluating every tenth of the run, keeping the best and
    the last checkpoint, releasing the best by recall@1, and logging losses that are no number.
    """

    model_name_or_path: str | None = field(
        default=None,
        metadata={"help": "Checkpoint to start from: a folder or Hub id of a DNACSE, DNABERT-2 or DNABERT-S model."},
    )
    config_name: str | None = field(
        default=None, metadata={"help": "From scratch: a config.json, or a folder or Hub id that holds one."}
    )
    tokenizer_name: str | None = field(default=None, metadata={"help": "Tokenizer; by default the checkpoint's own."})
    pooling: Literal["mean", "cls", "mean_last_two", "cls_tanh"] | None = field(
        default=None, metadata={"help": "How token states become one vector; by default as the checkpoint says."}
    )
    # flex_attention has no gradient on a CPU, where the tests run: nothing has shown yet that one can train with it
    attn_implementation: Literal["eager", "sdpa", "packed", "flash_attention_2"] | None = field(
        default=None,
        metadata={
            "help": "By default packed, without padding, on a CPU, else sdpa; flash_attention_2: packed on CUDA."
        },
    )

    train_file: list[str] | None = field(
        default=None,
        metadata={
            "help": "FASTA/FASTQ(.gz) with species in the header, CSV/TSV(.gz) or parquet; for same_record_fragments "
            "FASTA, or a folder of it with index.tsv."
        },
    )
    dataset_name: str | None = field(
        default=None,
        metadata={"help": "Instead of files: a Hub data set (or local folder) with columns sequence and species."},
    )
    dataset_revision: str | None = field(
        default=None,
        metadata={"help": "Branch, tag or commit of the Hub data set; the record of the run names the commit."},
    )
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
    pairing: Pairing = field(
        default="same_species",
        metadata={"help": "What makes a pair; mutated takes rates of 0.02, 0.002 and 0.002 where none is given."},
    )
    crop: list[int] | None = field(
        default=None,
        metadata={"help": "Two numbers: each view is a random stretch of that many bp, from the first to the second."},
    )
    strand: Literal["forward", "random"] = field(
        default="forward", metadata={"help": "random: each view is either strand."}
    )
    substitution_rate: float = field(default=0.0, metadata={"help": "Chance of a base of a view to be another."})
    insertion_rate: float = field(default=0.0, metadata={"help": "Chance of a base inserted, a place of a view."})
    deletion_rate: float = field(default=0.0, metadata={"help": "Chance of a base of a view to be lost."})
    singletons: Literal["keep", "drop"] = field(
        default="keep", metadata={"help": "drop: leave pairs of a record with itself out of the epoch."}
    )
    fragment_length: list[int] = field(
        default_factory=lambda: [10_000],
        metadata={"help": "same_record_fragments: bp of a window, or the shortest and the longest."},
    )
    fragment_pairs: int | None = field(
        default=None, metadata={"help": "same_record_fragments: pairs of an epoch; by default as balance allows."}
    )
    max_length: int = field(default=2000, metadata={"help": "Tokens; what is longer is cut off."})
    pad_to_multiple_of: int | None = field(
        default=None, metadata={"help": "Pad to a multiple of this: few distinct shapes, for torch_compile."}
    )

    curriculum: str = field(
        default="weighted_simclr:1 mi_mix:2",
        metadata={
            "help": 'Phases in order, objective:epochs, fractions allowed, or "mlm:200steps". Objectives: weighted_'
            "simclr, mi_mix, info_nce, noise_contrastive, mlm."
        },
    )
    compare: Literal["features", "embeddings"] = field(
        default="features", metadata={"help": "What losses compare, of the head or as released; see objectives.py."}
    )
    temperature: float = field(default=0.05, metadata={"help": "τ of the contrastive losses."})
    mix_alpha: float = field(default=1.0, metadata={"help": "α of the Beta(α, α) that mixing weights are drawn from."})
    mixing_layers: str | None = field(
        default=None,
        metadata={"help": 'Layers that mi_mix draws from, such as "0 3 5"; "0" is i-Mix; by default all.'},
    )
    noise_additive: float = field(
        default=0.12, metadata={"help": "noise_contrastive: standard deviation added to the embedding output."}
    )
    noise_multiplicative: float = field(
        default=0.15, metadata={"help": "noise_contrastive: standard deviation of the factor of the embedding output."}
    )
    noise_substitution: float = field(
        default=0.08, metadata={"help": "noise_contrastive: share of tokens that get one base substituted."}
    )
    margin: float = field(default=0.0, metadata={"help": "noise_contrastive: subtracted from the positive's cosine."})
    mix_lambda: float = field(
        default=0.2, metadata={"help": "noise_contrastive: weight of the first part of a mixed negative."}
    )
    hard_negative_weight: float = field(
        default=0.0, metadata={"help": "noise_contrastive: added to the logit of a row's own mixture."}
    )
    mlm_weight: float = field(
        default=0.0, metadata={"help": "noise_contrastive: weight of a masked-language term beside it; 0 for none."}
    )
    mlm_probability: float = field(default=0.15, metadata={"help": "Share of tokens that are to be predicted."})
    mlm_span: Span = field(default="token", metadata={"help": "window: predict runs of four tokens."})

    cached_chunk_size: int = field(
        default=0,
        metadata={"help": "Gradient caching: sequences a forward, whatever the batch; 0: all of a side at once."},
    )
    chunk_tokens: int = field(
        default=0,
        metadata={"help": "Gradient caching: tokens a forward, padding counted, rows sorted by length; 0: no bound."},
    )
    head_learning_rate_multiplier: float = field(
        default=100.0, metadata={"help": "Learning rate of the projection head over that of the encoder."}
    )

    learning_rate: float = field(default=3e-6, metadata={"help": "Of the encoder."})
    lr_scheduler_type: str = field(default="constant", metadata={"help": "Learning rate schedule over all phases."})
    per_device_train_batch_size: int = field(default=48, metadata={"help": "Pairs of a process in a batch."})
    per_device_eval_batch_size: int = field(default=48, metadata={"help": "Pairs in a validation batch."})
    logging_steps: float = field(default=10, metadata={"help": "Log the mean over this many steps."})
    logging_nan_inf_filter: bool = field(default=False, metadata={"help": "Hide losses that are no number."})
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
    ddp_find_unused_parameters: bool | None = field(
        default=False, metadata={"help": "The trainer sees to parameters that a phase does not train; leave this off."}
    )
    hub_token: str | None = field(
        default=None,
        metadata={
            "help": "For push_to_hub. Better the environment variable HF_TOKEN or `hf auth login`: other users of the "
            "machine see a command line, and accelerate launch prints it when a run fails."
        },
    )
    hub_strategy: str = field(
        default="every_save",
        metadata={"help": "push_to_hub: every_save, the model of each checkpoint and the release; end, the release."},
    )
    remove_unused_columns: bool = field(default=False, metadata={"help": "Batches are nested; leave this off."})

    def __post_init__(self) -> None:
        """Check what belongs together.

        Raises:
            ValueError: no or two sources of the model or of the data, a value out of its range, or an option of FIXED.
        """
        if (self.model_name_or_path is None) == (self.config_name is None):
            raise ValueError(
                "give either --model_name_or_path (start from a checkpoint) or --config_name (from scratch)"
            )
        if self.config_name is not None and self.tokenizer_name is None:
            raise ValueError("--config_name is from scratch and needs --tokenizer_name (trainer/train_tokenizer.py)")
        if (self.train_file is None) == (self.dataset_name is None):
            raise ValueError("give either --train_file or --dataset_name")
        for name, (value, reason) in FIXED.items():
            if getattr(self, name) != value:
                raise ValueError(f"--{name}: {reason}")
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(f"--validation_fraction is {self.validation_fraction}; it must be at least 0 and below 1")
        for name in ("noise_substitution", "mix_lambda", "mlm_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"--{name} is {getattr(self, name)}; it must be between 0 and 1")
        for name in ("temperature", "mix_alpha"):
            if not getattr(self, name) > 0:
                raise ValueError(f"--{name} is {getattr(self, name)}; it must be above 0")
        for name in ("noise_additive", "noise_multiplicative", "mlm_weight", "cached_chunk_size", "chunk_tokens"):
            if getattr(self, name) < 0:
                raise ValueError(f"--{name} is {getattr(self, name)}; it must not be below 0")
        if self.crop is not None and len(self.crop) != 2:
            raise ValueError(f"--crop takes two numbers, shortest and longest bp, got {len(self.crop)}")
        if len(self.fragment_length) not in (1, 2):
            raise ValueError(f"--fragment_length takes one or two numbers of bp, got {len(self.fragment_length)}")
        if not all(layer.isdecimal() for layer in (self.mixing_layers or "").split()):
            raise ValueError(f'--mixing_layers is "{self.mixing_layers}"; give numbers of layers, such as "0 3 5"')
        if self.push_to_hub != ("/" in (self.hub_model_id or "")):
            raise ValueError(
                f"--push_to_hub and --hub_model_id OWNER/MODEL go together; the latter is {self.hub_model_id}"
            )
        if self.hub_strategy not in ("end", "every_save"):
            raise ValueError(
                f"--hub_strategy is {self.hub_strategy}; it must be end or every_save: checkpoint folders "
                "are not pushed, since they hold optimizer states"
            )
        if self.pairing == "mutated" and not (self.substitution_rate or self.insertion_rate or self.deletion_rate):
            vars(self).update(DEFAULT_MUTATION)  # so that the record of the run names them
        if not self.validates:
            self.eval_strategy, self.load_best_model_at_end = "no", False
        super().__post_init__()

    @property
    def validates(self) -> bool:
        """Whether there will be validation data."""
        return bool(self.validation_file or self.validation_split or self.validation_fraction)

    @property
    def layers_to_mix(self) -> list[int] | None:
        """The layers that mi_mix draws from; None: all."""
        return [int(layer) for layer in self.mixing_layers.split()] if self.mixing_layers else None
