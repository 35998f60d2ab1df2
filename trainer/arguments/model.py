"""Options of the model: the checkpoint or the architecture that training starts from."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass
class ModelArguments:
    """Model: a checkpoint to start from, or an architecture to train from scratch."""

    model_name_or_path: str | None = field(
        default=None,
        metadata={
            "help": "Start from this checkpoint: a folder or a Hub id of a DNACSE, DNABERT-2 or DNABERT-S model. Give "
            "either this or --config_name."
        },
    )
    config_name: str | None = field(
        default=None,
        metadata={
            "help": "Start from random weights of this architecture: a config.json, or a folder or Hub id that holds "
            "one. Needs --tokenizer_name."
        },
    )
    tokenizer_name: str | None = field(
        default=None,
        metadata={"help": "Folder or Hub id of the tokenizer. By default, it is the checkpoint's own tokenizer."},
    )
    pooling: Literal["mean", "cls", "mean_last_two", "cls_tanh"] | None = field(
        default=None,
        metadata={"help": "How the states of the tokens become one vector. By default, as the checkpoint says."},
    )
    max_length: int = field(
        default=2000, metadata={"help": "Most tokens of a sequence. A longer sequence is cut off at its end."}
    )
    attn_implementation: Literal["eager", "sdpa", "packed", "flash_attention_2", "flex_attention"] | None = field(
        default=None,
        metadata={
            "help": "Implementation of attention. packed (the default on a CPU), flex_attention (CUDA) and "
            "flash_attention_2 (CUDA, needs flash-attn) compute no padding; sdpa (the default on CUDA) and eager do."
        },
    )
