"""Search over shared sites among a million references: an inverted file in front of the search of shared_sites.py.

`SiteSearch` holds 11 KB for each reference, and compares each query with all references. Here references are grouped
into *cells*, which faiss calls the lists of an inverted file (IVF). A cell holds up to CELL records of one species. A
query is first compared with all cells, then with the references in its CELLS nearest cells (faiss: nprobe). The best
candidates among these are compared as in `SiteSearch`. So the result is the same up to float16, unless a candidate
lies in a cell that is not among the nearest.

| for each | stored | bytes with 1,548 sites and 512 columns |
|---|---|---|
| reference | its bases; its unit vector over the core in float16, and the length that it had before | 1,548 + 1,028 |
| cell | the unit mean of their leading COLUMNS, and the most frequent base at each site, as bits | 512 + 776 |

Everything can be memory-mapped from a file. Then only the parts that queries read are in memory.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..kmers import OTHER
from ..sites import DnacseSites
from .at_sites import core_of, site_sums, slices_of
from .shared_sites import GROUPS, NEAREST, PIECE, TOGETHER, Found, SiteSearch, by_group, nothing_found
from .site_bits import bits_of, bits_of_bases, matches

CELL = 64  # references in a cell, at most
CELLS = 64  # in which a query searches
COLUMNS = 128  # leading ones of the vectors, by which cells are compared; they hold most of what tells species
BLOCK = 4096  # references that are processed at once
AT_ONCE = 64  # nearnesses of cells that are summarised by their maximum
NEAR = 2**22  # nearnesses of queries and cells that are held at once: 16 MiB, which the allocator reuses


class Cells(NamedTuple):
    """The inverted file of a library, computed once; references and cells are sorted by species."""

    core: np.ndarray  # (sites,) bool, see `core_of`
    vectors: np.ndarray  # (r, hidden) float16, of references
    lengths: np.ndarray  # (r, blocks) float32, by which their vectors were divided
    means: np.ndarray  # (c, COLUMNS) float32, unit means of their leading columns, of cells
    bits: np.ndarray  # (words, c) uint64, of cells


class CellSearch(SiteSearch):
    """The search among references in cells."""

    def __init__(self, sites: DnacseSites, bases: np.ndarray, groups: np.ndarray, cells: Cells | None = None) -> None:
        """Take the inverted file of the references, or compute it.

        Args:
            sites: The part of the model that has the rows.
            bases: Bases of the references at sites (r, sites) uint8.
            groups: Number of the species of each reference (r,) int.
            cells: The inverted file of an earlier search of the same references; None: it is computed.

        Raises:
            ValueError: the cells are those of other references.
        """
        self.order, self.starts, self.ends = by_group(groups)  # internally, references are sorted by group
        self.groups = groups[self.order]
        self.firsts = first_of_cells(self.starts, self.ends)
        self.lasts = np.append(self.firsts[1:], len(groups))  # exclusive
        self.bases = bases  # in the order of the library: copying them would double the memory
        self.blocks, self.sites = sites.blocks, sites
        self.table = sites.weight.detach().float().cpu()
        if cells is None:
            cells = self._made()
        width, words, count = self.table.shape[1], -(-4 * bases.shape[1] // 64), len(self.firsts)
        references = (len(bases), width), (len(bases), len(self.blocks))
        shapes = (bases.shape[1:], *references, (count, min(COLUMNS, width)), (words, count))
        if shapes != tuple(part.shape for part in cells):
            raise ValueError("its cells are of other references")
        self.cells, self.core, self.core_bits = cells, cells.core, bits_of(cells.core[None])[0]
        self.vectors, self.means = torch.from_numpy(cells.vectors), torch.from_numpy(cells.means)

    def _made(self) -> Cells:
        """Compute the vectors of references, and the means and most frequent bases of cells."""
        self.core = core_of(self.bases)
        width = self.table.shape[1]
        vectors = np.empty((len(self.bases), width), np.float16)
        lengths = np.empty((len(self.bases), len(self.blocks)), np.float32)
        means = np.empty((len(self.firsts), min(COLUMNS, width)), np.float32)
        bits = np.empty((-(-4 * self.bases.shape[1] // 64), len(self.firsts)), np.uint64)
        for cells in slices_of(len(self.firsts), BLOCK // CELL):
            first, last = self.firsts[cells][0], self.lasts[cells][-1]
            bases = self.bases[self.order[first:last]]
            sums = site_sums(self.sites, self._in_core(bases))
            units, starts = self._unit(sums), self.firsts[cells] - first
            vectors[first:last] = units
            lengths[first:last] = self._lengths(sums)
            means[cells] = F.normalize(torch.from_numpy(np.add.reduceat(units[:, :COLUMNS].numpy(), starts)), dim=1)
            votes = np.add.reduceat((bases[:, :, None] == np.arange(4)).astype(np.uint8), starts)  # (cells, sites, 4)
            bits[:, cells] = bits_of_bases(np.where(votes.any(2), votes.argmax(2), OTHER).astype(np.uint8)).T
        return Cells(self.core, vectors, lengths, means, bits)

    @torch.inference_mode()
    def __call__(self, queries: np.ndarray, exclude_groups: tuple[np.ndarray, np.ndarray] | None = None) -> Found:
        """Search for queries; see `SiteSearch`."""
        width = min(GROUPS, len(self.starts)) + min(NEAREST, len(self.bases))
        found = nothing_found(len(queries), width)
        own, others = (None, None) if exclude_groups is None else exclude_groups
        others = None if others is None else others[self.order]
        for block in slices_of(len(queries), max(1, NEAR // len(self.firsts))):
            asked = queries[block]
            mine = None if own is None else own[block]
            vectors = self._unit(site_sums(self.sites, self._in_core(asked)))
            is_piece = ((asked < OTHER) & self.core).sum(1) < PIECE
            cells = self._nearest_cells(asked, vectors, is_piece, mine, others)
            for some in slices_of(len(asked), TOGETHER):
                rows = []
                for query in range(some.start, some.stop):
                    inside = self._rows_in(cells[query])
                    if mine is not None and others is not None:
                        inside = inside[others[inside] != mine[query]]
                    like = self._nearness_of(inside, vectors[query], asked[query] if is_piece[query] else None)
                    rows.append(inside[best_of(self.groups[inside], like)])
                self._compare_some(asked[some], rows, [part[block][some] for part in found])
        return found

    def _nearest_cells(
        self,
        queries: np.ndarray,
        vectors: Tensor,
        is_piece: np.ndarray,
        own: np.ndarray | None,
        others: np.ndarray | None,
    ) -> np.ndarray:
        """The cells to search for each query, (q, k) int64. Cells with nothing but excluded references come last."""
        low, high = (None if others is None else of.reduceat(others, self.firsts) for of in (np.minimum, np.maximum))
        near = vectors[:, :COLUMNS] @ self.means.T
        pieces = np.flatnonzero(is_piece)
        for number, bits in zip(pieces, bits_of_bases(queries[pieces]), strict=True):
            near[number] = torch.from_numpy(matches(bits, self.cells.bits))
        if own is not None and low is not None and high is not None:
            near[torch.from_numpy((own[:, None] == low) & (low == high))] = -torch.inf
        return largest(near, CELLS).numpy()

    def _rows_in(self, cells: np.ndarray) -> np.ndarray:
        """The references of cells, in their internal order."""
        cells = np.sort(cells)
        counts = self.lasts[cells] - self.firsts[cells]
        return np.arange(counts.sum()) + np.repeat(self.firsts[cells] - np.cumsum(counts) + counts, counts)

    def _nearness_of(self, rows: np.ndarray, vector: Tensor, piece: np.ndarray | None) -> np.ndarray:
        """The measure by which candidates of a query are chosen, (k,); `piece` holds its bases if it is a fragment."""
        if piece is None:
            return (self.vectors[torch.from_numpy(rows)].float() @ vector).numpy()
        covered = np.flatnonzero(piece < OTHER)
        return (self.bases[self.order[rows]][:, covered] == piece[covered]).sum(1, dtype=np.float32)

    def _compare_some(self, queries: np.ndarray, rows: list[np.ndarray], found: list[np.ndarray]) -> None:
        """Compare each query with its candidates (`rows`, in internal order), and fill its rows of `found`."""
        union, place = np.unique(np.concatenate(rows), return_inverse=True)
        if not len(union):
            return
        near = np.full((len(queries), len(union)), -np.inf, np.float32)
        near[np.repeat(np.arange(len(rows)), [len(part) for part in rows]), place] = 0
        few = _Few(self, union, near)(queries)
        few = few._replace(rows=np.where(few.rows >= 0, self.order[union[few.rows]], -1))
        for whole, part in zip(found, few, strict=True):
            whole[:, : part.shape[1]] = part


class _Few(SiteSearch):
    """The candidates of some queries in a large library, compared as `SiteSearch` does."""

    def __init__(self, whole: CellSearch, rows: np.ndarray, near: np.ndarray) -> None:
        """Restore the sums of these references over the core.

        Args:
            whole: The search in the library.
            rows: References in its internal order, ascending (r,) int; so they are sorted by group.
            near: 0 where a reference is a candidate of a query, -inf elsewhere (q, r) float32.
        """
        self.order, self.starts, self.ends = by_group(whole.groups[rows])
        self.bases, self.near = whole.bases[whole.order[rows]], near
        self.blocks, self.sites, self.table = whole.blocks, whole.sites, whole.table
        self.core, self.core_bits = whole.core, whole.core_bits
        self.cover = bits_of(self.bases < OTHER)
        self.vectors = whole.vectors[torch.from_numpy(rows)].float()
        lengths = torch.from_numpy(whole.cells.lengths[rows])
        self.core_sums = self.vectors * lengths.repeat_interleave(torch.tensor(self.blocks), dim=1)

    def _known_sums(self, rows: np.ndarray) -> list[tuple[np.ndarray, Tensor]]:
        """Only over the core: a sum over all sites would cost as much as what it saves, for references used once."""
        return [(self.cover[rows] & self.core_bits, self.core_sums[rows])]

    def _nearness(self, queries: np.ndarray, vectors: Tensor) -> np.ndarray:
        """The given measure of these queries."""
        return self.near

    def _candidates(self, near: np.ndarray, of_groups: np.ndarray) -> np.ndarray:
        """All given candidates."""
        return np.flatnonzero(near > -np.inf)


def best_of(groups: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Choose candidates: the nearest reference of each of GROUPS groups, and the NEAREST of any; (r,) to (k,) rows.

    Args:
        groups: Groups of the references (r,) int, sorted.
        near: Their nearness (r,) float32.
    """
    if not len(near):
        return np.empty(0, np.int64)
    order = np.lexsort((-near, groups))  # stable: the first of equal ones
    leaders = order[np.flatnonzero(np.diff(groups, prepend=groups[0] - 1))]
    leaders = leaders[np.argsort(-near[leaders], kind="stable")[:GROUPS]]
    return np.union1d(leaders, np.argpartition(-near, min(NEAREST, len(near)) - 1)[:NEAREST])


