"""Self-attention with symmetric ALiBi, over padded batches or over packed tokens.

ALiBi (Press et al. 2022), made symmetric as in DNABERT-2, adds -slope * |i - j| to the scores of each head. It is
computed from positions, never stored. The encoder has no other information about the order of tokens, so an attention
without it would silently give wrong vectors. All implementations are in this one file, since they must agree on ALiBi.

Padded (`eager`, `sdpa`): ALiBi and padding are one additive bias, (batch, heads, length, length), which is made once
for each forward pass and shared by the layers. A batch without padding has one bias for all its sequences, (1, heads,
length, length).

Packed: the tokens of all sequences are concatenated, (total, hidden), so that no layer computes padding.

- `packed` is for CPUs: torch's own attention over runs of sequences of one length. Sequences are packed in the order
  of their lengths. The bias is a view of 2 · length numbers for each head, so memory is linear in the length. With
  dropout of attention weights it is not, since torch then stores the weights. Other devices store the bias.
- `flash_attention_2` is flash-attn's `flash_attn_varlen_func` with `alibi_slopes`, for CUDA. It takes float16 or
  bfloat16. It is tested against eager on a CPU with a stand-in of that function; no run on a GPU has been made yet.
- `flex_attention` is torch's: ALiBi is its score_mod, the borders of the sequences are its block mask. On a GPU both
  are compiled into one kernel, which skips blocks of tokens that share no sequence; forward and backward. On a CPU
  torch refuses its gradient and stores all scores, so it serves tests only, which compare the gradient too. No run on
  a GPU has been made yet.

`default_attention` says which of them is used by default.

Nothing else is accepted. transformers' own wrappers of flash-attn and flex_attention silently drop ALiBi. So do the
kernels of the Hub, which it fetches where flash-attn is missing, and so may any other registered function.
"""

import functools
import math
from collections.abc import Callable
from itertools import groupby
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import flex_attention as torch_flex
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils.import_utils import is_tracing

from .configuration_dnacse import DnacseConfig

try:
    from flash_attn import flash_attn_varlen_func  # pyright: ignore[reportMissingImports] needs CUDA to be built
except ImportError:
    flash_attn_varlen_func = None

PADDED = ("eager", "sdpa")
PACKED = "packed"
FLASH = "flash_attention_2"
FLEX = "flex_attention"
FLASH_DEVICE = "cuda"

Attend = Callable[[Tensor, float, float], Tensor]
"""(qkv (total, 3, heads, head), scaling, dropout) to states (total, hidden)."""

compiled = functools.cache(torch.compile)


def is_packed(implementation: str) -> bool:
    """Whether an attention implementation sees packed tokens."""
    return implementation in (PACKED, FLASH, FLEX)


def default_attention(device: str) -> str:
    """The default attention on a type of device: in the commands, in training and in benchmarks.

    On a CPU packed was measured fastest (benchmarks/results/inference). On CUDA nothing has been measured yet, and
    sdpa works with all that the others do.

    >>> default_attention("cpu"), default_attention("cuda")
    ('packed', 'sdpa')
    """
    return PACKED if device == "cpu" else "sdpa"


def check_attention(implementation: str, device: str | None = None) -> None:
    """Raise unless this attention runs here, with ALiBi and without attending to padding.

    Args:
        implementation: what the user asks for.
        device: type of the device that the states are on; None: not known yet.

    Raises:
        ValueError: it does not.
    """
    if implementation not in PADDED and not is_packed(implementation):
        raise ValueError(
            f"attn_implementation {implementation!r} could drop ALiBi, the only order that this encoder knows, or "
            f"attend to padding: use one of {', '.join((*PADDED, PACKED, FLASH, FLEX))}"
        )
    if implementation == FLASH:
        check_flash(device)


