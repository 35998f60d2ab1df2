"""flash_attention_2 over packed tokens: flash-attn's `flash_attn_varlen_func` with `alibi_slopes`, on CUDA.

It takes float16 or bfloat16: load the model so, or run under autocast. The bias is made from slopes in float32 within
the kernel. Tested against eager on CPU with a pure torch stand-in of that function; a run on a real GPU has not been
made yet.
"""

import torch
from torch import Tensor

from .alibi import alibi_slopes
from .packed_attention import Attend, Packing

try:
    from flash_attn import flash_attn_varlen_func  # pyright: ignore[reportMissingImports] needs CUDA to be built
except ImportError:
    flash_attn_varlen_func = None

FLASH_DEVICE = "cuda"


def check_flash(device: str | None) -> None:
    """Raise unless flash-attn is installed and the states are on CUDA; `device` None: not known yet.

    Raises:
        ValueError: it is not, or they are not.
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
    """Attend by flash-attn, whose bias is -slope * |i + seqlen_k - seqlen_q - j|: ALiBi where q and k are the same."""
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
