"""Base substitutions in token ids, a part of DNACSE's noise: ids in, ids of the same shape out.

A token is replaced by a random token with the same number of bases that differs in exactly one base. So the sequence
gets one substitution, and no other token moves. Tokens without such a neighbour, special tokens and padding stay. The
formula is ours: only the rate (0.07-0.10) of DNACSE's noise module was published.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

BASES = "ACGT"


class Neighbours(NamedTuple):
    """The neighbours of every token; those of token t are `tokens[starts[t] : starts[t] + counts[t]]`."""

    tokens: Tensor  # (all neighbours,) long
    starts: Tensor  # (vocabulary,) long
    counts: Tensor  # (vocabulary,) long

    def to(self, device: torch.device) -> "Neighbours":
        """The same on another device."""
        return Neighbours(*(part.to(device) for part in self))


def neighbours(tokenizer: PreTrainedTokenizerBase) -> Neighbours:
    """Find the neighbours of each token: the tokens that differ from it by one base substitution."""
    ids = {token: number for token, number in tokenizer.get_vocab().items() if set(token) <= set(BASES)}
    found: list[list[int]] = [[] for _ in range(len(tokenizer))]
    for token, number in ids.items():
        substituted = (
            token[:place] + base + token[place + 1 :]
            for place in range(len(token))
            for base in BASES
            if base != token[place]
        )
        found[number] = [ids[other] for other in substituted if other in ids]
    counts = torch.tensor([len(others) for others in found])
    return Neighbours(
        tokens=torch.tensor([other for others in found for other in others], dtype=torch.long),
        starts=counts.cumsum(0) - counts,
        counts=counts,
    )


def substitute(ids: Tensor, table: Neighbours, rate: float, generator: torch.Generator) -> Tensor:
    """Replace each token that has neighbours by a random one of them, with probability `rate`.

    Args:
        ids: (batch, length) long.
        table: on the device of `ids`.
        rate: between 0 and 1.
        generator: of the device of `ids`.
    """
    count = table.counts[ids]
    chosen = (torch.rand(ids.shape, device=ids.device, generator=generator) < rate) & (count > 0)
    pick = (torch.rand(ids.shape, device=ids.device, generator=generator) * count).long()
    places = table.starts[ids] + pick.clamp(max=count - 1)
    return torch.where(chosen, table.tokens[places.clamp(0, max(len(table.tokens) - 1, 0))], ids)
