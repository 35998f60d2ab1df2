"""The draws of manifold instance mixup: which layer, who is mixed with whom, how much.

Partners are drawn among the rows that pass the model together: those of one process, or of one chunk with gradient
caching. The layer is one for the whole batch, of all processes. DNABERT-S's public code draws partners inside each
replica as well, but then reads their numbers as rows of the gathered batch; `joint_mixup` counts them in the batch.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from modeling_dnacse import ManifoldMixup
from trainer.objective.chunks import Chunk, in_order


def draw_mixup(rows: int, layer: int, alpha: float, rng: np.random.Generator) -> ManifoldMixup:
    """A permutation of `rows` rows, and λ_i = max(b, 1-b) with b ~ Beta(α, α) (DNABERT-S §3.2)."""
    weight = rng.beta(alpha, alpha, size=rows)
    return ManifoldMixup(
        layer=layer,
        permutation=torch.from_numpy(rng.permutation(rows)),
        coefficients=torch.from_numpy(np.maximum(weight, 1 - weight)).float(),
    )


def joint_mixup(chunks: Sequence[Chunk], mixups: Sequence[ManifoldMixup]) -> tuple[Tensor, Tensor]:
    """Partners and weights of all rows of the batch: permutation (batch,) long and coefficients (batch,)."""
    device = chunks[0].rows.device
    drawn = list(zip(chunks, mixups, strict=True))
    permutation = in_order([chunk.rows[mixup.permutation.to(device)] for chunk, mixup in drawn], chunks)
    return permutation, in_order([mixup.coefficients.to(device) for _, mixup in drawn], chunks)
