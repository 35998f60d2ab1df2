"""Masked-language modelling: token ids in, corrupted ids and the labels to predict out (Devlin et al. 2019).

Of the tokens chosen 80 % become [MASK], 10 % a random token and 10 % stay; special tokens, padding and [UNK] are never
chosen. `span="window"` chooses runs of WINDOW consecutive tokens: byte pair tokens of DNA overlap in what they tell,
and a single masked one (5 bp) is often given away by where its neighbours end.
"""

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

WINDOW = 4  # tokens, about 20 bp
IGNORED = -100  # torch's label for "no prediction is scored here"

Span = Literal["token", "window"]


class Vocabulary(NamedTuple):
    """What masking has to know of a tokenizer."""

    mask_id: int
    ordinary: Tensor  # (entries,) long: ids that stand for DNA
    is_ordinary: Tensor  # (vocabulary,) bool

    def to(self, device: torch.device) -> "Vocabulary":
        """The same on another device."""
        return Vocabulary(self.mask_id, self.ordinary.to(device), self.is_ordinary.to(device))


def vocabulary(tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
    """Read it off a tokenizer.

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
    """Corrupt `ids` (batch, length), on the device of `entries` and `generator`.

    Args:
        probability: share of the ordinary tokens that is chosen.

    Returns:
        The corrupted ids and the labels, IGNORED where nothing was chosen; both (batch, length).
    """

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, device=ids.device, generator=generator)

    batch, length = ids.shape
    width = WINDOW if span == "window" else 1
    # a token is chosen if a window starts at it or at one of the width - 1 places before it: 1 - (1 - start)^width
    start = 1 - (1 - probability) ** (1 / width)
    starts = (uniform(batch, length + width - 1) < start).float()
    chosen = F.max_pool1d(starts[:, None], width, stride=1)[:, 0].bool() & entries.is_ordinary[ids]
    labels = ids.masked_fill(~chosen, IGNORED)
    fate = uniform(batch, length)
    replacement = entries.ordinary[(uniform(batch, length) * len(entries.ordinary)).long()]
    corrupted = torch.where(chosen & (fate < 0.8), entries.mask_id, ids)
    return torch.where(chosen & (fate >= 0.9), replacement, corrupted), labels
