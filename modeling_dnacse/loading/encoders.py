"""The name of a checkpoint or of an exported graph in; an encoder that `embed` takes, and its tokenizer, out."""

from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast

from ..attention import default_attention
from ..embedding.tokenization import check_tokens
from ..modeling_dnacse import DnacseModel
from .checkpoints import check_framing, load_checkpoint, load_tokenizer
from .int8 import to_int8
from .model_folders import GRAPH, check_model
from .onnx_encoder import OnnxEncoder


def load_encoder(name: str, device: str = "cpu", int8: bool = False) -> tuple[Any, PreTrainedTokenizerFast]:
    """Load an encoder and its tokenizer: a folder with a model.onnx, or a checkpoint from a folder or the Hub.

    Args:
        name: the folder or Hub id.
        device: where it will run; attention.py chooses its attention by that.
        int8: compute the linear layers in 8-bit integers, on CPU (int8.py).

    Raises:
        ValueError: there is no such encoder, it cannot be run here, or the tokenizer is another model's.
    """
    kind = torch.device(device).type
    if int8 and kind != "cpu":
        raise ValueError(f"int8 computes on CPU, not on {device}; choose another dtype or --device cpu")
    if Path(name, GRAPH).exists():
        if int8:
            raise ValueError(f"{name} holds a {GRAPH}, which computes in float32; int8 takes a checkpoint")
        check_model(name)
        encoder, tokenizer = OnnxEncoder(Path(name)), load_tokenizer(name)
        check_tokens(encoder.config, tokenizer, f"the tokenizer of {name}")
        check_framing(tokenizer, name)
        return encoder, tokenizer
    model, tokenizer = load_checkpoint(DnacseModel, name, attn_implementation=default_attention(kind))
    return (to_int8(model) if int8 else model), tokenizer
