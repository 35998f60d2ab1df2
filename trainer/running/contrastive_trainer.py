"""ContrastiveTrainer: transformers' Trainer with a curriculum of objectives, on any number of processes.

It takes a DnacseForContrastiveLearning, pairs, the sampler of their global batches, and a Curriculum. It differs from
Trainer only in this:

- the order of training examples, separate learning rates for encoder and head, and the loss of the current phase;
- the contrastive batch is the micro-batch of *all* processes: features are gathered with their gradients. With
  gradient caching (`--cached_chunk_size`, `--chunk_tokens`) it may be far larger than what passes the model at once.
  Gradient accumulation adds up micro-batches whose pairs are not negatives of each other: to enlarge the contrastive
  batch, use gradient caching;
- the log also has the measurements of step_log.py and retrieval.py;
- evaluation scores the vectors that will be released, in every phase by the same loss and by recall@1 over the whole
  validation set, so that values are comparable across phases;
- the best checkpoint is one of the last phase, and the latest of equally good ones;
- SIGTERM leads to a checkpoint (termination.py), and a checkpoint is complete or not there (checkpointing.py).

The file is longer than others, because these are all methods of one class.
"""

import math
import shutil
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import DistributedType
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import EvalPrediction, PreTrainedTokenizerBase, Trainer
from transformers.trainer import TRAINING_ARGS_NAME
from transformers.trainer_utils import SaveStrategy, rotate_checkpoints
from transformers.training_args import OptimizerNames

from modeling_dnacse import DnacseForContrastiveLearning, DnacseModel
from modeling_dnacse.loading.checkpoints import one_sentence
from trainer.arguments import ContrastiveArguments
from trainer.objective.gradient_cache import backward_but_last
from trainer.objective.objectives import SIDES, Batch, Objectives
from trainer.objective.randomness import SeedProcess, StepRandomness
from trainer.objective.retrieval import validation_scores
from trainer.objective.step_log import StepLog
from trainer.pairing.pairs import FixedPairs, PairSampler
from trainer.releasing.training_record import as_json
from trainer.running.checkpointing import DRAFTS, failure_in_one_sentence, put_folder_in_place
from trainer.running.curriculum import Curriculum
from trainer.running.parameters import (
    encoder_weights,
    fill_missing_states,
    have_lengths,
    head_parameters,
    idle_parameters,
    parameter_groups,
)
from trainer.running.resume import FILES, RUN, STATE, check_files, file_digests
from trainer.running.termination import StopOnSignal, leave_signals_to_main_process

ADAM = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")  # states of its optimizers


