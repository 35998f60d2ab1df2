"""The contrastive losses of DNABERT-S and DNACSE: gathered features in, one scalar out.

Conventions of all four:

- Row i of `anchors` and row i of `positives` are two views of one sequence or species. Every other row is a negative.
- `species` (rows,) holds an integer for each row. Rows of the same species are not negatives of each other: such a
  candidate gets -inf before the softmax, so it counts in no sum and no mean.
- Everything after the dot products is computed in float32 (float64 for float64 features) and in log space. So bf16
  features and temperatures down to 0.01 neither overflow nor lose small terms.
- DNABERT-S weights a negative by its hardness, α_ij = e_ij / mean_k e_ik with e = exp(s) and s = similarity / τ. In
  log space, log Σ_j α_ij e_ij = logsumexp(2 s_ij) - logsumexp(s_ij) + log(number of negatives). α is not detached, as
  in the reference implementation.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

EXCLUDED = -torch.inf


def weighted_simclr(anchors: Tensor, positives: Tensor, temperature: float, species: Tensor | None = None) -> Tensor:
    """DNABERT-S, phase I: SimCLR over both views with hardness-weighted negatives.

    Args:
        anchors: (n, d) unit features of one view.
        positives: (n, d) unit features of the other view.
        temperature: τ, 0.05 in the paper.
        species: (n,) masks false negatives; None: every other row is a negative.

    Returns:
        The mean over the 2n anchors of -log[ e_ip / (e_ip + Σ_j α_ij e_ij) ], the sum over the 2n - 2 negatives.

    >>> z = torch.eye(2, dtype=torch.float64)
    >>> round(weighted_simclr(z, z, temperature=1.0).item(), 4)  # log(1 + 2 · exp(0 - 1))
    0.5514
    """
    features = wide(torch.cat([anchors, positives]))  # (2n, d)
    rows = len(anchors)
    logits = features @ features.T / temperature  # (2n, 2n)
    positive = logits.diagonal(rows).repeat(2)  # (2n,): both halves see the same n products
    negatives = logits.masked_fill(same_species(species, anchors).repeat(2, 2), EXCLUDED)
    return (torch.logaddexp(positive, log_weighted_sum(negatives)) - positive).mean()


def mi_mix(
    mixed: Tensor,
    positives: Tensor,
    permutation: Tensor,
    coefficients: Tensor,
    temperature: float,
    species: Tensor | None = None,
) -> Tensor:
    """DNABERT-S, phase II: each mixed anchor should retrieve both of its parents, weighted by λ and 1 - λ.

    Args:
        mixed: (n, d) unit features of the mixed side.
        positives: (n, d) unit features of the clean side.
        permutation: (n,) long; row i was mixed with row `permutation[i]`.
        coefficients: (n,) λ, the weight of row i itself in its mixture.
        temperature: τ, 0.05 in the paper.
        species: (n,) masks the other rows of either parent's species. The parents themselves always count.

    Returns:
        -mean_i [ λ_i log(e_ii / D_i) + (1 - λ_i) log(e_iπ(i) / D_i) ], D_i = e_ii + Σ_{j≠i} α_ij e_ij.
    """
    logits = wide(mixed) @ wide(positives).T / temperature  # (n, n)
    rows = torch.arange(len(mixed), device=mixed.device)
    itself = rows[:, None] == rows[None, :]
    partner = permutation[:, None] == rows[None, :]
    same = same_species(species, mixed)
    negatives = logits.masked_fill(itself | ((same | same[permutation]) & ~partner), EXCLUDED)
    denominator = torch.logaddexp(logits.diagonal(), log_weighted_sum(negatives))  # log D, (n,)
    weight = coefficients.to(logits)
    target = weight * logits.diagonal() + (1 - weight) * logits[rows, permutation]
    return (denominator - target).mean()


def noise_contrastive(
    anchors: Tensor,
    positives: Tensor,
    temperature: float,
    margin: float = 0.0,
    mix_lambda: float = 0.2,
    hard_negative_weight: float = 0.0,
    variant: Literal["corrected", "published"] = "corrected",
    species: Tensor | None = None,
) -> Tensor:
    """DNACSE: cross-entropy over [S | A | C], that is in-batch negatives and MixCSE negatives in both directions.

    S_ij = cos(z1_i, z2_j)/τ, its diagonal lowered by margin/τ. A_ij = cos(z1_i, m2_j)/τ with the mixed, detached
    negative m2_j = λ z2_j + (1-λ) z2_{j+1}, λ being `mix_lambda`. C is A with the views exchanged.
    `hard_negative_weight` is added to the diagonals of A and C.

    Args:
        anchors: (n, d) pooled states of the first view, not normalised.
        positives: (n, d) pooled states of the second, noisy view.
        temperature: τ, 0.05 in the paper.
        margin: lowers the similarity of the positive.
        mix_lambda: λ, the weight of the first part of a mixture.
        hard_negative_weight: raises the logit of a row's own mixture.
        variant: In "corrected" (ours), the mixture whose main part is a row's own positive, (i, i-1), is excluded with
            -inf, and row i of C belongs to z2_i. "published" is the reference's form, which puts a logit of 0 there,
            and in which row i of C belongs to the mixture m1_i.
        species: (n,) masks candidates of a row's own species, and mixtures with a part of that species.

    Returns:
        The mean cross-entropy against the diagonal of S.
    """
    z1, z2 = wide(anchors), wide(positives)
    mixed1, mixed2 = ((mix_lambda * z + (1 - mix_lambda) * z.roll(-1, 0)).detach() for z in (z1, z2))
    identity = torch.eye(len(z1), dtype=torch.bool, device=z1.device)
    own_mixture = identity.roll(-1, 1)  # (i, i-1): mixture i-1 is mostly row i

    similarity = cosine(z1, z2) / temperature - identity * (margin / temperature)
    forward = cosine(z1, mixed2) / temperature + identity * hard_negative_weight
    if variant == "published":
        backward = cosine(mixed1, z2) / temperature + identity * hard_negative_weight
        forward = forward.masked_fill(own_mixture, 0.0)
        backward = backward.masked_fill(own_mixture.T, 0.0)
    else:
        backward = cosine(z2, mixed1) / temperature + identity * hard_negative_weight
        forward = forward.masked_fill(own_mixture, EXCLUDED)
        backward = backward.masked_fill(own_mixture, EXCLUDED)

    if species is not None:
        same = same_species(species, anchors)
        other = same & ~identity
        of_mixture = other | same.roll(-1, 1)  # the second part of mixture j is row j+1
        similarity = similarity.masked_fill(other, EXCLUDED)
        forward, backward = (logits.masked_fill(of_mixture, EXCLUDED) for logits in (forward, backward))
    target = torch.arange(len(z1), device=z1.device)
    return F.cross_entropy(torch.cat([similarity, forward, backward], dim=1), target)  # (n, 3n)


def info_nce(anchors: Tensor, positives: Tensor, temperature: float, species: Tensor | None = None) -> Tensor:
    """Plain InfoNCE (van den Oord et al. 2018): each anchor (n, d) picks its positive among all positives (n, d).

    >>> z = torch.eye(2)
    >>> info_nce(z, z, temperature=1.0).item() == F.cross_entropy(z, torch.arange(2)).item()
    True
    """
    logits = wide(anchors) @ wide(positives).T / temperature  # (n, n)
    identity = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill(same_species(species, anchors) & ~identity, EXCLUDED)
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))


def same_species(species: Tensor | None, rows: Tensor) -> Tensor:
    """Which `rows` (n, d) are of the same species: (n, n). Without `species` (n,), each row is a species of its own.

    >>> same_species(torch.tensor([7, 8, 7]), torch.zeros(3, 1)).int().tolist()
    [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    """
    labels = torch.arange(len(rows), device=rows.device) if species is None else species
    return labels[:, None] == labels[None, :]


def log_weighted_sum(negatives: Tensor) -> Tensor:
    """log Σ_j α_j e_j of each row of logits (rows, candidates); candidates with -inf are excluded.

    A row without candidates gives -inf and no gradient.
    """
    count = (negatives > EXCLUDED).to(negatives.dtype).sum(1)  # (rows,)
    empty = count == 0
    # logsumexp of a row of -inf has a NaN gradient, so such rows are replaced before and after
    safe = negatives.masked_fill(empty[:, None], 0.0)
    value = torch.logsumexp(2 * safe, 1) - torch.logsumexp(safe, 1) + count.log()
    return value.masked_fill(empty, EXCLUDED)


def cosine(first: Tensor, second: Tensor) -> Tensor:
    """Cosine similarity of each row of (n, d) with each row of (m, d): (n, m)."""
    return F.normalize(first, dim=1) @ F.normalize(second, dim=1).T


def wide(features: Tensor) -> Tensor:
    """Convert half precision to float32."""
    return features if features.dtype == torch.float64 else features.float()
