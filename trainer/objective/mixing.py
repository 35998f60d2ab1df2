"""Sample for manifold instance mixup which rows are mixed, at which layer and with which weights.

modeling_dnacse/augmentation.py mixes the hidden states; `mi_mix` in losses.py uses the same weights.

Partners are sampled among the rows that pass the model together: those of one process or, with gradient caching, of
one chunk. The layer is the same for the whole batch of all processes. DNABERT-S's public code also samples partners
inside each replica, but then takes their numbers for rows of the gathered batch; `joint_mixup` renumbers them.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from modeling_dnacse import ManifoldMixup
from trainer.objective.chunks import Chunk, in_order


def sample_mixup(rows: int, layer: int, alpha: float, rng: np.random.Generator) -> ManifoldMixup:
    """Sample a permutation of `rows` rows, and λ_i = max(b, 1-b) with b ~ Beta(α, α) (DNABERT-S §3.2)."""
    weight = rng.beta(alpha, alpha, size=rows)
    return ManifoldMixup(
        layer=layer,
        permutation=torch.from_numpy(rng.permutation(rows)),
        coefficients=torch.from_numpy(np.maximum(weight, 1 - weight)).float(),
    )


def joint_mixup(chunks: Sequence[Chunk], mixups: Sequence[ManifoldMixup]) -> tuple[Tensor, Tensor]:
    """Join the mixups of chunks to the permutation (batch,) long and the coefficients (batch,) of the whole batch."""
    device = chunks[0].rows.device
    pairs = list(zip(chunks, mixups, strict=True))
    permutation = in_order([chunk.rows[mixup.permutation.to(device)] for chunk, mixup in pairs], chunks)
    return permutation, in_order([mixup.coefficients.to(device) for _, mixup in pairs], chunks)