def largest(values: Tensor, count: int) -> Tensor:
    """Where the `count` largest values of each row are, or all: (n, m) to (n, k) long, the largest first.

    They lie in the blocks with the largest maxima, so that few values are sorted.

    >>> largest(torch.tensor([[0.0, 3.0, 1.0, 2.0]]), 2).tolist()
    [[1, 3]]
    """
    room = values.shape[1]
    if count * AT_ONCE >= room:
        return values.topk(min(count, room), dim=1).indices
    blocks = F.max_pool1d(values[:, None], AT_ONCE, ceil_mode=True)[:, 0].topk(count, dim=1).indices
    places = (blocks[:, :, None] * AT_ONCE + torch.arange(AT_ONCE)).flatten(1)
    inside = values.gather(1, places.clamp(max=room - 1)).masked_fill(places >= room, -torch.inf)
    return places.gather(1, inside.topk(count, dim=1).indices)


def first_of_cells(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Cut groups into cells of `CELL` references: the first one of each cell.

    >>> first_of_cells(np.array([0, 3]), np.array([3, 3 + 2 * CELL + 1])).tolist() == [0, 3, 3 + CELL, 3 + 2 * CELL]
    True
    """
    counts = -(-(ends - starts) // CELL)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(starts, counts) + CELL * within
