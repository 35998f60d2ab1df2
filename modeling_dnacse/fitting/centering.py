"""Centre a model's vectors and scale them, by changing the weight and bias of the last LayerNorm.

If vectors share a large mean, all their cosines are close to 1, which hides the differences. With mean pooling,
subtracting the mean from that bias subtracts it from every vector, and multiplying weight and bias scales every
vector: the architecture stays the same. Centred vectors may be short, and a new layer on top of them, as in
fine-tuning, learns slowly from short vectors: hence the scaling.
"""

import math
import random
from collections.abc import Iterable
from typing import cast

import torch
from torch import nn
from transformers import PreTrainedTokenizerBase

from ..embedding.embed import embed
from ..modeling_dnacse import DnacseModel

ROUNDING = 1e-5  # of the length of vectors: two of the same sequence may differ by this much


def sample(sequences: Iterable[str], most: int, seed: int) -> list[str]:
    """Sample at most `most` sequences, each equally likely (reservoir sampling, Vitter 1985)."""
    rng, sampled = random.Random(seed), []
    for seen, sequence in enumerate(sequences, 1):
        if len(sampled) < most:
            sampled.append(sequence)
        elif (place := rng.randrange(seen)) < most:
            sampled[place] = sequence
    return sampled


def check_pooling(pooling: str) -> None:
    """Check that vectors are means of the last layer's states.

    Raises:
        ValueError: they are not.
    """
    if pooling != "mean":
        raise ValueError(f'the model pools by {pooling!r}; only a model with pooling "mean" can be centred')


def center(model: DnacseModel, tokenizer: PreTrainedTokenizerBase, sequences: list[str]) -> torch.Tensor:
    """Subtract the mean vector of `sequences` from all vectors of the model; return the sequences' own (n, hidden).

    Raises:
        ValueError: the model does not pool by the mean of its last layer, or all vectors are the same.
    """
    check_pooling(model.config.pooling)
    vectors = torch.from_numpy(embed(model, tokenizer, sequences, progress=True))
    mean = vectors.mean(0)
    centred = vectors - mean
    if centred.double().norm() <= ROUNDING * vectors.double().norm():
        raise ValueError(
            f"the sequences that were drawn ({len(sequences):,}) have one and the same vector, so nothing is left of "
            "it when the mean is subtracted: give several that differ"
        )
    with torch.no_grad():
        last_norm(model).bias.sub_(mean)
    return centred


def rescale(model: DnacseModel, vectors: torch.Tensor) -> int:
    """Scale a model's vectors so that a column has a variance of about 1; `vectors` (n, hidden) are a sample of them.

    The factor is a power of two, which changes only the exponents of the weights, and no cosine.

    Returns:
        The exponent of the factor.
    """
    exponent = -round(math.log2(float(vectors.square().mean().sqrt())))
    with torch.no_grad():
        last_norm(model).weight.mul_(2.0**exponent)
        last_norm(model).bias.mul_(2.0**exponent)
    return exponent


def last_norm(model: DnacseModel) -> nn.LayerNorm:
    """The LayerNorm whose outputs are averaged."""
    last = model.config.num_hidden_layers - 1
    norm = model.get_submodule(f"encoder.layer.{last}.mlp.layernorm" if last >= 0 else "embeddings.LayerNorm")
    return cast("nn.LayerNorm", norm)
