"""`load_checkpoint` as callers in Python get it: it takes the names of shipped models too.

Commands, trainer and benchmarks call that of checkpoints.py: there a name is a folder or a Hub id, and nothing else.
"""

from typing import Any

from transformers import PreTrainedTokenizerFast

from .checkpoints import Model
from .checkpoints import load_checkpoint as load_named
from .model_folders import given_model


def load_checkpoint(
    model_class: type[Model], name: str, tokenizer_name: str | None = None, **options: Any
) -> tuple[Model, PreTrainedTokenizerFast]:
    """Load a model of `model_class` and its tokenizer from a folder or the Hub; no code of the repository is run.

    Args:
        name: folder or Hub id of a DNACSE, DNABERT-2 or DNABERT-S checkpoint, as text or as a Path, or the name of a
            shipped model.
        tokenizer_name: the same for the tokenizer; None: the checkpoint's own.
        options: further arguments of `from_pretrained`: values that replace those of the configuration, such as
            pooling="cls", and arguments of the model, such as with_mlm_head=True. Without `dtype`, the weights are
            float32.

    Raises:
        ValueError: there is no such checkpoint, it is of another architecture, or the tokenizer is another model's; or
            a name is no path.
    """
    if options.get("output_loading_info"):
        raise ValueError("output_loading_info is not known here, where two things are returned; leave it out")
    tokenizer_name = None if tokenizer_name is None else given_model(tokenizer_name)
    return load_named(model_class, given_model(name), tokenizer_name, **options)