def alibi_slopes(num_heads: int) -> list[float]:
    """Slopes of the heads (Press et al. 2022): a geometric series, completed unless heads are a power of two.

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
    """ALiBi with padded keys at the lowest finite value: (batch, heads, length, length); batch is 1 without padding.

    A traced or compiled model always gets the whole batch, since its mask may be another one when it runs.
    """
    positions = torch.arange(mask.shape[1], device=mask.device)
    distance = (positions[None, :] - positions[:, None]).abs()  # (length, length)
    slopes = torch.tensor(alibi_slopes(num_heads), device=mask.device)
    bias = (-slopes[:, None, None] * distance).to(dtype)[None]  # (1, heads, length, length)
    if not is_tracing(mask) and bool(mask.all()):
        return bias
    return bias.masked_fill(mask[:, None, None, :] == 0, torch.finfo(dtype).min)


def alibi_diagonals(length: int, num_heads: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """ALiBi at the distances 1 - length to length - 1, (heads, 2 · length - 1).

    >>> alibi_diagonals(3, 1, torch.float32, torch.device("cpu")) * 256
    tensor([[-2., -1., -0., -1., -2.]])
    """
    distance = torch.arange(1 - length, length, device=device).abs()
    return (-torch.tensor(alibi_slopes(num_heads), device=device)[:, None] * distance).to(dtype)


def reversed_bias(diagonals: Tensor, length: int) -> Tensor:
    """ALiBi (heads, length, length) for queries in reverse order: a view, which takes no memory of its own.

    With queries counted from the last one, i' = length - 1 - i, the distance i - j is length - 1 - (i' + j), so each
    row is the previous one, shifted by one. In the original order the rows shift backwards, and torch has no negative
    strides.

    >>> reversed_bias(torch.tensor([[-2.0, -1.0, 0.0, -1.0, -2.0]]), 2).tolist()
    [[[-1.0, 0.0], [0.0, -1.0]]]
    """
    middle = diagonals.shape[1] // 2
    return diagonals[:, middle + 1 - length : middle + length].unfold(1, length, 1)


class Packing(NamedTuple):
    """Where the tokens of a packed batch come from; its sequences are ordered from the shortest to the longest."""

    rows: Tensor  # (total,) long: place of each token in the batch flattened to (batch · length)
    lengths: list[int]  # tokens of each sequence
    starts: Tensor  # (batch + 1,) int32: first token of each sequence, and the end


def packing_of(mask: Tensor) -> Packing:
    """Find the real tokens of a batch from its mask (batch, length).

    Raises:
        ValueError: a sequence has padding in its middle, which would change the distances between its tokens.

    >>> packing = packing_of(torch.tensor([[1, 1, 1], [1, 1, 0]]))
    >>> packing.rows.tolist(), packing.lengths, packing.starts.tolist()
    ([3, 4, 0, 1, 2], [2, 3], [0, 2, 5])
    """
    real = mask.bool()
    begins = (real & ~F.pad(real, (1, 0))[:, :-1]).sum(1)  # (batch,) number of runs of real tokens
    lengths, order = real.sum(1).sort(stable=True)
    sizes, runs = torch.stack([lengths, begins]).tolist()  # together, since each transfer waits for the device
    if max(runs) > 1:
        raise ValueError(
            "attention_mask has zeros between the tokens of a sequence; packed attention takes padding at the ends "
            'only: call model.set_attn_implementation("sdpa") first'
        )
    places = torch.arange(mask.numel(), device=mask.device).view_as(mask)
    return Packing(
        rows=places[order][real[order]],
        lengths=sizes,
        starts=F.pad(lengths.cumsum(0), (1, 0)).to(torch.int32),
    )


def pack(hidden: Tensor, packing: Packing) -> Tensor:
    """(batch, length, hidden) to (total, hidden), without padding."""
    return hidden.flatten(0, 1).index_select(0, packing.rows)


def unpack(hidden: Tensor, packing: Packing, mask: Tensor) -> Tensor:
    """(total, hidden) to (batch, length, hidden), padding 0; `mask` (batch, length) gives the shape."""
    flat = hidden.new_zeros(mask.numel(), hidden.shape[1])
    return flat.index_copy(0, packing.rows, hidden).view(*mask.shape, -1)


def attention_of_runs(packing: Packing, num_heads: int, dtype: torch.dtype) -> Attend:
    """Attend by torch's attention, one run of sequences of the same length after another."""
    runs = [(length, len(list(run))) for length, run in groupby(packing.lengths)]
    diagonals = alibi_diagonals(max(packing.lengths), num_heads, dtype, packing.rows.device)

    def attend(qkv: Tensor, scaling: float, dropout: float) -> Tensor:
        outputs = []
        for (length, count), states in zip(runs, qkv.split([length * count for length, count in runs]), strict=True):
            bias = reversed_bias(diagonals, length)[None]
            if not bias.is_cpu:
                bias = bias.contiguous()  # CUDA's kernels want aligned rows
            query, key, value = states.unflatten(0, (count, length)).permute(2, 0, 3, 1, 4)
            attended = F.scaled_dot_product_attention(query.flip(2), key, value, bias, dropout, scale=scaling).flip(2)
            outputs.append(attended.transpose(1, 2).flatten(2).flatten(0, 1))
        return torch.cat(outputs)

    return attend


