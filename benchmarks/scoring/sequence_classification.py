"""Fine-tune a checkpoint, choose the epoch by validation and classify: for fine_tune, gue and genomic_benchmarks.

The network is what AutoModelForSequenceClassification makes of the checkpoint: ours and DNABERT-2's layout become
a DnacseForSequenceClassification (a linear layer on mean-pooled tokens), others bring their own head. The whole
network is trained by the HF Trainer: AdamW, weight decay 1e-5, one cycle of the rate over all steps (as BarcodeBERT's
fine-tuning), gradients clipped at 1, sequences of similar length in a batch. After each epoch the validation accuracy
is taken; the weights of the best epoch classify.

Checkpoints of the run lie in a temporary folder, which takes twice the size of the weights and is deleted at the end.
"""

import inspect
import math
import tempfile
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from datasets import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    EvalPrediction,
    Trainer,
    TrainingArguments,
    set_seed,
)

from benchmarks.methods.method import Method, Unsuited
from benchmarks.methods.networks import find_network
from modeling_dnacse import DnacseConfig
from modeling_dnacse.embedding.batching import batches_by_length
from modeling_dnacse.loading.checkpoints import load_tokenizer

WEIGHT_DECAY = 1e-5


class Examples(NamedTuple):
    """Sequences and their classes."""

    sequences: Sequence[str]
    classes: np.ndarray  # (n,) int64 from 0


class Recipe(NamedTuple):
    """How to fine-tune."""

    epochs: int
    batch_size: int
    learning_rate: float  # the highest of the cycle
    max_tokens: int  # longer sequences are cut there
    seed: int
    device: str
    batch_tokens: int  # tokens per forward pass when the queries are classified
    trust_remote_code: bool  # whether code of the checkpoint's repository may run


def fine_tune(
    method: Method, train: Examples, validation: Examples, queries: Sequence[str], recipe: Recipe
) -> np.ndarray:
    """Fine-tune on the training examples and classify the queries.

    Args:
        method: A method with a checkpoint.
        train: Examples to learn from; the number of classes is the highest plus one.
        validation: Examples that choose the epoch.
        queries: Sequences to classify (q,).
        recipe: How.

    Returns:
        Classes (q,), int64.

    Raises:
        Unsuited: The method is not a checkpoint.
        ValueError: There is nothing to train on or to validate with.
    """
    if method.checkpoint is None:
        raise Unsuited(f"{method.name} is no checkpoint that could be trained further: choose another model or task.")
    if not len(train.classes) or not len(validation.classes):
        raise ValueError(
            f"got {len(train.classes)} sequences to train on and {len(validation.classes)} to choose the epoch by, "
            "but fine-tuning needs both: give more data."
        )
    set_seed(recipe.seed)  # the head starts at random
    network, tokenizer, limit = load_classifier(method.checkpoint, int(train.classes.max()) + 1, recipe)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=recipe.epochs,
            per_device_train_batch_size=recipe.batch_size,
            per_device_eval_batch_size=recipe.batch_size,
            train_sampling_strategy="group_by_length",
            eval_strategy="epoch",
            logging_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=1,
            save_only_model=True,
            load_best_model_at_end=True,
            metric_for_best_model="accuracy",
            report_to="none",
            logging_nan_inf_filter=False,
            seed=recipe.seed,
            use_cpu=recipe.device == "cpu",
            dataloader_pin_memory=recipe.device != "cpu",
        )
        steps = math.ceil(len(train.classes) / arguments.train_batch_size) * recipe.epochs
        optimizer = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=WEIGHT_DECAY)
        schedule: Any = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps)
        trainer = Trainer(
            model=network,
            args=arguments,
            data_collator=DataCollatorWithPadding(tokenizer),
            train_dataset=to_dataset(tokenizer, train, limit),
            eval_dataset=to_dataset(tokenizer, validation, limit),
            processing_class=tokenizer,
            compute_metrics=accuracy,
            preprocess_logits_for_metrics=best_class,
            optimizers=(optimizer, schedule),
        )
        trainer.train()
    return classify(network, tokenizer, queries, limit, recipe.batch_tokens)


def load_classifier(checkpoint: str, classes: int, recipe: Recipe) -> tuple[Any, Any, int]:
    """Load a network with a new head, its tokenizer, and the number of tokens at which sequences are cut.

    Raises:
        ValueError: It is not a checkpoint, or needs code of its repository that may not run.
    """
    config = find_network(checkpoint, recipe.trust_remote_code)
    if config is None:
        raise ValueError(f"got {checkpoint}, which is neither a checkpoint folder nor a Hub id within reach.")
    ours = isinstance(config, DnacseConfig)
    trusted = recipe.trust_remote_code and not ours
    config.num_labels, config.problem_type = classes, "single_label_classification"
    network = AutoModelForSequenceClassification.from_pretrained(
        checkpoint, config=config, dtype=torch.float32, ignore_mismatched_sizes=True, trust_remote_code=trusted
    )
    if ours:
        tokenizer = load_tokenizer(checkpoint)
    else:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, trust_remote_code=trusted)
    positions = config.to_dict().get("max_position_embeddings", recipe.max_tokens)
    return network, tokenizer, min(recipe.max_tokens, tokenizer.model_max_length, positions)


def token_ids(tokenizer: Any, sequences: Sequence[str], limit: int) -> list[list[int]]:
    """Tokenise, cutting at `limit` tokens."""
    return tokenizer(list(sequences), truncation=True, max_length=limit)["input_ids"] if sequences else []


def to_dataset(tokenizer: Any, examples: Examples, limit: int) -> Dataset:
    """Tokenised examples as the Trainer takes them."""
    ids = token_ids(tokenizer, examples.sequences, limit)
    return Dataset.from_dict({"input_ids": ids, "labels": examples.classes.tolist()})


def best_class(logits: Any, _: torch.Tensor) -> torch.Tensor:
    """Scores (batch, classes) to classes: those of thousands of classes for a whole split would not fit in memory."""
    return (logits[0] if isinstance(logits, tuple) else logits).argmax(dim=-1)


def accuracy(prediction: EvalPrediction) -> dict[str, float]:
    """Share of right answers."""
    return {"accuracy": float(np.mean(prediction.predictions == prediction.label_ids))}


@torch.inference_mode()
def classify(network: Any, tokenizer: Any, sequences: Sequence[str], limit: int, batch_tokens: int) -> np.ndarray:
    """Classify in batches of similar length, (q,) str -> (q,) int64 in input order.

    Not by `Trainer.predict`, which groups by length as the training does and returns its answers in that order.

    Raises:
        ValueError: The network gives NaN or infinity, of which the first class would be the best.
    """
    ids = token_ids(tokenizer, sequences, limit)
    network.eval()
    masked = "attention_mask" in inspect.signature(network.forward).parameters
    found = np.empty(len(ids), dtype=np.int64)
    for rows in batches_by_length([len(tokens) for tokens in ids], batch_tokens):
        batch = tokenizer.pad(
            {"input_ids": [ids[row] for row in rows]}, return_tensors="pt", return_attention_mask=masked
        ).to(network.device)
        logits = network(**batch).logits
        if not torch.isfinite(logits).all():
            raise ValueError(
                "the fine-tuned network gives NaN or infinity: its weights may be damaged, or the learning rate too "
                "high; copy the model again, or lower the rate by --set TASK.learning_rate"
            )
        found[rows] = logits.argmax(dim=-1).cpu().numpy()
    return found
