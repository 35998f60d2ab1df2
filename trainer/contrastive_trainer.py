"""ContrastiveTrainer: the HF Trainer with a curriculum of contrastive objectives.

In: a DnacseForContrastiveLearning, a PairDataset, a Curriculum. What differs from Trainer, and nothing else:
- the order of training examples (PairSampler), two learning rates (encoder, head), the loss of the current phase;
- `loss` is joined in the log by phase, similarity of positives and negatives, recall@1 inside the batch, pairs/s,
  each the mean over the steps since the last log;
- evaluation scores the clean objective `weighted_simclr` in every phase, so that its values compare across the switch,
  and recall@1 over the whole validation set;
- the best checkpoint is one of the last phase, and of equally good ones the latest.
With gradient accumulation the negatives of a pair are those of its micro-batch, and one mixup is drawn an optimizer
step.
"""

import time
from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Sampler
from transformers import EvalPrediction, Trainer

from modeling_dnacse import DnacseForContrastiveLearning, ManifoldMixup
from trainer.arguments import ContrastiveArguments
from trainer.curriculum import Curriculum
from trainer.losses import info_nce, mi_mix, weighted_simclr
from trainer.pairs import PairDataset, PairSampler

HEAD = "projection."


class ContrastiveTrainer(Trainer):
    """Trainer over pairs; Trainer's attributes hold these narrower types."""

    args: ContrastiveArguments
    model: DnacseForContrastiveLearning
    train_dataset: PairDataset

    def __init__(self, *args: Any, curriculum: Curriculum, **kwargs: Any) -> None:
        """Take Trainer's arguments and the curriculum."""
        super().__init__(*args, compute_metrics=retrieval, **kwargs)
        self.curriculum = curriculum
        # our forward takes **kwargs, from which Trainer concludes that it divides the loss by accumulation steps
        self.model_accepts_loss_kwargs = False
        self._sums: Counter[str] = Counter()
        self._pairs, self._clock = 0, time.perf_counter()

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler:
        dataset = self.train_dataset if train_dataset is None else train_dataset
        return PairSampler(dataset, self.args.pairing, self.args.train_batch_size, self.args.seed)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Adam with the head's learning rate `head_learning_rate_multiplier` times the encoder's."""
        if self.optimizer is None:
            model = model or self.model
            decay = set(self.get_decay_parameter_names(model))
            groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
            for name, parameter in model.named_parameters():
                if parameter.requires_grad:
                    groups.setdefault((HEAD in name, name in decay), []).append(parameter)
            optimizer_class, options = self.get_optimizer_cls_and_kwargs(
                self.args,
                model,  # pyright: ignore[reportArgumentType] any module will do, wrapped ones too
            )
            self.optimizer = optimizer_class(
                [
                    {
                        "params": parameters,
                        "lr": self.args.learning_rate * (self.args.head_learning_rate_multiplier if is_head else 1.0),
                        "weight_decay": self.args.weight_decay if decays else 0.0,
                    }
                    for (is_head, decays), parameters in groups.items()
                ],
                **options,
            )
        return self.optimizer

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss of the phase that the global step belongs to."""
        if self._pairs == 0:
            self._clock = time.perf_counter()
        phase = self.curriculum.phase_at(self.state.global_step)
        objective, species = self.curriculum.objectives[phase], inputs["species"]
        mixup = None
        if objective == "mi_mix":
            rng = np.random.default_rng((self.args.seed, self.state.global_step))
            mixup = draw_mixup(len(species), self.model.config.num_hidden_layers, self.args.mix_alpha, rng)
        anchors = model(**inputs["anchors"], mixup=mixup).features
        positives = model(**inputs["positives"]).features
        if mixup is None:
            objective_loss = {"weighted_simclr": weighted_simclr, "info_nce": info_nce}[objective]
            loss = objective_loss(anchors, positives, self.args.temperature, species)
        else:
            permutation, coefficients = mixup.permutation.to(species.device), mixup.coefficients.to(species.device)
            loss = mi_mix(anchors, positives, permutation, coefficients, self.args.temperature, species)
        self._sums.update(similarities(anchors.detach(), positives.detach(), species), batches=1)
        self._pairs += len(species)
        return (loss, {"anchors": anchors, "positives": positives}) if return_outputs else loss

    def prediction_step(
        self, model: nn.Module, inputs: dict[str, Any], prediction_loss_only: bool, ignore_keys: Any = None
    ) -> tuple[Tensor, Any, Any]:
        """Features of a batch of validation pairs and their loss under the clean objective."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            anchors, positives = (model(**inputs[side]).features.float() for side in ("anchors", "positives"))
        loss = weighted_simclr(anchors, positives, self.args.temperature, inputs["species"])
        return loss, (anchors, positives), inputs["species"]

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        # An earlier phase may win at the validation task, and easy data tie early: either would waste training
        if self.curriculum.phase_at(self.state.global_step - 1) < len(self.curriculum.objectives) - 1:
            return False
        name = f"eval_{(self.args.metric_for_best_model or '').removeprefix('eval_')}"
        equal = name in metrics and metrics[name] == self.state.best_metric
        if equal:
            self.state.best_global_step = self.state.global_step
        return super()._determine_best_metric(metrics, trial) or equal

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add what happened since the last log to a training log."""
        if "loss" in logs and self._pairs:
            batches = self._sums.pop("batches")
            logs["phase"] = 1 + self.curriculum.phase_at(self.state.global_step - 1)
            logs |= {name: round(total / batches, 5) for name, total in self._sums.items()}
            logs["pairs_per_second"] = round(self._pairs / (time.perf_counter() - self._clock), 2)
            self._sums.clear()
        self._pairs = 0  # an evaluation logs too: its time is nobody's training time
        super().log(logs, start_time)


