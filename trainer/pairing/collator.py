"""Pairs of sequences in, two padded batches of token ids and the numbers of species and genera out."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from trainer.pairing.pairs import Pair


@dataclass
class PairCollator:
    """Tokenize each side, cut sequences at `max_length` tokens, and pad to the longest sequence of the side.

    `pad_to_multiple_of` pads further, to a multiple of that many tokens.
    """

    tokenizer: PreTrainedTokenizerBase
    max_length: int
    pad_to_multiple_of: int | None = None

    def __call__(self, pairs: Sequence[Pair]) -> dict[str, dict[str, Tensor] | Tensor]:
        """Return {anchors: {input_ids, attention_mask}, positives: the same, species: (batch,), genus: (batch,)}."""
        return {
            "anchors": self.encode([pair["anchor"] for pair in pairs]),
            "positives": self.encode([pair["positive"] for pair in pairs]),
            "species": torch.tensor([pair["species"] for pair in pairs]),
            "genus": torch.tensor([pair["genus"] for pair in pairs]),
        }

    def encode(self, sequences: list[str]) -> dict[str, Tensor]:
        """Ids and mask, (batch, longest)."""
        encoded = self.tokenizer(
            sequences,
            padding=True,
            pad_to_multiple_of=self.pad_to_multiple_of,
            truncation=True,
            max_length=self.max_length,
            return_token_type_ids=False,
            return_tensors="pt",
        )
        return dict(encoded)
