"""A name in, an encoder that `embed` takes and its tokenizer out, whatever kind of encoder it is."""

from typing import Any

from transformers import PreTrainedTokenizerFast

from .checkpoints import load_checkpoint
from .modeling_dnacse import DnacseModel


def load_encoder(name: str) -> tuple[Any, PreTrainedTokenizerFast]:
    """Load an encoder and its tokenizer from a folder or the Hub.

    Raises:
        ValueError: there is no such encoder, or the tokenizer is another model's.
    """
    return load_checkpoint(DnacseModel, name)