class ContrastiveTrainer(Trainer):
    """Trainer for pairs; these attributes of Trainer have narrower types."""

    args: ContrastiveArguments
    model: DnacseForContrastiveLearning
    eval_dataset: FixedPairs | None
    processing_class: PreTrainedTokenizerBase

    def __init__(
        self, *args: Any, curriculum: Curriculum, sampler: PairSampler, facts: dict[str, Any], **kwargs: Any
    ) -> None:
        """Take the arguments of Trainer, the curriculum, the sampler of global batches, and the `run_facts`.

        Raises:
            ValueError: --chunk_tokens under FSDP, mi_mix of single sequences or without layers, a tokenizer without a
                mask token, or an option that Trainer refuses.
        """
        with one_sentence("an option of transformers' Trainer cannot be used"):
            super().__init__(*args, compute_metrics=self._scores, **kwargs)
        if self.is_fsdp_enabled and self.args.chunk_tokens:
            raise ValueError(
                "--chunk_tokens gives processes different numbers of chunks, and FSDP needs the same number: "
                "use --cached_chunk_size"
            )
        alone = 1 in (self.args.cached_chunk_size, self.args.per_device_train_batch_size)
        if alone and "mi_mix" in curriculum.objectives:
            raise ValueError(
                "mi_mix mixes sequences that pass the model together, and here each is alone: give 2 or more to "
                "--per_device_train_batch_size and --cached_chunk_size"
            )
        config: Any = self.model.config
        if "mi_mix" in curriculum.objectives and not (config.num_hidden_layers or config.sites):
            raise ValueError("mi_mix mixes the input of a layer, and this model has none: take it out of --curriculum")
        self.curriculum, self.sampler, self.facts = curriculum, sampler, facts
        # from **kwargs in our forward, Trainer concludes that it divides the loss by the accumulation steps
        self.model_accepts_loss_kwargs = False
        self.steps = StepLog(config, self.args.device)
        self.stop = StopOnSignal(self.accelerator)
        self.add_callback(self.stop)
        self.add_callback(SeedProcess())
        self._micro_step, self._drafting = 0, False
        self.steps_begun = 0  # in this session
        self._idle: list[nn.Parameter] = []
        settings, place = self.args.objective_settings(), (self.args.device, self.args.world_size)
        self.objectives = Objectives(settings, config, self.processing_class, self.steps, *place)

    def _init_training_state(self, *args: Any) -> tuple[int, int]:
        """As Trainer; the best checkpoint is looked for beside the resumed one, since both may have been moved."""
        position = super()._init_training_state(*args)
        *_, resumed, _ = args
        if resumed:
            best = Path(resumed).with_name(f"checkpoint-{self.state.best_global_step}")
            self.state.best_model_checkpoint = str(best) if best.exists() else None
        return position

    def _get_train_sampler(self, train_dataset: Any = None) -> PairSampler:
        return self.sampler

    def _get_dataloader(self, *args: Any, **kwargs: Any) -> DataLoader:
        """As Trainer, with workers that leave SIGTERM to the main process."""
        loader = super()._get_dataloader(*args, **kwargs)
        leave_signals_to_main_process(getattr(loader, "base_dataloader", loader))  # accelerate wraps it
        return loader

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """The optimizer of --optim, with separate learning rates for the encoder and the projection head."""
        if self.optimizer is None:
            model = model or self.model
            optimizer_class, options = self.get_optimizer_cls_and_kwargs(
                self.args,
                model,  # pyright: ignore[reportArgumentType] any module works, wrapped ones too
            )
            groups = parameter_groups(
                model,
                set(self.get_decay_parameter_names(model)),
                self.args.learning_rate,
                self.args.head_learning_rate_multiplier,
                self.args.weight_decay,
            )
            try:
                self.optimizer = optimizer_class(groups, **options)
            except ValueError as error:
                raise ValueError(
                    f"--optim {OptimizerNames(self.args.optim).value} refuses its options ({error}); change "
                    "--learning_rate, --head_learning_rate_multiplier, --weight_decay, --adam_* or --optim_args"
                ) from None
        return self.optimizer

    def create_scheduler(self, *args: Any, **kwargs: Any) -> Any:
        """As Trainer, which learns only here that a schedule lacks an argument.

        Raises:
            ValueError: it does.
        """
        with one_sentence("--lr_scheduler_type cannot be used with these --lr_scheduler_kwargs"):
            return super().create_scheduler(*args, **kwargs)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """As Trainer; then check the shapes of Adam's states, since torch writes beyond the end of smaller ones.

        Raises:
            ValueError: one has another shape than its parameter.
        """
        super()._load_optimizer_and_scheduler(checkpoint)
        states: Any = {} if self.optimizer is None or self.is_fsdp_enabled else self.optimizer.state
        for parameter, state in states.items():
            for name in ADAM:
                if name in state and state[name].shape != parameter.shape:
                    raise ValueError(f"{name} of the optimizer has another shape than its parameter")

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """As Trainer, which would make one step more in a run stopped between its last step and its release."""
        if self.state.global_step < self.state.max_steps:
            super()._run_epoch(*args, **kwargs)

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """Fetch the micro-batches of an optimizer step, and measure the time."""
        self.steps.start()
        self._micro_step = 0
        self.steps_begun += 1
        started = time.perf_counter()
        batches = super().get_batch_samples(*args, **kwargs)
        self.steps.waited += time.perf_counter() - started
        return batches

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        """As Trainer; then remove the gradients of what the phase does not train, so that Adam does not change it.

        Raises:
            ValueError: the loss is NaN or infinite.
        """
        loss = super().training_step(*args, **kwargs)
        if not torch.isfinite(loss).all():
            raise ValueError(
                f"the loss of step {self.state.global_step + 1} is {loss.item()}, so training stops and nothing is "
                "released: lower --learning_rate, or resume from a checkpoint"
            )
        for parameter in self._idle:
            parameter.grad = None
        self._micro_step += 1
        return loss

    def _get_grad_norm(self, *args: Any, **kwargs: Any) -> Any:
        """As Trainer, but in float16 there is no norm of infinite gradients, whose step its scaler skips.

        Raises:
            ValueError: the gradients are NaN or infinite, and no scaler would skip the step.
        """
        norm = super()._get_grad_norm(*args, **kwargs)
        if norm is None or math.isfinite(norm):
            return norm
        if self.args.fp16:
            return None  # JSON has no infinity
        raise ValueError(
            f"the gradients of step {self.state.global_step + 1} have the norm {float(norm)}, so training stops and "
            "nothing is released: lower --learning_rate or raise --temperature, or resume from a checkpoint"
        )

    def compute_loss(
        self, model: nn.Module, inputs: Batch, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss of the current phase, with the graph of its last term; the other terms are backpropagated here."""
        objective = self.curriculum.objectives[self.curriculum.phase_at(self.state.global_step)]
        step, process = self.state.global_step, self.args.process_index
        randomness = StepRandomness(self.args.seed, step, self._micro_step, process)
        loss = backward_but_last(
            self.objectives.terms(objective, model, inputs, randomness),
            lambda term: self.accelerator.backward(term / self.current_gradient_accumulation_steps),
            partial(self.accelerator.no_sync, model),
        )
        self.steps.pairs += len(inputs["species"]) * self.args.world_size
        if self.accelerator.distributed_type in (DistributedType.MULTI_CPU, DistributedType.MULTI_GPU):
            # in the last term, DistributedDataParallel waits for a gradient of every parameter, even if only earlier
            # terms use it: so add all heads times zero
            self._idle = idle_parameters(
                self.model,
                objective,
                self.objectives.compares_features(objective),
                self.objectives.genus_weight(objective) > 0,
                self.objectives.mlm_weight(objective) > 0,
            )
            loss = loss + 0.0 * sum(parameter.sum() for parameter in head_parameters(self.model))
        return (loss, {}) if return_outputs else loss

    def prediction_step(
        self, model: nn.Module, inputs: Batch, prediction_loss_only: bool, ignore_keys: Any = None
    ) -> tuple[None, Any, Any]:
        """Vectors of a batch of validation pairs; `validation_scores` scores all of them at the end."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad():
            anchors, positives = (model(**inputs[side]).embeddings.float() for side in SIDES)
        return None, (anchors, positives), inputs["species"]

    def _scores(self, prediction: EvalPrediction) -> dict[str, float]:
        anchors, positives = (torch.from_numpy(side) for side in prediction.predictions)
        species = torch.from_numpy(np.asarray(prediction.label_ids))
        batch_size = self.args.per_device_eval_batch_size
        return validation_scores(anchors, positives, species, self.args.temperature, batch_size)

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        if self.args.save_strategy == SaveStrategy.STEPS and not self.control.should_save:
            return False  # without a checkpoint it could not be released
        # an earlier phase may score best, and easy data tie early: either would waste later training
        if self.curriculum.phase_at(self.state.global_step - 1) < len(self.curriculum.objectives) - 1:
            return False
        name = f"eval_{(self.args.metric_for_best_model or '').removeprefix('eval_')}"
        equal = name in metrics and metrics[name] == self.state.best_metric
        if equal:
            self.state.best_global_step = self.state.global_step
        return super()._determine_best_metric(metrics, trial) or equal

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the measurements since the last log."""
        if "loss" in logs and self.steps.pairs:
            logs["phase"] = 1 + self.curriculum.phase_at(self.state.global_step - 1)
            logs |= self.steps.report(self._mean_over_processes, self.args.world_size)
        self.steps.clear()  # also after an evaluation, whose time is not training time
        super().log(logs, start_time)

    def _mean_over_processes(self, values: Any) -> Any:
        return self.accelerator.reduce(values, reduction="mean")

    def _get_output_dir(self, trial: Any) -> str:
        folder = super()._get_output_dir(trial)
        return str(Path(folder, DRAFTS)) if self._drafting else folder

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Let Trainer write a draft, and put it in place when every process has written its part.

        Raises:
            ValueError: weights are NaN, infinite, or so large that their squares are.
            OSError: the checkpoint cannot be written.
        """
        weights = [] if self.is_fsdp_enabled else self.model.parameters()  # of which a process has a part
        if not have_lengths(weights):
            raise ValueError(
                f"step {self.state.global_step} made weights that are NaN, infinite or above 1e18, so training stops "
                "and they are not saved: lower --learning_rate, or resume from an earlier checkpoint"
            )
        name, best = (f"checkpoint-{step}" for step in (self.state.global_step, self.state.best_global_step))
        output = Path(self._get_output_dir(trial))
        first = self.args.process_index == 0
        with failure_in_one_sentence(output / name):
            if first:
                shutil.rmtree(output / DRAFTS, ignore_errors=True)
            self.accelerator.wait_for_everyone()
            self._drafting = True
            if self.is_fsdp_enabled and self.optimizer is not None:
                fill_missing_states(self.optimizer)
            try:
                super()._save_checkpoint(model, trial)
            finally:
                self._drafting = False
            if best == name or (output / best).exists():
                self.state.best_model_checkpoint = str(output / best)
            self.accelerator.wait_for_everyone()
            if first:
                draft = output / DRAFTS / name
                # a pickle of all options, with paths, which nothing reads; of sharded weights Trainer writes none
                (draft / TRAINING_ARGS_NAME).unlink(missing_ok=True)
                # Trainer's state names the draft, and a folder that may be moved
                replace(self.state, best_model_checkpoint=None).save_to_json(str(draft / STATE))
                (draft / RUN).write_text(as_json(self.facts | {FILES: file_digests(draft)}))
                put_folder_in_place(draft, output / name)
                best_checkpoint = self.state.best_model_checkpoint
                rotate_checkpoints(str(output), self.args.save_total_limit, best_checkpoint, use_mtime=True)
            self.accelerator.wait_for_everyone()

    def _load_best_model(self) -> None:
        """Load the best checkpoint; Trainer would release the last weights without a word if it were gone.

        Raises:
            ValueError: a file of it is missing or damaged.
        """
        if self.state.best_model_checkpoint:
            check_files(Path(self.state.best_model_checkpoint))
        super()._load_best_model()

    @property
    def step_to_release(self) -> int:
        """The step of the final weights: that of the best checkpoint, or else the last."""
        best = self.state.best_model_checkpoint if self.args.load_best_model_at_end else None
        return int(Path(best).name.partition("-")[2]) if best else self.state.global_step

    def model_to_release(self) -> DnacseModel:
        """The encoder; under FSDP, a copy that has all weights on the first process."""
        if not self.is_fsdp_enabled:
            return self.model.bert
        weights: Any = self.accelerator.get_state_dict(self.model)
        config: Any = self.model.config
        encoder = DnacseModel(config)
        if self.is_world_process_zero():  # the others get no weights
            encoder.load_state_dict(encoder_weights(weights))
        return encoder
