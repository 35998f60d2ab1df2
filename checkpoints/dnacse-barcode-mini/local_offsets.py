"""Handle indels by an offset for each block of a sequence: votes for each block and offset in, the best path out.

Along a gene the offset changes by one for each base that is inserted or deleted. The best path has most votes, minus
a cost for each change of the offset (Viterbi 1967). Votes and costs are integers, so nothing depends on the batch.

- The cost of a change grows little with its size, since several bases may be inserted or deleted at once.
- The offset falls by at most a block from one block to the next.
- Of equal paths the one that changes earliest is taken. The boundary of two blocks with different offsets is then
  moved to where the votes for the first offset end. So a fragment has the same boundaries as the whole sequence,
  although its blocks begin elsewhere.
- The number of steps is fixed, that of the longest marker, so that the loop exports to ONNX.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

COST, COST_OF_BASE = 255, 38  # of a change: as one k-mer that is at one site only, plus 0.15 of it per base


def box_sums(values: Tensor, radius: int) -> Tensor:
    """Sum over a window of 2 · radius + 1 along the second dimension: (batch, n, m) to (batch, n, m).

    >>> box_sums(torch.tensor([[[0], [0], [5], [1], [0]]]), 1).flatten().tolist()
    [0, 5, 6, 6, 1]
    """
    sums = F.pad(values, (0, 0, radius + 1, radius)).cumsum(1, dtype=values.dtype)
    width = 2 * radius + 1
    return sums[:, width:] - sums[:, :-width]


def change_costs(block: int, reach: int, device: torch.device) -> Tensor:
    """The cost of a change from one offset to another, (to, from) int32."""
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
    (tensor([[1507]], dtype=torch.int32), tensor([[0, 1, 1]]))
    """
    count, offsets = votes.shape[1:]
    room = 1 << offsets.bit_length()  # packs a score and its previous offset in one number; no change wins ties
    own = torch.arange(offsets, device=votes.device).int()
    names = torch.where(own[:, None] == own, offsets, own)
    costs = change_costs(block, reach, votes.device) * room - names
    low, high = 0, count
    if not torch.compiler.is_exporting():  # before and after the votes the offset stays the same
        voted = votes.any(2).any(0).nonzero()
        low, high = (int(voted[0]), int(voted[-1]) + 1) if len(voted) else (0, 1)
    score, origins = votes[:, low], []
    for number in range(low + 1, high):
        packed = (score[:, None] * room - costs).amax(2)  # (batch, to)
        origin = packed & (room - 1)
        origins.append(torch.where(origin == offsets, own, origin))
        score = (packed >> (room.bit_length() - 1)) + votes[:, number]
    best, chosen = score.max(1, keepdim=True)
    path = [chosen]
    for origin in reversed(origins):
        path.append(origin.gather(1, path[-1]).long())
    found = torch.cat(path[::-1], 1) - reach
    before, after = found[:, :1].expand(-1, low), found[:, -1:].expand(-1, count - high)
    return best, torch.cat((before, found, after), 1)


def cut_between(left: Tensor, right: Tensor, shifts: Tensor, behind: int) -> Tensor:
    """Where each block begins, after boundaries were moved to where votes change: (batch, blocks) long, from 0.

    Args:
        left: Votes at each position of two adjacent blocks for the offset of the first, (batch, blocks - 1, 2 ·
            block).
        right: The same for the offset of the second.
        shifts: Offsets of the blocks (batch, blocks).
        behind: Positions from the one at which a k-mer votes to the one after its last base.
    """
    block = left.shape[2] // 2
    gains = F.pad((left - right).cumsum(2, dtype=torch.int32), (1, 0))  # of a boundary before each position
    number = torch.arange(left.shape[1], device=left.device)
    place = gains.argmax(2)  # the first of equal ones
    cuts = number * block + torch.where(place > 0, place - 1 + behind, 0)
    cuts = torch.where(shifts[:, 1:] == shifts[:, :-1], (number + 1) * block, cuts)
    before, earlier = F.pad(cuts, (1, 0))[:, :-1], F.pad(cuts, (2, 0))[:, :-2]
    return F.pad(torch.maximum(torch.maximum(cuts, before), earlier), (1, 0))  # none begins before another


def segment_of(places: Tensor, begins: Tensor, room: int) -> Tensor:
    """Number of the segment of each position, -1 before the first: (batch or 1, n) positions to (batch, n) long.

    Args:
        places: Positions; those outside of 0 to `room` - 1 are moved to the nearest end.
        begins: (batch, segments) long, below `room`.
        room: Number of positions.
    """
    empty = torch.zeros((begins.shape[0], room), dtype=torch.int32, device=begins.device)
    count = empty.scatter_add(1, begins, torch.ones_like(begins, dtype=torch.int32)).cumsum(1) - 1
    return count.gather(1, places.clamp(0, room - 1).expand(begins.shape[0], -1))
