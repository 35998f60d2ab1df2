"""Self-attention with symmetric ALiBi, over padded batches or over packed tokens; always computed from positions.

Padded (eager, sdpa): ALiBi and padding are one additive bias, (batch, heads, length, length), made once a forward and
shared by the layers. Batches without padding share one for all sequences, (1, heads, length, length).

Packed (packed, flash_attention_2, flex_attention): the tokens of all sequences stand in one row (packed_attention.py).

No other way is let in. transformers' own wrappers of flash-attn and flex_attention, and the kernels of the Hub, which
it fetches where flash-attn is missing, drop ALiBi without a word; so may whatever else is registered.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from .configuration_dnacse import DnacseConfig
from .flash_attention import check_flash, flash_attention
from .flex_attention import flex_attention
from .packed_attention import Attend, Packing, attention_of_runs

PADDED = ("eager", "sdpa")
PACKED = "packed"
FLASH = "flash_attention_2"
FLEX = "flex_attention"


def is_packed(implementation: str) -> bool:
    """Whether an attention implementation sees packed tokens."""
    return implementation in (PACKED, FLASH, FLEX)


def check_attention(implementation: str, device: str | None = None) -> None:
    """Raise unless this attention can be run here, with ALiBi and without padding.

    Args:
        implementation: what the user asks for.
        device: type of the device that the states are on; None: not known yet.

    Raises:
        ValueError: it cannot.
    """
    if implementation not in PADDED and not is_packed(implementation):
        raise ValueError(
            f"attn_implementation {implementation!r} could drop ALiBi, the only order that this encoder knows, or "
            f"attend to padding: use one of {', '.join((*PADDED, PACKED, FLASH, FLEX))}"
        )
    if implementation == FLASH:
        check_flash(device)


def attention_of(implementation: str, packing: Packing, num_heads: int, dtype: torch.dtype) -> Attend:
    """Give the packed attention of that name for one batch; `dtype` is that of the scores."""
    if implementation == FLASH:
        return flash_attention(packing, num_heads)
    if implementation == FLEX:
        return flex_attention(packing, num_heads)
    return attention_of_runs(packing, num_heads, dtype)


def eager_attention_forward(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    scaling: float,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[Tensor, Tensor]:
    """Attention in three lines: states (batch, length, heads, head) and weights (batch, heads, length, length)."""
    scores = query @ key.transpose(2, 3) * scaling + attention_mask
    weights = F.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    states = F.dropout(weights, dropout, module.training) @ value
    return states.transpose(1, 2).contiguous(), weights


class DnacseSelfAttention(nn.Module):
    """Multi-head attention over one fused projection, whose rows are q | k | v, each head-major."""

    is_causal = False

    def __init__(self, config: DnacseConfig) -> None:
        """Build the projection."""
        super().__init__()
        self.config = config
        self.num_heads = config.num_attention_heads
        self.head_size = config.hidden_size // config.num_attention_heads
        self.dropout = config.attention_probs_dropout_prob
        self.Wqkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)

    def forward(self, hidden: Tensor, context: Tensor | Attend, **kwargs: Any) -> tuple[Tensor, Tensor | None]:
        """Attend: padded states (batch, length, hidden) with their bias, or packed ones (total, hidden) by a function.

        Returns:
            states of the shape of `hidden`, and the weights (batch, heads, length, length) where eager made them.
        """
        qkv = self.Wqkv(hidden).view(*hidden.shape[:-1], 3, self.num_heads, self.head_size)
        scaling, dropout = self.head_size**-0.5, self.dropout if self.training else 0.0
        if not isinstance(context, Tensor):
            return context(qkv, scaling, dropout), None
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (batch, heads, length, head)
        attend: Callable = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation,  # pyright: ignore[reportArgumentType] None is allowed, and warned of
            eager_attention_forward,
        )
        states, weights = attend(self, query, key, value, context, dropout=dropout, scaling=scaling, **kwargs)
        return states.flatten(2), weights
