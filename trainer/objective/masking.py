"""Masked-language modelling: token ids in, corrupted ids and the labels to predict out (Devlin et al. 2019).

Of the chosen tokens, 80 % become [MASK], 10 % become a random token and 10 % stay. Special tokens, padding and [UNK]
are never chosen. `span="window"` chooses runs of WINDOW consecutive tokens, because the ends of the neighbouring
tokens often give away a single masked token (about 5 bp).
"""

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

WINDOW = 4  # tokens, about 20 bp
IGNORED = -100  # torch's label for positions that do not count in the loss

Span = Literal["token", "window"]


class Vocabulary(NamedTuple):
    """What masking needs to know about a tokenizer."""

    mask_id: int
    ordinary: Tensor  # (entries,) long: ids that stand for DNA
    is_ordinary: Tensor  # (vocabulary,) bool

    def to(self, device: torch.device) -> "Vocabulary":
        """The same on another device."""
        return Vocabulary(self.mask_id, self.ordinary.to(device), self.is_ordinary.to(device))


def vocabulary(tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
    """Make the table for a tokenizer.

    Raises:
        ValueError: the tokenizer has no [MASK].
    """
    mask_id: Any = tokenizer.mask_token_id
    if mask_id is None:
        raise ValueError("the tokenizer has no mask token, which masked-language training needs; take another one")
    is_ordinary = torch.ones(len(tokenizer), dtype=torch.bool)
    is_ordinary[torch.tensor(tokenizer.all_special_ids)] = False
    return Vocabulary(mask_id, is_ordinary.nonzero()[:, 0], is_ordinary)


def mask_tokens(
    ids: Tensor, entries: Vocabulary, probability: float, span: Span, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Choose tokens of `ids` (batch, length) and corrupt them.

    Args:
        ids: on the device of `entries` and `generator`.
        entries: which ids are ordinary tokens.
        probability: share of the ordinary tokens to choose.
        span: whether to choose single tokens or runs of them.
        generator: source of randomness.

    Returns:
        The corrupted ids and the labels, IGNORED where nothing was chosen; both (batch, length).
    """

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, device=ids.device, generator=generator)

    batch, length = ids.shape
    width = WINDOW if span == "window" else 1
    # a token is chosen if a window starts at it or at one of the width - 1 tokens before it: 1 - (1 - start)^width
    start = 1 - (1 - probability) ** (1 / width)
    starts = (uniform(batch, length + width - 1) < start).float()
    chosen = F.max_pool1d(starts[:, None], width, stride=1)[:, 0].bool() & entries.is_ordinary[ids]
    labels = ids.masked_fill(~chosen, IGNORED)
    outcome = uniform(batch, length)
    replacement = entries.ordinary[(uniform(batch, length) * len(entries.ordinary)).long()]
    corrupted = torch.where(chosen & (outcome < 0.8), entries.mask_id, ids)
    return torch.where(chosen & (outcome >= 0.9), replacement, corrupted), labels
