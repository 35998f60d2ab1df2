"""What a machine can do: products of matrices in, the best rate at which they were ever computed here out.

It is what utilisation divides by: measured in the same run, since no data sheet tells what a virtual core gives.
"""

import time
from collections.abc import Sequence

import torch

from modeling_dnacse import DnacseConfig

ROWS = {"cpu": 2048, "cuda": 16_384}  # tokens of a product of the model's shapes
SQUARE = {"cpu": 2048, "cuda": 8192}
DTYPE = {"cpu": torch.float32, "cuda": torch.bfloat16}

Product = tuple[int, int, int]  # (a, b) by (b, c)


def layer_products(config: DnacseConfig, device: str) -> dict[str, list[Product]]:
    """A large square, and the products of one layer with its weights, by name.

    >>> layer_products(DnacseConfig(), "cpu")["768 wide"]
    [(2048, 768, 2304), (2048, 768, 768), (2048, 768, 6144), (2048, 3072, 768)]
    """
    width, inner, rows, side = config.hidden_size, config.intermediate_size, ROWS[device], SQUARE[device]
    layer = [(rows, width, 3 * width), (rows, width, width), (rows, width, 2 * inner), (rows, inner, width)]
    return {"square": [(side, side, side)], f"{width} wide": layer}


def matmul_rate(products: Sequence[Product], device: str, seconds: float = 0.3) -> float:
    """Compute the products in turn for so many seconds: the FLOP/s of the fastest time."""
    pairs = [
        (torch.randn(a, b, device=device, dtype=DTYPE[device]), torch.randn(b, c, device=device, dtype=DTYPE[device]))
        for a, b, c in products
    ]
    flops, best = sum(2 * a * b * c for a, b, c in products), 0.0
    until = time.perf_counter() + seconds
    while not best or time.perf_counter() < until:
        wait(device)
        start = time.perf_counter()
        for left, right in pairs:
            torch.matmul(left, right)
        wait(device)
        best = max(best, flops / (time.perf_counter() - start))
    return best


def wait(device: str) -> None:
    """Wait until all that was asked for is done."""
    if device == "cuda":
        torch.cuda.synchronize()
