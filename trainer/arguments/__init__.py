"""ContrastiveArguments: all options of `trainer/train.py`, and the checks of their values.

Only train.py and the Trainer see this object. Other code gets plain values, or a small frozen record of them.
"""

import math
import sys
from dataclasses import dataclass

from transformers import TrainingArguments

from modeling_dnacse import EncoderNoise
from trainer.arguments.data import DataArguments, PairingArguments, ValidationArguments
from trainer.arguments.model import ModelArguments
from trainer.arguments.objective import CurriculumArguments, LossArguments, MaskingArguments, NoiseArguments
from trainer.arguments.run import CheckpointArguments, HubArguments, SpeedArguments
from trainer.arguments.trainer_options import check_processes_of_fsdp, check_trainer_options, named_as_trainers
from trainer.objective.settings import ObjectiveSettings
from trainer.pairing.training_data import PairSettings, Sources
from trainer.pairing.views import DEFAULT_MUTATION, Views

COUNTS = {  # options with the least values that work
    "max_length": 3,  # [CLS], a token, [SEP]
    "pad_to_multiple_of": 1,
    "per_device_train_batch_size": 1,
    "per_device_eval_batch_size": 1,
    "gradient_accumulation_steps": 1,
    "eval_accumulation_steps": 1,
    "max_validation_pairs": 1,
    "fragment_pairs": 1,
    "save_total_limit": 1,
    "dataloader_num_workers": 0,
    "dataloader_prefetch_factor": 1,
    "cached_chunk_size": 0,
    "chunk_tokens": 0,
    "seed": 0,
}
MOST = 2**31 - 1
LEAST_TEMPERATURE = 1e-6  # as of the estimators: below it float32 overflows
SMALLEST = sys.float_info.min  # train.py lets the processor take smaller numbers, which are denormal, for 0
BY_CURRICULUM = "the curriculum sets the number of steps; shorten its phases, such as mi_mix:0.1"
# options of TrainingArguments that would silently do nothing or do harm here, each with the only value it may have
FIXED = {
    "max_steps": (-1, BY_CURRICULUM),
    "num_train_epochs": (3.0, BY_CURRICULUM),
    "auto_find_batch_size": (False, "batches are made for one size; with little memory use --cached_chunk_size"),
    "save_only_model": (False, "a run cannot be resumed from such checkpoints; leave this option out"),
    "remove_unused_columns": (False, "batches are nested and have no columns to remove; leave this option out"),
    "eval_do_concat_batches": (True, "scores are of all vectors; leave this option out"),
    "include_for_metrics": ([], "scores are of vectors alone; leave this option out"),
    "dataloader_drop_last": (False, "validation would leave out pairs, even all of them; leave this option out"),
    "label_smoothing_factor": (0.0, "the losses take no smoothed labels; leave this option out"),
    "ignore_data_skip": (False, "a resumed run would see batches again; leave this option out"),
    "data_seed": (None, "the order of pairs follows --seed; set that"),
    "prediction_loss_only": (False, "the best checkpoint is chosen by other scores; leave this option out"),
    **dict.fromkeys(
        ("bf16_full_eval", "fp16_full_eval"),
        (False, "the last validation would round the weights before they are released; give --bf16, or leave it out"),
    ),
    "do_predict": (False, "this script only trains and validates; leave this option out"),
    "hub_revision": (None, "releases are pushed to the branch main only; leave this option out"),
    "hub_always_push": (False, "each checkpoint is pushed by --hub_strategy every_save; leave this option out"),
    "greater_is_better": (None, "--metric_for_best_model decides that; leave this option out"),
    "batch_eval_metrics": (False, "scores are of all vectors together; leave this option out"),
    "label_names": (None, "pairs have no labels of such names; leave this option out"),
}


