"""Offsets for blocks of a sequence whose gene has indels: votes for each block and offset in, the best path out.

Along a gene the offset changes by one for each base that is inserted or deleted. The path is the one that has most
votes, less what its changes cost (Viterbi 1967). Votes and costs are integers, so nothing depends on the batch.

- A change costs a little whatever its size, since a stretch of several bases is inserted or deleted at once.
- The offset falls by at most a block from one block to the next. So the sites at which blocks begin never go back.
- The steps are those of the longest marker, a fixed number, so that the loop exports to ONNX.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

COST, COST_OF_BASE = 255, 38  # of a change: as much as one sure k-mer, and 0.15 for each base


def box_sums(values: Tensor, radius: int) -> Tensor:
    """Sum over a window of 2 · radius + 1 along the second dimension: (batch, n, m) to (batch, n, m).

    >>> box_sums(torch.tensor([[[0], [0], [5], [1], [0]]]), 1).flatten().tolist()
    [0, 5, 6, 6, 1]
    """
    sums = F.pad(values, (0, 0, radius + 1, radius)).cumsum(1, dtype=values.dtype)
    width = 2 * radius + 1
    return sums[:, width:] - sums[:, :-width]


def change_costs(block: int, reach: int, device: torch.device) -> Tensor:
    """What it costs to go to an offset from another, (to, from) int32."""
    offsets = torch.arange(-reach, reach + 1, device=device)
    change = (offsets[:, None] - offsets).int()
    costs = (COST + COST_OF_BASE * change.abs()) * (change != 0)
    return torch.where(change < -block, 2**20, costs)


def best_path(votes: Tensor, block: int, reach: int) -> tuple[Tensor, Tensor]:
    """Choose an offset for each block.

    Args:
        votes: (batch, blocks, 2 · reach + 1) int32.
        block: Bases of a block.
        reach: Farthest offset from that of the sequence, in bases.

    Returns:
        Votes along the path less its costs (batch, 1), and the offsets (batch, blocks) long, -reach to reach.

    >>> best_path(torch.tensor([[[0, 900, 0], [0, 0, 900], [0, 0, 0]]]).int(), 16, 1)
    (tensor([[1507]]), tensor([[0, 1, 1]]))
    """
    count, offsets = votes.shape[1:]
    room = 1 << (offsets - 1).bit_length()  # a score and the offset that it came from, in one number
    costs = change_costs(block, reach, votes.device) * room - torch.arange(offsets, device=votes.device).int()
    low, high = 0, count
    if not torch.compiler.is_exporting():  # before and behind the votes the offset stays
        voted = votes.any(2).any(0).nonzero()
        low, high = (int(voted[0]), int(voted[-1]) + 1) if len(voted) else (0, 1)
    score, origins = votes[:, low], []
    for number in range(low + 1, high):
        packed = (score[:, None] * room - costs).amax(2)
        origins.append(packed & (room - 1))
        score = (packed >> (room.bit_length() - 1)) + votes[:, number]
    best, chosen = score.max(1, keepdim=True)
    path = [chosen]
    for origin in reversed(origins):
        path.append(origin.gather(1, path[-1]).long())
    found = torch.cat(path[::-1], 1) - reach
    before, after = found[:, :1].expand(-1, low), found[:, -1:].expand(-1, count - high)
    return best, torch.cat((before, found, after), 1)
