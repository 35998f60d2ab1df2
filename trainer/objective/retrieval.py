"""How well anchors retrieve their positives: vectors of both views in, cosine statistics and recall@1 out.

Other candidates of an anchor's own species are left out, since retrieving them is not a mistake.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.losses import weighted_simclr

BLOCK = 1024  # anchors compared at a time


def similarities(anchors: Tensor, positives: Tensor, species: Tensor) -> dict[str, Tensor]:
    """Mean cosine of positives and of negatives, and recall@1: how often the positive is the nearest in the batch.

    Args:
        anchors: (n, d), of any norm.
        positives: (n, d), of any norm.
        species: (n,).

    Returns:
        Scalars on the device of the vectors; reading one waits for the device.
    """
    cosine = F.normalize(anchors.float(), dim=1) @ F.normalize(positives.float(), dim=1).T  # (n, n)
    negative = species[:, None] != species[None, :]
    positive = cosine.diagonal()
    return {
        "positive_similarity": positive.mean(),
        "negative_similarity": (cosine * negative).sum() / negative.sum().clamp(min=1),
        "recall_at_1": is_nearest(positive, cosine, negative).float().mean(),
    }


def validation_scores(
    anchors: Tensor, positives: Tensor, species: Tensor, temperature: float, batch_size: int
) -> dict[str, float]:
    """Scores of all validation pairs together.

    Returns:
        loss: the mean `weighted_simclr` of unit vectors in batches of `batch_size` pairs. It is the same for every
            objective and number of processes, so that values are comparable.
        recall_at_1: how often an anchor's positive is the nearest of all positives.
    """
    anchors, positives = F.normalize(anchors.float(), dim=1), F.normalize(positives.float(), dim=1)
    batches = [slice(start, start + batch_size) for start in range(0, len(anchors), batch_size)]
    losses = [weighted_simclr(anchors[b], positives[b], temperature, species[b]) * len(species[b]) for b in batches]
    hits = 0.0
    for start in range(0, len(anchors), BLOCK):
        rows = slice(start, start + BLOCK)
        cosine = anchors[rows] @ positives.T
        negative = species[rows, None] != species[None, :]
        hits += is_nearest(cosine.diagonal(start), cosine, negative).sum().item()
    return {"loss": torch.stack(losses).sum().item() / len(anchors), "recall_at_1": hits / len(anchors)}


def is_nearest(positive: Tensor, cosine: Tensor, negative: Tensor) -> Tensor:
    """Whether each row's `positive` (rows,) has a higher cosine than all `negative` candidates (rows, n)."""
    return positive > cosine.masked_fill(~negative, -torch.inf).amax(1)
