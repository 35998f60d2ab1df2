"""A name in, an encoder that `embed` takes and its tokenizer out: a checkpoint, or what `dnacse export` wrote."""

from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from .attention import PACKED
from .checkpoints import load_checkpoint, load_tokenizer
from .int8 import to_int8
from .modeling_dnacse import DnacseModel
from .onnx_encoder import GRAPH, OnnxEncoder


def load_encoder(name: str, int8: bool = False) -> tuple[Any, PreTrainedTokenizerFast]:
    """Load an encoder and its tokenizer: a folder with a model.onnx, or a checkpoint from a folder or the Hub.

    Args:
        int8: compute the linear layers in 8-bit integers, on CPU (int8.py), with the attention that is fastest there.

    Raises:
        ValueError: there is no such encoder, it cannot be run here, or the tokenizer is another model's.
    """
    if Path(name, GRAPH).exists():
        if int8:
            raise ValueError(f"{name} holds a {GRAPH}, which computes in float32; int8 takes a checkpoint")
        return OnnxEncoder(Path(name)), load_tokenizer(name)
    if not int8:
        return load_checkpoint(DnacseModel, name)
    model, tokenizer = load_checkpoint(DnacseModel, name, attn_implementation=PACKED)
    return to_int8(model), tokenizer
