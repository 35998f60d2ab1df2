"""The learning rates of parameters, and the parameters that a phase does not train."""

from collections.abc import Set
from typing import Any

from torch import nn

HEADS = PROJECTION, MLM_HEAD, POOLER = "projection.", "cls.", "bert.pooler."


def parameter_groups(
    model: nn.Module, decaying: Set[str], learning_rate: float, head_multiplier: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Groups of parameters for an optimizer: the projection head learns at `head_multiplier` times the encoder's rate.

    Args:
        decaying: names of the parameters with weight decay.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((PROJECTION in name, name in decaying), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": learning_rate * (head_multiplier if is_head else 1.0),
            "weight_decay": weight_decay if decays else 0.0,
        }
        for (is_head, decays), parameters in groups.items()
    ]


def head_parameters(model: nn.Module) -> list[nn.Parameter]:
    """The parameters of the heads, which not every forward pass uses; the decoder is tied to the token embeddings."""
    return [parameter for name, parameter in model.named_parameters() if name.startswith(HEADS)]


def idle_parameters(model: nn.Module, objective: str, with_head: bool, with_mlm: bool) -> list[nn.Parameter]:
    """The parameters of the heads that `objective` does not train."""
    used = {
        PROJECTION: with_head,
        POOLER: objective != "mlm",
        MLM_HEAD: with_mlm,
    }
    idle = tuple(head for head, is_used in used.items() if not is_used)
    return [parameter for name, parameter in model.named_parameters() if name.startswith(idle)]