@dataclass
class ContrastiveArguments(
    ModelArguments,
    DataArguments,
    PairingArguments,
    ValidationArguments,
    CurriculumArguments,
    LossArguments,
    NoiseArguments,
    MaskingArguments,
    SpeedArguments,
    CheckpointArguments,
    HubArguments,
    TrainingArguments,
):
    """TrainingArguments plus model, data, curriculum and losses.

    Defaults of TrainingArguments that differ here. As in DNABERT-S: learning_rate 3e-6 (encoder), lr_scheduler_type
    constant, per_device_train_batch_size 48. Ours: a checkpoint and a validation every tenth of the run, the best and
    the latest checkpoint kept, the best by recall@1 released, and losses logged even where they are not a number.
    """

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: no or two sources of the model or of the data, a value out of its range, or an option of FIXED.
        """
        self._check_sources()
        self._check_ranges()
        self._check_hub()
        for name, (value, reason) in FIXED.items():
            if getattr(self, name) != value:
                raise ValueError(f"--{name}: {reason}")
        if self.pairing == "mutated" and not (self.substitution_rate or self.insertion_rate or self.deletion_rate):
            vars(self).update(DEFAULT_MUTATION)  # so that the record of the run names them
        if not (self.validation_file or self.validation_split or self.validation_fraction):
            self.eval_strategy, self.load_best_model_at_end = "no", False
        if self.eval_steps is None:
            self.eval_steps = self.save_steps
        check_trainer_options(self)
        with named_as_trainers():
            super().__post_init__()
        check_processes_of_fsdp(self)

    def _check_sources(self) -> None:
        if (self.model_name_or_path is None) == (self.config_name is None):
            raise ValueError(
                "give either --model_name_or_path (start from a checkpoint) or --config_name (from scratch)"
            )
        if self.config_name is not None and self.tokenizer_name is None:
            raise ValueError("--config_name is from scratch and needs --tokenizer_name (trainer/train_tokenizer.py)")
        if (self.train_file is None) == (self.dataset_name is None):
            raise ValueError("give either --train_file or --dataset_name")
        if self.dataset_revision is not None and self.dataset_name is None:
            raise ValueError("--dataset_revision belongs to --dataset_name; leave it out beside --train_file")

    def _check_ranges(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, float) and not (math.isfinite(value) and (not value or abs(value) >= SMALLEST)):
                raise ValueError(f"--{name} is {value}; it must be a number, neither infinite nor next to nothing")
        for name, least in COUNTS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= MOST:
                raise ValueError(f"--{name} is {value}; it must be from {least} to {MOST}")
        if self.max_length % (self.pad_to_multiple_of or 1):
            raise ValueError(
                f"--max_length {self.max_length} is no multiple of --pad_to_multiple_of {self.pad_to_multiple_of}; "
                "change either"
            )
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(f"--validation_fraction is {self.validation_fraction}; it must be at least 0 and below 1")
        for name in ("noise_substitution", "mix_lambda", "mlm_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"--{name} is {getattr(self, name)}; it must be between 0 and 1")
        if self.temperature < LEAST_TEMPERATURE:
            raise ValueError(f"--temperature is {self.temperature}; it must be at least {LEAST_TEMPERATURE}")
        if not self.mix_alpha > 0:
            raise ValueError(f"--mix_alpha is {self.mix_alpha}; it must be above 0")
        noise, rates = ("noise_additive", "noise_multiplicative"), ("learning_rate", "head_learning_rate_multiplier")
        for name in (*noise, *rates, "genus_weight", "mlm_weight", "weight_decay", "max_grad_norm"):
            if getattr(self, name) < 0:
                raise ValueError(f"--{name} is {getattr(self, name)}; it must not be below 0")
        if self.neftune_noise_alpha is not None and self.neftune_noise_alpha < 0:
            raise ValueError(f"--neftune_noise_alpha is {self.neftune_noise_alpha}; it must not be below 0")
        if self.metric_for_best_model not in ("recall_at_1", "loss"):
            raise ValueError(
                f"--metric_for_best_model is {self.metric_for_best_model}; it must be recall_at_1 or loss"
            )
        if self.crop is not None and len(self.crop) != 2:
            raise ValueError(f"--crop takes two numbers, shortest and longest bp, got {len(self.crop)}")
        if len(self.fragment_length) not in (1, 2):
            raise ValueError(f"--fragment_length takes one or two numbers of bp, got {len(self.fragment_length)}")
        if not all(layer.isdecimal() for layer in (self.mixing_layers or "").split()):
            raise ValueError(f'--mixing_layers is "{self.mixing_layers}"; give numbers of layers, such as "0 3 5"')

    def _check_hub(self) -> None:
        if self.push_to_hub != ("/" in (self.hub_model_id or "")):
            raise ValueError(
                f"--push_to_hub and --hub_model_id OWNER/MODEL go together; the latter is {self.hub_model_id}"
            )
        if self.hub_strategy not in ("end", "every_save"):
            raise ValueError(
                f"--hub_strategy is {self.hub_strategy}; it must be end or every_save: checkpoint folders "
                "are not pushed, since they hold optimizer states"
            )

    def sources(self) -> Sources:
        """Where the training and the validation records come from."""
        return Sources(
            train_file=self.train_file,
            train_split=self.train_split,
            validation_file=self.validation_file,
            validation_split=self.validation_split,
            validation_fraction=self.validation_fraction,
            dataset_name=self.dataset_name,
            dataset_revision=self.dataset_revision,
        )

    def pair_settings(self) -> PairSettings:
        """How pairs and views are made.

        Raises:
            ValueError: a range of lengths is empty, or a rate is not a probability below 1.
        """
        return PairSettings(
            pairing=self.pairing,
            views=Views(
                crop=(self.crop[0], self.crop[1]) if self.crop else None,
                strand=self.strand,
                substitution_rate=self.substitution_rate,
                insertion_rate=self.insertion_rate,
                deletion_rate=self.deletion_rate,
            ),
            singletons=self.singletons,
            fragment_length=(self.fragment_length[0], self.fragment_length[-1]),
            fragment_pairs=self.fragment_pairs,
            max_validation_pairs=self.max_validation_pairs,
        )

    def objective_settings(self) -> ObjectiveSettings:
        """The constants of the objectives."""
        layers = tuple(int(layer) for layer in self.mixing_layers.split()) if self.mixing_layers else None
        return ObjectiveSettings(
            compare=self.compare,
            temperature=self.temperature,
            mix_alpha=self.mix_alpha,
            mixing_layers=layers,
            noise=EncoderNoise(multiplicative=self.noise_multiplicative, additive=self.noise_additive),
            noise_substitution=self.noise_substitution,
            margin=self.margin,
            mix_lambda=self.mix_lambda,
            hard_negative_weight=self.hard_negative_weight,
            genus_weight=self.genus_weight,
            mlm_weight=self.mlm_weight,
            mlm_probability=self.mlm_probability,
            mlm_span=self.mlm_span,
            chunk_rows=self.cached_chunk_size,
            chunk_tokens=self.chunk_tokens,
        )


GROUPS = ContrastiveArguments.__bases__[:-1]  # in the order in which --help lists them