def draw_mixup(batch: int, layers: int, alpha: float, rng: np.random.Generator) -> ManifoldMixup:
    """One layer for the batch, a permutation, and λ_i = max(b, 1-b) with b ~ Beta(α, α) (DNABERT-S §3.2)."""
    weight = rng.beta(alpha, alpha, size=batch)
    return ManifoldMixup(
        layer=int(rng.integers(layers)),
        permutation=torch.from_numpy(rng.permutation(batch)),
        coefficients=torch.from_numpy(np.maximum(weight, 1 - weight)).float(),
    )


def similarities(anchors: Tensor, positives: Tensor, species: Tensor) -> dict[str, float]:
    """Mean cosine of positives and of negatives, and recall@1: how often the positive is nearest in the batch."""
    cosine = anchors.float() @ positives.float().T  # (n, n)
    negative = species[:, None] != species[None, :]
    positive = cosine.diagonal()
    return {
        "positive_similarity": positive.mean().item(),
        "negative_similarity": (cosine * negative).sum().item() / max(negative.sum().item(), 1),
        "recall_at_1": beats(positive, cosine, negative).float().mean().item(),
    }


def retrieval(prediction: EvalPrediction) -> dict[str, float]:
    """Recall@1 of each validation anchor among the positives of all validation pairs, a block of rows at a time."""
    anchors, positives = (torch.from_numpy(side) for side in prediction.predictions)
    species = torch.from_numpy(np.asarray(prediction.label_ids))
    hits = 0.0
    for start in range(0, len(anchors), 1024):
        rows = slice(start, start + 1024)
        cosine = anchors[rows] @ positives.T
        negative = species[rows, None] != species[None, :]
        hits += beats(cosine.diagonal(start), cosine, negative).sum().item()
    return {"recall_at_1": hits / len(anchors)}


def beats(positive: Tensor, cosine: Tensor, negative: Tensor) -> Tensor:
    """Whether each row's positive (rows,) is nearer than all that is `negative` among its candidates (rows, n)."""
    return positive > cosine.masked_fill(~negative, -torch.inf).amax(1)
