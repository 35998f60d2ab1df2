"""How well pairs find each other: vectors of both views in, cosine statistics and recall@1 out.

Candidates of an anchor's own species are left out: they are no mistakes.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.losses import weighted_simclr

BLOCK = 1024  # anchors compared at a time


def similarities(anchors: Tensor, positives: Tensor, species: Tensor) -> dict[str, Tensor]:
    """Mean cosine of positives and of negatives, and recall@1: how often the positive is nearest in the batch.

    Args:
        anchors: (n, d), of any length, as `positives`.
        species: (n,).

    Returns:
        Scalars on the device of the vectors: to read one waits for the device.
    """
    cosine = F.normalize(anchors.float(), dim=1) @ F.normalize(positives.float(), dim=1).T  # (n, n)
    negative = species[:, None] != species[None, :]
    positive = cosine.diagonal()
    return {
        "positive_similarity": positive.mean(),
        "negative_similarity": (cosine * negative).sum() / negative.sum().clamp(min=1),
        "recall_at_1": beats(positive, cosine, negative).float().mean(),
    }


def validation_scores(
    anchors: Tensor, positives: Tensor, species: Tensor, temperature: float, batch_size: int
) -> dict[str, float]:
    """Scores of all validation pairs together.

    Returns:
        loss: `weighted_simclr` of unit vectors, the mean over batches of `batch_size` pairs, whatever the objective of
            the phase and the number of processes, so that values compare.
        recall_at_1: how often an anchor's positive is the nearest among the positives of all pairs.
    """
    anchors, positives = F.normalize(anchors.float(), dim=1), F.normalize(positives.float(), dim=1)
    batches = [slice(start, start + batch_size) for start in range(0, len(anchors), batch_size)]
    losses = [weighted_simclr(anchors[b], positives[b], temperature, species[b]) * len(species[b]) for b in batches]
    hits = 0.0
    for start in range(0, len(anchors), BLOCK):
        rows = slice(start, start + BLOCK)
        cosine = anchors[rows] @ positives.T
        negative = species[rows, None] != species[None, :]
        hits += beats(cosine.diagonal(start), cosine, negative).sum().item()
    return {"loss": torch.stack(losses).sum().item() / len(anchors), "recall_at_1": hits / len(anchors)}


def beats(positive: Tensor, cosine: Tensor, negative: Tensor) -> Tensor:
    """Whether each row's positive (rows,) is nearer than all that is `negative` among its candidates (rows, n)."""
    return positive > cosine.masked_fill(~negative, -torch.inf).amax(1)
