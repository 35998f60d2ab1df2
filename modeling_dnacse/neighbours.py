"""Unit vectors in, each one's nearest among others out: exact, by cosine, in blocks of constant memory.

Exact search is a matrix product and a pass over it. On one CPU core a query takes 1.5 ms for 100,000 references of 256
numbers, about as long as embedding it, so no index is needed, and none of its approximations.
"""

import numpy as np
import torch

BLOCK = 2**24  # similarities held at once: 64 MiB
TIE = 1e-6  # equal but for rounding, which differs with the batch that a sequence was embedded in


@torch.inference_mode()
def nearest(
    queries: np.ndarray | torch.Tensor,
    references: np.ndarray | torch.Tensor,
    k: int = 1,
    exclude: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find each query's k nearest references by cosine, the nearest first.

    Args:
        queries: Unit vectors (q, d) float32.
        references: Unit vectors (r, d) float32; a tensor on an accelerator is searched there.
        k: How many; fewer where there are fewer.
        exclude: Row of the one reference that a query must not find, such as itself, (q,) int; -1: none.
        groups: Group of each reference (r,) int; of each group a query finds only the nearest member, the one of the
            lowest row if several are (to 1e-6), so that the neighbours are k groups.

    Returns:
        Rows of the references (q, k) int64, -1 where no more are left, and similarities (q, k) float32, -inf there.

    >>> vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
    >>> nearest(vectors[:1], vectors, k=2)[0].tolist()
    [[0, 1]]
    >>> nearest(vectors[:1], vectors, exclude=np.array([0]))[0].tolist()
    [[1]]
    >>> nearest(vectors[:1], vectors, k=3, groups=np.array([7, 7, 9]))[0].tolist()
    [[0, 2]]
    """
    targets = torch.as_tensor(references)
    places = torch.as_tensor(queries)
    group = None if groups is None else torch.as_tensor(groups, device=targets.device)
    k = min(k, len(targets) if groups is None else len(np.unique(groups)))
    indices = np.empty((len(places), k), np.int64)
    similarities = np.empty((len(places), k), np.float32)
    rows = max(1, BLOCK // max(1, len(targets)))
    for first in range(0, len(places), rows):
        block = slice(first, first + rows)
        cosines = places[block].to(targets.device) @ targets.T  # (rows, r)
        if exclude is not None:
            own = torch.as_tensor(exclude[block], device=targets.device)
            has_own = torch.nonzero(own >= 0)[:, 0]
            cosines[has_own, own[has_own]] = -torch.inf
        if group is None:
            values, found = cosines.topk(k, dim=1)
        else:
            values, found = _nearest_groups(cosines, group, k)
        found[values == -torch.inf] = -1
        indices[block], similarities[block] = found.cpu().numpy(), values.cpu().numpy()
    return indices, similarities


def _nearest_groups(cosines: torch.Tensor, group: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The k groups of highest cosine, by their nearest members; `cosines` is overwritten."""
    values, found = [], []
    for _ in range(k):
        if found:
            cosines.masked_fill_(group == group[found[-1]][:, None], -torch.inf)
        best = cosines.amax(dim=1, keepdim=True)
        values.append(best[:, 0])
        found.append((cosines >= best - TIE).to(torch.uint8).argmax(dim=1))  # the first; torch has no argmax of bool
    return torch.stack(values, dim=1), torch.stack(found, dim=1)
