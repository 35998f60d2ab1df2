"""The number of floating-point operations of the encoder, from which model FLOPs utilisation is computed."""

from collections.abc import Iterable

from ..configuration_dnacse import DnacseConfig


def encoder_flops(config: DnacseConfig, lengths: Iterable[int]) -> int:
    """FLOPs of the matrix products of one forward pass over sequences of `lengths` tokens, without padding.

    A product of (a, b) and (b, c) counts 2abc. For n tokens, width d and intermediate width i, a layer takes 6nd² for
    the fused queries, keys and values, 2n²d each for scores and weighted sum, 2nd² for the output, 4ndi for the two
    gated projections and 2ndi for the last: n (8d² + 6di) + 4n²d. A training step takes three times as many: the
    backward pass has two products for each of the forward. Recomputed activations and the heads are not counted.

    >>> encoder_flops(DnacseConfig(), [140, 2100])  # a COI barcode and a 10 kb fragment, base size
    670635786240
    """
    lengths = list(lengths)
    width, intermediate = config.hidden_size, config.intermediate_size
    linear = sum(lengths) * (8 * width**2 + 6 * width * intermediate)
    quadratic = sum(length**2 for length in lengths) * 4 * width
    return config.num_hidden_layers * (linear + quadratic)
