"""The name of a checkpoint in, its model and tokenizer out; every error is one sentence that names the checkpoint."""

from pickle import UnpicklingError
from typing import Any, TypeVar

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import PreTrainedTokenizerFast

from ..configuration_dnacse import DnacseConfig
from ..embedding.tokenization import apply_alphabet_policy
from ..modeling_dnacse import DnacsePreTrainedModel

Model = TypeVar("Model", bound=DnacsePreTrainedModel)


def load_checkpoint(
    model_class: type[Model], name: str, tokenizer_name: str | None = None, **options: Any
) -> tuple[Model, PreTrainedTokenizerFast]:
    """Load a model of `model_class` and its tokenizer from a folder or the Hub; no code of the repository is run.

    Args:
        name: folder or Hub id of a DNACSE, DNABERT-2 or DNABERT-S checkpoint.
        tokenizer_name: folder or Hub id of the tokenizer; None: the checkpoint's own.
        options: further arguments of `from_pretrained`: values that replace those of the configuration, such as
            pooling="cls", and arguments of the model, such as with_mlm_head=True.

    Raises:
        ValueError: there is no such checkpoint, it is of another architecture, or the tokenizer is another model's.
    """
    tokenizer = load_tokenizer(tokenizer_name or name)
    try:
        model = model_class.from_pretrained(name, dtype=torch.float32, **options)
    except (OSError, RuntimeError, SafetensorError, StrictDataclassError, UnpicklingError) as error:
        raise ValueError(f"{name} cannot be loaded as a model: {first_line(error)}") from error
    if len(tokenizer) > model.config.vocab_size or tokenizer.pad_token_id != model.config.pad_token_id:
        raise ValueError(
            f"the tokenizer of {tokenizer_name or name} has {len(tokenizer)} entries and pad id "
            f"{tokenizer.pad_token_id}, the model {model.config.vocab_size} and {model.config.pad_token_id}; "
            "give the tokenizer that it was trained with"
        )
    if model.config.vocabulary is not None and model.config.vocabulary != vocabulary_of(tokenizer):
        raise ValueError(
            f"the tokens of {tokenizer_name or name} are not those that the model was trained with; "
            "give the tokenizer that it was trained with"
        )
    return model, tokenizer


def load_config(name: str, tokenizer: PreTrainedTokenizerFast) -> DnacseConfig:
    """Load an architecture from a config.json, a folder or the Hub, for the vocabulary of a tokenizer.

    Raises:
        ValueError: there is none, or a value in it is not allowed.
    """
    try:
        config = DnacseConfig.from_pretrained(name, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)
    except (OSError, ValueError, StrictDataclassError) as error:
        raise ValueError(f"{name} cannot be loaded as a configuration: {first_line(error)}") from error
    config.vocabulary = vocabulary_of(tokenizer) if config.kmer or config.sites else None
    return config


def vocabulary_of(tokenizer: PreTrainedTokenizerFast) -> str:
    """All tokens in the order of their ids, between spaces."""
    return " ".join(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))))


def load_tokenizer(name: str) -> PreTrainedTokenizerFast:
    """Load a tokenizer from a folder or the Hub.

    Raises:
        ValueError: there is none.
    """
    try:
        return apply_alphabet_policy(PreTrainedTokenizerFast.from_pretrained(name))
    except (OSError, ValueError, TypeError) as error:  # TypeError: a folder without tokenizer.json
        raise ValueError(
            f"{name} is neither a folder with a tokenizer.json nor a Hub model: {first_line(error)}"
        ) from error


def first_line(error: Exception) -> str:
    """The first line of a library's error, without its advice; of a refused value also the last line, its reason."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return " ".join([lines[0], lines[-1].strip()]) if isinstance(error, StrictDataclassError) else lines[0]
