"""A model's vectors centred: their mean over sequences taken off, by changing one bias.

Vectors that share a large mean are all alike by cosine, which hides what sets them apart. With mean pooling, to take
it off the vectors is to take it off the bias of the last LayerNorm: the architecture stays.
"""

import random

import torch
from transformers import PreTrainedTokenizerBase

from modeling_dnacse import DnacseModel, embed
from modeling_dnacse.labels import read_labelled


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


def center(model: DnacseModel, tokenizer: PreTrainedTokenizerBase, sequences: list[str]) -> float:
    """Take the mean vector of `sequences` off every vector of the model; the length of that mean.

    Raises:
        ValueError: the model does not pool by the mean of its last layer.
    """
    check_pooling(model.config.pooling)
    mean = torch.from_numpy(embed(model, tokenizer, sequences, progress=True).mean(0))
    last = f"encoder.layer.{model.config.num_hidden_layers - 1}.mlp.layernorm.bias"
    with torch.no_grad():
        model.get_parameter(last).sub_(mean)
    return float(mean.norm())
