"""flex_attention over packed tokens: ALiBi is its score_mod, the borders of the sequences are its block mask.

On a GPU both are compiled into one kernel, which skips blocks of tokens that share no sequence. On a CPU torch offers
no gradient, and without a compiler all scores are written out (torch warns of it): good for tests, not for work.
Tested against eager on a CPU; a run on a real GPU has not been made yet.
"""

import functools
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import flex_attention as torch_flex

from .alibi import alibi_slopes
from .packed_attention import Attend, Packing

compiled = functools.cache(torch.compile)


def flex_attention(packing: Packing, num_heads: int) -> Attend:
    """Attend by torch's flex_attention within each packed sequence.

    Raises:
        ValueError: on attending with dropout, or, on a CPU, with gradients, of which torch has neither.
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
        if qkv.is_cpu and qkv.requires_grad:
            raise ValueError(
                'flex_attention has no gradient on a CPU: run under torch.no_grad(), or use attn_implementation="sdpa"'
            )
        query, key, value = qkv.permute(1, 2, 0, 3)[:, None]  # each (1, heads, total, head)
        states = attention(query, key, value, score_mod=add_alibi, block_mask=block_mask, scale=scaling)
        return states[0].transpose(0, 1).flatten(1)

    return attend
