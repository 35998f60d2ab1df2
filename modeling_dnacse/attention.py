"""Self-attention with symmetric ALiBi, over padded batches or over packed tokens; always computed from positions.

Padded (eager, sdpa): ALiBi and padding are one additive bias, (batch, heads, length, length), made once a forward and
shared by the layers, so no attention interface can drop either of them.

Packed: the tokens of all sequences stand in one row, (total, hidden), so no layer computes padding and nothing of
size batch · length² is stored. There are two ways:
- "packed", on any device: a loop over the sequences, all sharing one bias (heads, length, length). Made for CPUs: as
  fast as sdpa where lengths are equal, and the faster the more they differ.
- "flash_attention_2", on CUDA: flash-attn's `flash_attn_varlen_func`, which makes the bias from slopes in float32.
  transformers' own wrapper of flash-attn and the kernels of the Hub drop ALiBi without a word; hence the package is
  called here, and any other implementation with "flash" in its name is refused. It takes float16 or bfloat16: load the
  model so, or run under autocast. Tested against eager on CPU with a pure torch stand-in of that function; a run on a
  real GPU has not been made yet.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from .configuration_dnacse import DnacseConfig

try:
    from flash_attn import flash_attn_varlen_func  # pyright: ignore[reportMissingImports] needs CUDA to be built
except ImportError:
    flash_attn_varlen_func = None

PACKED = "packed"
FLASH = "flash_attention_2"
FLASH_DEVICE = "cuda"


def alibi_slopes(num_heads: int) -> list[float]:
    """Slope of each head's linear bias (Press et al. 2022): a geometric series, padded for other than powers of two.

    >>> alibi_slopes(4)
    [0.25, 0.0625, 0.015625, 0.00390625]
    >>> alibi_slopes(6)[4:]
    [0.5, 0.125]
    """
    power = 2 ** math.floor(math.log2(num_heads))
    slopes = [2 ** (-8 * (head + 1) / power) for head in range(power)]
    if power < num_heads:
        slopes += alibi_slopes(2 * power)[::2][: num_heads - power]
    return slopes


def attention_bias(mask: Tensor, num_heads: int, dtype: torch.dtype) -> Tensor:
    """Symmetric ALiBi, -slope * |i - j|, padded keys at the lowest finite value: (batch, heads, length, length)."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    distance = (positions[None, :] - positions[:, None]).abs()  # (length, length)
    slopes = torch.tensor(alibi_slopes(num_heads), device=mask.device)
    bias = (-slopes[:, None, None] * distance).to(dtype)  # (heads, length, length)
    return bias.masked_fill(mask[:, None, None, :] == 0, torch.finfo(dtype).min)


class Packing(NamedTuple):
    """Where the tokens of a packed batch come from and belong, and what their attention needs to know."""

    rows: Tensor  # (total,) long: place of each token in the batch flattened to (batch · length)
    lengths: list[int]  # tokens of each sequence
    starts: Tensor  # (batch + 1,) int32: first token of each sequence, and the end
    slopes: Tensor  # (heads,) float32, whatever the weights are: flash-attn takes no other
    bias: Tensor | None  # (heads, longest, longest); None: flash-attn makes it


def is_packed(implementation: str) -> bool:
    """Whether an attention implementation sees packed tokens."""
    return implementation == PACKED or "flash" in implementation


def packing_of(mask: Tensor, num_heads: int, bias_dtype: torch.dtype | None) -> Packing:
    """Find the real tokens of a batch from its mask (batch, length); `bias_dtype` None makes no bias.

    Raises:
        ValueError: a sequence has padding in its middle, over which distances would not be those of the padded batch.

    >>> packing = packing_of(torch.tensor([[1, 1, 0], [1, 1, 1]]), 2, None)
    >>> packing.rows.tolist(), packing.lengths, packing.starts.tolist()
    ([0, 1, 3, 4, 5], [2, 3], [0, 2, 5])
    """
    real = mask.bool()
    begins = (real & ~F.pad(real, (1, 0))[:, :-1]).sum(1)  # (batch,) runs of real tokens
    lengths, runs = torch.stack([real.sum(1), begins]).tolist()  # together: each is a wait for the device
    if max(runs) > 1:
        raise ValueError(
            "attention_mask has zeros between the tokens of a sequence; packed attention takes padding at the ends "
            'only: call model.set_attn_implementation("sdpa") first'
        )
    whole = mask.new_ones(1, max(lengths))
    return Packing(
        rows=real.flatten().nonzero().squeeze(1),
        lengths=lengths,
        starts=F.pad(real.sum(1).cumsum(0), (1, 0)).to(torch.int32),
        slopes=torch.tensor(alibi_slopes(num_heads), dtype=torch.float32, device=mask.device),
        bias=None if bias_dtype is None else attention_bias(whole, num_heads, bias_dtype)[0],
    )


