"""A model's vectors centred and of a fitting length, by changing weight and bias of the last LayerNorm.

Vectors that share a large mean are all alike by cosine, which hides what sets them apart. With mean pooling, to take
it off the vectors is to take it off that bias, and to lengthen them is to multiply both: the architecture stays. What
is left without the mean may be short, and a new layer on top, as in fine-tuning, learns slowly from short vectors.
"""

import math
import random
from typing import cast

import torch
from torch import nn
from transformers import PreTrainedTokenizerBase

from modeling_dnacse import DnacseModel, embed
from modeling_dnacse.reading.labels import read_labelled


def draw_sequences(files: list[str], split: str | None, most: int, seed: int) -> list[str]:
    """Sequences of the files, at most `most` of them, each as likely as another (reservoir sampling, Vitter 1985).

    Raises:
        ValueError: there are none.
    """
    rng, drawn, seen = random.Random(seed), [], 0
    for file in files:
        for row in read_labelled(file, split=split):
            seen += 1
            if len(drawn) < most:
                drawn.append(row["sequence"])
            elif (place := rng.randrange(seen)) < most:
                drawn[place] = row["sequence"]
    if not drawn:
        raise ValueError(f"{', '.join(files)}: no sequences; give the training data")
    return drawn


def check_pooling(pooling: str) -> None:
    """Raise unless vectors are means of the last layer's states.

    Raises:
        ValueError: they are not.
    """
    if pooling != "mean":
        raise ValueError(f'the model pools by {pooling!r}; only with pooling "mean" can it be centred')


def center(model: DnacseModel, tokenizer: PreTrainedTokenizerBase, sequences: list[str]) -> torch.Tensor:
    """Take the mean vector of `sequences` off every vector of the model; what is left of theirs (n, hidden).

    Raises:
        ValueError: the model does not pool by the mean of its last layer.
    """
    check_pooling(model.config.pooling)
    vectors = torch.from_numpy(embed(model, tokenizer, sequences, progress=True))
    mean = vectors.mean(0)
    with torch.no_grad():
        last_norm(model).bias.sub_(mean)
    return vectors - mean


def lengthen(model: DnacseModel, vectors: torch.Tensor) -> int:
    """Multiply a model's vectors, of which `vectors` (n, hidden) are some, so that a column has a variance of about 1.

    By a power of two, which changes no other digit of a weight, nor any cosine.

    Returns:
        The exponent.
    """
    exponent = -round(math.log2(float(vectors.square().mean().sqrt())))
    with torch.no_grad():
        last_norm(model).weight.mul_(2.0**exponent)
        last_norm(model).bias.mul_(2.0**exponent)
    return exponent


def last_norm(model: DnacseModel) -> nn.LayerNorm:
    """The LayerNorm whose outputs are averaged."""
    norm = model.get_submodule(f"encoder.layer.{model.config.num_hidden_layers - 1}.mlp.layernorm")
    return cast("nn.LayerNorm", norm)