def check_flash(device: str | None) -> None:
    """Raise unless flash-attn is installed and the states are on CUDA; `device` None: not known yet.

    Raises:
        ValueError: flash-attn is missing, or the states are elsewhere.
    """
    remedy = 'use attn_implementation="sdpa"'
    if flash_attn_varlen_func is None:
        raise ValueError(
            f"attn_implementation 'flash_attention_2' needs the package flash-attn, which is not installed: {remedy}, "
            "or on a machine with CUDA pip install --no-build-isolation flash-attn"
        )
    if device not in (None, FLASH_DEVICE):
        raise ValueError(f"attn_implementation 'flash_attention_2' runs on CUDA, the model is on {device}: {remedy}")


def flash_attention(packing: Packing, num_heads: int) -> Attend:
    """Attend by flash-attn, whose bias -slope * |i + seqlen_k - seqlen_q - j| is ALiBi for q and k of one length."""
    slopes = torch.tensor(alibi_slopes(num_heads), dtype=torch.float32, device=packing.rows.device)
    longest = max(packing.lengths)

    def attend(qkv: Tensor, scaling: float, dropout: float) -> Tensor:
        query, key, value = qkv.unbind(1)
        states = flash_attn_varlen_func(  # pyright: ignore[reportOptionalCall] check_flash has looked
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
            alibi_slopes=slopes,
            deterministic=torch.are_deterministic_algorithms_enabled(),
        )
        return states.flatten(1)

    return attend


def flex_attention(packing: Packing, num_heads: int) -> Attend:
    """Attend by torch's flex_attention within each packed sequence.

    Raises:
        ValueError: when it attends with dropout or, on a CPU, with gradients; torch has neither.
    """
    device, total = packing.rows.device, len(packing.rows)
    slopes = torch.tensor(alibi_slopes(num_heads), device=device)
    lengths = torch.tensor(packing.lengths, device=device)
    sequence = torch.repeat_interleave(lengths, output_size=total)  # (total,) number of each token's sequence

    def add_alibi(score: Tensor, batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return score - slopes[head] * (query - key).abs()

    def same_sequence(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return sequence[query] == sequence[key]

    attention: Any = torch_flex.flex_attention
    make_mask: Any = torch_flex.create_block_mask
    if device.type != "cpu":
        attention, make_mask = compiled(attention), compiled(make_mask)
    block_mask = make_mask(same_sequence, None, None, total, total, device=device)

    def attend(qkv: Tensor, scaling: float, dropout: float) -> Tensor:
        if dropout:
            raise ValueError(
                f"flex_attention has no dropout of attention weights, and attention_probs_dropout_prob is {dropout}: "
                'set it to 0, or use attn_implementation="sdpa"'
            )
        refuse_gradient_on_cpu(qkv)
        query, key, value = qkv.permute(1, 2, 0, 3)[:, None]  # each (1, heads, total, head)
        states = attention(query, key, value, score_mod=add_alibi, block_mask=block_mask, scale=scaling)
        return states[0].transpose(0, 1).flatten(1)

    return attend


def refuse_gradient_on_cpu(qkv: Tensor) -> None:
    """Raise where torch's flex_attention would.

    Raises:
        ValueError: the states are on a CPU and have a gradient.
    """
    if qkv.is_cpu and qkv.requires_grad:
        raise ValueError(
            'flex_attention has no gradient on a CPU: run under torch.no_grad(), or use attn_implementation="sdpa"'
        )


def attention_of(implementation: str, packing: Packing, num_heads: int, dtype: torch.dtype) -> Attend:
    """Choose the packed attention for one batch by its name; `dtype` is that of the scores."""
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
