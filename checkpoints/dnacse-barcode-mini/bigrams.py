"""Embeddings of pairs of neighbouring tokens, added to those of the tokens: what stands next to what is known before
any layer.

Byte pair tokens are cut at other places after each substitution, so a token alone tells little; a pair spans some 10
bp. There are too many pairs (vocabulary²) for a table, so a pair has the row that a hash of its two ids gives, as in
Clark et al. 2022 (CANINE) and Huang et al. 2025 (over-tokenized transformers): some share one.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .configuration_dnacse import FIRST_ORDINARY_ID

FIRST, SECOND = 2654435761, 2246822519  # odd 32-bit constants of Knuth's multiplicative hash and of xxHash
NO_PAIR = 0  # row of zeros


def bigram_rows(ids: Tensor, buckets: int) -> Tensor:
    """Row of each token and the one after it, 1 to `buckets`; NO_PAIR where either is none or a special token.

    Args:
        ids: (batch, length) of any integer type.

    >>> bigram_rows(torch.tensor([[1, 7, 8, 2], [1, 8, 7, 8]]), buckets=1000).tolist()
    [[0, 512, 0, 0], [0, 607, 512, 0]]
    """
    ids = ids.long()
    following = F.pad(ids, (0, 1))[:, 1:]
    hashed = (ids * FIRST + following * SECOND) % 2**32
    return torch.where(torch.minimum(ids, following) < FIRST_ORDINARY_ID, NO_PAIR, 1 + hashed * buckets // 2**32)


class DnacseBigramEmbeddings(nn.Embedding):
    """Token ids (batch, length) to the vectors of their pairs (batch, length, hidden)."""

    def __init__(self, buckets: int, hidden_size: int) -> None:
        """Build the table: a row a bucket, and NO_PAIR."""
        super().__init__(buckets + 1, hidden_size, padding_idx=NO_PAIR)

    def forward(self, ids: Tensor) -> Tensor:
        """Look up."""
        return super().forward(bigram_rows(ids, self.num_embeddings - 1))