def pack(hidden: Tensor, packing: Packing) -> Tensor:
    """(batch, length, hidden) to (total, hidden), without padding."""
    return hidden.flatten(0, 1).index_select(0, packing.rows)


def unpack(hidden: Tensor, packing: Packing, mask: Tensor) -> Tensor:
    """(total, hidden) to (batch, length, hidden), padding 0; `mask` (batch, length) gives the shape."""
    flat = hidden.new_zeros(mask.numel(), hidden.shape[1])
    return flat.index_copy(0, packing.rows, hidden).view(*mask.shape, -1)


def check_packed(implementation: str, device: str | None = None) -> None:
    """Raise unless this packed attention can be run here, ALiBi included.

    Args:
        implementation: a name for which `is_packed` holds.
        device: type of the device that the states are on; None: not known yet.

    Raises:
        ValueError: it cannot.
    """
    if implementation == PACKED:
        return
    remedy = 'use attn_implementation="sdpa"'
    if implementation != FLASH:
        raise ValueError(
            f"attn_implementation {implementation!r} would drop ALiBi, the only order that this encoder knows: "
            f"use {FLASH!r} with the package flash-attn, or {remedy}"
        )
    if flash_attn_varlen_func is None:
        raise ValueError(
            f"attn_implementation {FLASH!r} needs the package flash-attn, which is not installed: {remedy}, or on a "
            "machine with CUDA pip install --no-build-isolation flash-attn"
        )
    if device not in (None, FLASH_DEVICE):
        raise ValueError(f"attn_implementation {FLASH!r} runs on CUDA, the model is on {device}: {remedy}")


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

    def forward(self, hidden: Tensor, context: Tensor | Packing, **kwargs: Any) -> tuple[Tensor, Tensor | None]:
        """Attend: padded states with an additive bias, or packed states (total, hidden) with their packing."""
        qkv = self.Wqkv(hidden).view(*hidden.shape[:-1], 3, self.num_heads, self.head_size)
        options = {"dropout": self.dropout if self.training else 0.0, "scaling": self.head_size**-0.5}
        if isinstance(context, Packing):
            attend_packed = attend_each if context.bias is not None else attend_flash
            return attend_packed(qkv, context, **options), None
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (batch, heads, length, head)
        attend: Callable = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation,  # pyright: ignore[reportArgumentType] None is allowed, and warned of
            eager_attention_forward,
        )
        states, weights = attend(self, query, key, value, context, **options, **kwargs)
        return states.flatten(2), weights


def attend_each(qkv: Tensor, packing: Packing, scaling: float, dropout: float) -> Tensor:
    """Attend within one packed sequence after the other: (total, 3, heads, head) to (total, hidden)."""
    outputs = []
    for states in qkv.split(packing.lengths):
        query, key, value = states.permute(1, 2, 0, 3)[:, None]  # each (1, heads, length, head)
        bias = packing.bias[None, :, : len(states), : len(states)]  # pyright: ignore[reportOptionalSubscript] made
        attended = F.scaled_dot_product_attention(query, key, value, bias, dropout, scale=scaling)
        outputs.append(attended[0].transpose(0, 1).flatten(1))
    return torch.cat(outputs)


def attend_flash(qkv: Tensor, packing: Packing, scaling: float, dropout: float) -> Tensor:
    """Attend within each packed sequence by flash-attn: (total, 3, heads, head) to (total, hidden).

    Its bias is -slope * |i + seqlen_k - seqlen_q - j|, symmetric ALiBi where queries and keys are the same.
    """
    query, key, value = qkv.unbind(1)
    longest = max(packing.lengths)
    states = flash_attn_varlen_func(  # pyright: ignore[reportOptionalCall] check_packed has looked
        query,
        key,
        value,
        cu_seqlens_q=packing.starts,
        cu_seqlens_k=packing.starts,
        max_seqlen_q=longest,
        max_seqlen_k=longest,
        dropout_p=dropout,
        softmax_scale=scaling,
        causal=False,
        alibi_slopes=packing.slopes,
        deterministic=torch.are_deterministic_algorithms_enabled(),
    )
    return states.flatten(1)
