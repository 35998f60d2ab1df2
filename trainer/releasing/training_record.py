"""The record of a run, training.json: what others need to repeat it, and the source of the model card."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerState

from modeling_dnacse.loading.repository import RECORD
from modeling_dnacse.machine.json_files import read_object
from modeling_dnacse.machine.provenance import device_name, package_versions

HISTORY = "training_log.json"
RECORDED_ARGUMENTS = [
    "curriculum",
    "pooling",
    "pairing",
    "crop",
    "strand",
    "substitution_rate",
    "insertion_rate",
    "deletion_rate",
    "singletons",
    "fragment_length",
    "fragment_pairs",
    "compare",
    "temperature",
    "mix_alpha",
    "mixing_layers",
    "noise_additive",
    "noise_multiplicative",
    "noise_substitution",
    "margin",
    "mix_lambda",
    "hard_negative_weight",
    "genus_weight",
    "mlm_weight",
    "mlm_probability",
    "mlm_span",
    "learning_rate",
    "head_learning_rate_multiplier",
    "lr_scheduler_type",
    "warmup_steps",
    "weight_decay",
    "optim",
    "max_grad_norm",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "cached_chunk_size",
    "chunk_tokens",
    "max_length",
    "bf16",
    "fp16",
    "validation_fraction",
    "seed",
]


def training_record(
    arguments: Mapping[str, Any],
    processes: int,
    device: torch.device,
    state: TrainerState,
    data: dict[str, Any],
    scores: dict[str, float],
    released_step: int,
) -> dict[str, Any]:
    """The record of a finished run, or of a run so far when the model of a checkpoint is pushed.

    Args:
        arguments: the values of all options by name.
        processes: number of processes that train together.
        device: the device that this process trains on.
        state: the state of the Trainer.
        data: facts about the training and, if any, the validation records, see training_data.py.
        scores: of the released weights, as Trainer.evaluate returns them; empty without validation.
        released_step: the step of the released weights.
    """
    model, revision = arguments["model_name_or_path"], arguments["dataset_revision"]
    return {
        "arguments": {name: arguments[name] for name in RECORDED_ARGUMENTS},
        "processes": processes,
        "base_model": model and name_of(model),
        "start": record_of(model),
        "dataset": {"name": arguments["dataset_name"], "revision": revision} if revision else None,
        "data": data,
        "steps": state.global_step,
        "planned_steps": state.max_steps,
        "released_step": released_step,
        "seconds": round(training_seconds(state.log_history), 1),
        "validation": {key: scores[f"eval_{key}"] for key in ("loss", "recall_at_1")} if scores else None,
        "device": device_name(device),
        "versions": package_versions(["torch", "transformers", "tokenizers", "datasets", "accelerate"]),
    }


def record_of(model: str | None) -> dict[str, Any] | None:
    """The record of the run that made the model in a local folder, which training starts from; None without one.

    Raises:
        ValueError: it is damaged.
    """
    path = Path(model or "") / RECORD
    return read_object(path, "copy the model again, or remove its record") if model and path.is_file() else None


def training_seconds(log: list[dict[str, Any]]) -> float:
    """Seconds of training steps in all sessions of a resumed run together, without validation and start-up.

    >>> training_seconds([{"step": 2, "seconds": 1.5}, {"step": 2}, {"step": 3, "seconds": 0.5}])
    2.0
    """
    return sum(entry.get("seconds", 0.0) for entry in log)


def name_of(model: str) -> str:
    """A Hub id as it is, or the last part of a folder's path, so that no path of this machine is published."""
    return Path(model).resolve().name if Path(model).is_dir() else model


def as_json(value: Any) -> str:
    """The text of a JSON file."""
    return json.dumps(value, indent=2) + "\n"
