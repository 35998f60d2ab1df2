"""Token states to one vector a sequence, as `config.pooling` says."""

import torch
from torch import Tensor, nn

from .configuration_dnacse import DnacseConfig


class DnacsePooler(nn.Module):
    """DNACSE's "cls" pooler, tanh(W x + b) on the first token's state; named as in DNABERT-S's checkpoints."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build the layer."""
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, first: Tensor) -> Tensor:
        """(batch, hidden) to the same."""
        return torch.tanh(self.dense(first))


def masked_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean of the token states (batch, length, hidden) over the mask (batch, length): (batch, hidden).

    >>> masked_mean(torch.tensor([[[2.0], [4.0], [9.0]]]), torch.tensor([[1, 1, 0]]))
    tensor([[3.]])
    """
    wide = torch.promote_types(hidden.dtype, torch.float32)  # a sum over thousands of tokens overflows float16
    weight = mask.to(wide)[:, :, None]
    return ((hidden * weight).sum(1) / weight.sum(1).clamp(min=1)).to(hidden.dtype)
