"""The learning rates of parameters, and the parameters that a phase does not train."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

import torch
from torch import nn

ENCODER = "bert."
HEADS = PROJECTION, MLM_HEAD, POOLER, GENERA = "projection.", "cls.", "bert.pooler.", "genera."


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
    """The parameters of the heads, not used in all forward passes; the decoder is tied to the token embeddings."""
    return [parameter for name, parameter in model.named_parameters() if name.startswith(HEADS)]


def idle_parameters(
    model: nn.Module, objective: str, with_head: bool, with_genera: bool, with_mlm: bool
) -> list[nn.Parameter]:
    """The parameters of the heads that `objective` does not train."""
    used = {
        PROJECTION: with_head,
        POOLER: objective != "mlm",
        GENERA: with_genera,
        MLM_HEAD: with_mlm,
    }
    idle = tuple(head for head, is_used in used.items() if not is_used)
    return [parameter for name, parameter in model.named_parameters() if name.startswith(idle)]


def encoder_weights(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of the encoder, by their names in it, out of those of the training model."""
    return {name.removeprefix(ENCODER): weights[name] for name in weights if name.startswith(ENCODER)}


def have_lengths(weights: Iterable[torch.Tensor]) -> bool:
    """Whether the squares of weights are finite, too: vectors of larger weights are divided by infinity, to zeros.

    >>> have_lengths([torch.ones(2), torch.full((2,), 1e18)]), have_lengths([torch.full((2,), -1e20)])
    (True, False)
    """
    return all(bool(torch.isfinite(weight.detach().float().square().sum())) for weight in weights)


def fill_missing_states(optimizer: torch.optim.Optimizer) -> None:
    """Give the parameters that have not been trained yet a state of zeros, from which Adam would start anyway.

    FSDP 2 refuses to load the state of an optimizer in which a parameter, such as that of an idle head, has none.
    """
    example = next(iter(optimizer.state.values()))
    for parameter in (parameter for group in optimizer.param_groups for parameter in group["params"]):
        if parameter not in optimizer.state:
            optimizer.state[parameter] = {
                name: torch.zeros_like(parameter if value.dim() else value) for name, value in example.items()
            }
