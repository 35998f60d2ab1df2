"""ALiBi (Press et al. 2022), made symmetric as in DNABERT-2: -slope * |i - j| added to the scores of each head.

It is all that tells the encoder of order, so a way of attention that drops it gives wrong vectors without a word.
"""

import math

import torch
from torch import Tensor
from transformers.utils.import_utils import is_tracing


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
    """ALiBi, padded keys at the lowest finite value: (batch, heads, length, length); batch 1 where nothing is padded.

    A traced or compiled model gets the whole batch always: its mask is not known, and may be another when it runs.
    """
    positions = torch.arange(mask.shape[1], device=mask.device)
    distance = (positions[None, :] - positions[:, None]).abs()  # (length, length)
    slopes = torch.tensor(alibi_slopes(num_heads), device=mask.device)
    bias = (-slopes[:, None, None] * distance).to(dtype)[None]  # (1, heads, length, length)
    if not is_tracing(mask) and bool(mask.all()):
        return bias
    return bias.masked_fill(mask[:, None, None, :] == 0, torch.finfo(dtype).min)


def alibi_diagonals(length: int, num_heads: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """ALiBi of the distances 1 - length to length - 1, (heads, 2 · length - 1).

    >>> alibi_diagonals(3, 1, torch.float32, torch.device("cpu")) * 256
    tensor([[-2., -1., -0., -1., -2.]])
    """
    distance = torch.arange(1 - length, length, device=device).abs()
    return (-torch.tensor(alibi_slopes(num_heads), device=device)[:, None] * distance).to(dtype)


def reversed_bias(diagonals: Tensor, length: int) -> Tensor:
    """ALiBi (heads, length, length) of queries that stand in reverse order: a view, which holds no memory of its own.

    Counted from the last query, i' = length - 1 - i, the distance i - j is length - 1 - (i' + j): each row is the one
    before, shifted by one. In their own order the rows shift backwards, which no strides of torch can say.

    >>> reversed_bias(torch.tensor([[-2.0, -1.0, 0.0, -1.0, -2.0]]), 2).tolist()
    [[[-1.0, 0.0], [0.0, -1.0]]]
    """
    middle = diagonals.shape[1] // 2
    return diagonals[:, middle + 1 - length : middle + length].unfold(1, length, 1)
