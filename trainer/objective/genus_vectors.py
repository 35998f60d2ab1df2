"""Add a vector for each genus to a training model; each starts as the mean of embeddings of the genus.

The cross-entropy over genera (`--genus_weight`) compares anchors with these vectors. BarcodeMAE+ (2026) has such a
term beside its masked-language loss. Random vectors would be of little use: an epoch has few records of most genera.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedTokenizerFast

from modeling_dnacse import DnacseForContrastiveLearning, embed
from trainer.pairing.pairs import NO_GENUS, PairDataset

if TYPE_CHECKING:
    from trainer.pairing.genome_fragments import FragmentDataset

RECORDS = 4  # most of a genus


def add_genus_vectors(
    model: DnacseForContrastiveLearning,
    tokenizer: PreTrainedTokenizerFast,
    pairs: "PairDataset | FragmentDataset",
    seed: int,
    device: torch.device,
) -> None:
    """Set `model.genera`, a linear layer with weights (genera, hidden), to the mean of up to RECORDS unit embeddings.

    The encoder moves to the device, where it embeds.

    Raises:
        ValueError: the training data are windows of genomes, or name fewer than two genera.
    """
    if not isinstance(pairs, PairDataset):
        raise ValueError("--genus_weight: windows of genomes have no genera; choose another --pairing, or weight 0")
    count = int(pairs.genera.max(initial=NO_GENUS)) + 1
    if count < 2:
        raise ValueError(
            f"--genus_weight: the training data name {count} genera and need two or more; label them (genus=... in "
            "the header, or a column genus), or leave --genus_weight at 0"
        )
    rows = first_of_each(pairs.genera, np.random.default_rng(seed))
    sequences = [pairs.sequences[int(row)]["sequence"] for row in rows]
    encoder: Any = model.bert
    vectors = torch.from_numpy(embed(encoder.to(device), tokenizer, sequences, both_strands=False, normalize=True))
    genera = torch.from_numpy(pairs.genera[rows])
    sums = torch.zeros(count, vectors.shape[1]).index_add_(0, genera, vectors)
    layer = nn.Linear(*sums.T.shape, bias=False).to(device, model.dtype)
    with torch.no_grad():
        layer.weight.copy_(nn.functional.normalize(sums, dim=1))
    model.genera = layer


def first_of_each(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Up to RECORDS random rows of each label from 0 on: (rows,), ascending.

    >>> first_of_each(np.array([0, NO_GENUS, 1, 0]), np.random.default_rng(0)).tolist()
    [0, 2, 3]
    """
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(starts, counts)  # within the label
    return np.sort(order[(place < RECORDS) & (labels[order] != NO_GENUS)])
