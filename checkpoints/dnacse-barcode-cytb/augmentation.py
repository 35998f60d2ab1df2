"""Augmentation of hidden states inside the encoder, in training: manifold mixup (DNABERT-S), encoder noise (DNACSE).

Both are records that are passed to `forward`. The random numbers of mixup are drawn outside, since the loss needs
them. Noise comes from torch's global generator, as dropout does, so that restoring the generator's state repeats it.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class ManifoldMixup(NamedTuple):
    """One draw of manifold instance mixup (DNABERT-S): the input of one layer is mixed with its own permuted batch."""

    layer: int  # 0: the embedding output
    permutation: Tensor  # (batch,) long
    coefficients: Tensor  # (batch,) float, weight of the sequence; its partner has the rest


class EncoderNoise(NamedTuple):
    """Strengths of the Gaussian noise on the embedding output, in training only.

    The paper of DNACSE gives two strengths, local (0.10 to 0.25) and global (0.09 to 0.15). Its noise module was never
    published, so the formula in `add_noise` is ours.
    """

    multiplicative: float  # local: standard deviation of the factor
    additive: float  # global: standard deviation of the summand


def mix(hidden: Tensor, mask: Tensor, mixup: ManifoldMixup) -> tuple[Tensor, Tensor]:
    """Mix hidden states: h_i ← λ_i h_i + (1 - λ_i) h_π(i), mask_i ← mask_i · mask_π(i) (DNABERT-S, eq. 5).

    Args:
        hidden: (batch, length, hidden).
        mask: (batch, length).
        mixup: π, the permutation, and λ, the coefficients.

    Returns:
        The mixed states and the intersection of the masks, in the same shapes.
    """
    partner = mixup.permutation.to(hidden.device)
    weight = mixup.coefficients.to(hidden)[:, None, None]
    return weight * hidden + (1 - weight) * hidden[partner], mask * mask[partner]


def add_noise(hidden: Tensor, mask: Tensor, noise: EncoderNoise) -> Tensor:
    """Add noise: e ← e · (1 + s_m ε) + s_a ε', where ε and ε' are standard normal, drawn for each entry (our formula).

    s_m is the multiplicative and s_a the additive strength. Padding and special tokens stay as they are.

    Args:
        hidden: embedding output, (batch, length, hidden).
        mask: (batch, length).
    """
    noisy = hidden * (1 + noise.multiplicative * torch.randn_like(hidden)) + noise.additive * torch.randn_like(hidden)
    return torch.where(inner_tokens(mask)[:, :, None], noisy, hidden)


def inner_tokens(mask: Tensor) -> Tensor:
    """Mark all tokens of a sequence but its first and last one: tokens between two others that are not padding.

    The first and the last one are [CLS] and [SEP], in every tokenizer that the encoder is used with. They are found by
    position, since ids are unknown with `inputs_embeds`.

    >>> inner_tokens(torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 1, 1, 1]])).int().tolist()
    [[0, 1, 1, 1, 0], [0, 1, 0, 0, 0], [0, 0, 1, 1, 0]]
    """
    real = F.pad(mask.bool(), (1, 1))  # (batch, length + 2)
    return real[:, :-2] & real[:, 1:-1] & real[:, 2:]
