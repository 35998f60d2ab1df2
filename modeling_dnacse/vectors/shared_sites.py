"""Search over the sites that two sequences share: bases at sites in; nearest references, identity and overlap out.

The vector of a fragment differs from that of the whole sequence, since the whole covers more sites. Here both vectors
are computed from the sites that both sequences cover, so that a fragment of 150 bp finds its source. Identity and
overlap are computed too, as users of BLAST expect. References are stored as their bases at sites, one byte each.

The *core* is the set of sites that at least half of the references cover, such as the barcode region in a library of
whole genes and barcodes.

1. Candidates: the nearest reference of each of the GROUPS nearest groups (species), and the NEAREST references of any
   group. Nearness is the cosine over the core, which whole genes and barcodes have in common. For a fragment, which
   covers fewer than PIECE sites of the core, it is the number of equal bases, which is exact at any length.
2. Ranking: the model's cosine over shared sites, minus DOUBT standard errors. A cosine c over n sites has an error of
   about sqrt((1 - c^2) / n), so few shared sites prove little. The cosine over the core is added with the weight CORE
   for a query that covers the core, and with less weight for a fragment. It is less exact, but it is the same measure
   for all references.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..kmers import OTHER
from ..sites import DnacseSites
from .at_sites import batches_of, content_keys, core_of, site_sums, slices_of
from .site_bits import bits_of, bits_of_bases, matches, unpacked

GROUPS, NEAREST = 12, 12  # candidates
PIECE = 450  # sites
CORE = 0.3
DOUBT = 2.0
LEAST_ERROR = 0.02  # lower bound of 1 - c^2, so that of two equal references the one with more shared sites wins
BLOCK = 2**24  # similarities held at once: 64 MiB
TOGETHER = 128  # queries compared at once


class Found(NamedTuple):
    """Candidates of each query, the nearest first; k depends on the library."""

    rows: np.ndarray  # (q, k) int64 of the references, -1: there are no more
    score: np.ndarray  # (q, k) float32, by which they are ranked; -inf where there are no more
    cosine: np.ndarray  # (q, k) float32, of the vectors over shared sites; -inf where there are no more
    identity: np.ndarray  # (q, k) float32, share of the shared sites with the same base; 0 where there are none
    overlap: np.ndarray  # (q, k) int32, shared sites


def nothing_found(queries: int, width: int) -> Found:
    """No candidates for any query, to be filled."""
    empty = ((-1, np.int64), (-np.inf, np.float32), (-np.inf, np.float32), (0, np.float32), (0, np.int32))
    return Found(*(np.full((queries, width), value, kind) for value, kind in empty))


def by_group(groups: np.ndarray, keys: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort rows by their groups (r,), rows of one group by their keys (r,) or in their order.

    Returns:
        The rows (r,), and where each of g groups starts and ends among them (g,).

    >>> [part.tolist() for part in by_group(np.array([7, 2, 7]))]
    [[1, 0, 2], [0, 1], [1, 3]]
    """
    order = np.argsort(groups, kind="stable") if keys is None else np.lexsort((keys, groups))
    edges = np.flatnonzero(np.diff(groups[order])) + 1
    return order, np.concatenate([[0], edges]), np.concatenate([edges, [len(groups)]])


class SiteSearch:
    """References as bases at sites, and the search among them."""

    def __init__(self, sites: DnacseSites, bases: np.ndarray, groups: np.ndarray | None = None) -> None:
        """Sum the rows of all references.

        Args:
            sites: The part of the model that has the rows.
            bases: Bases of the references at sites (r, sites) uint8.
            groups: Number of the group of each reference (r,) int, such as its species; by default, its own group.
        """
        groups = np.arange(len(bases)) if groups is None else groups
        # internally, references are sorted: which of equally near ones are candidates depends on no order of a library
        self.order, self.starts, self.ends = by_group(groups, content_keys(bases))
        self.bases = bases[self.order]
        self.blocks, self.sites = sites.blocks, sites
        self.table = sites.weight.detach().float().cpu()  # (4 · sites, hidden)
        self.sums = site_sums(sites, self.bases)  # (r, hidden)
        self.cover = bits_of(self.bases < OTHER)  # (r, words)
        self.core = core_of(self.bases)
        self.core_bits = bits_of(self.core[None])[0]
        self.core_sums = site_sums(sites, self._in_core(self.bases))
        self.vectors = self._unit(self.core_sums)

    @cached_property
    def bits(self) -> np.ndarray:
        """A bit for each base at each site of the references, to count equal bases: (r, words)."""
        return np.concatenate([bits_of_bases(part) for part in batches_of(self.bases)])

    @cached_property
    def words(self) -> np.ndarray:
        """The same, transposed: (words, r)."""
        return np.ascontiguousarray(self.bits.T)

    def __call__(self, queries: np.ndarray, exclude_groups: tuple[np.ndarray, np.ndarray] | None = None) -> Found:
        """Search for queries.

        Args:
            queries: Bases at sites (q, sites) uint8.
            exclude_groups: Group of each query (q,) and of each reference (r,) int. A query never finds a reference
                of its own group, such as itself or its species.
        """
        width = min(GROUPS, len(self.starts)) + min(NEAREST, len(self.bases))
        found = nothing_found(len(queries), width)
        for block in slices_of(len(queries), max(1, min(TOGETHER, BLOCK // max(1, len(self.bases))))):
            core_sums = site_sums(self.sites, self._in_core(queries[block]))
            vectors = self._unit(core_sums)
            near = self._nearness(queries[block], vectors)
            if exclude_groups is not None:
                near[exclude_groups[0][block][:, None] == exclude_groups[1][None, self.order]] = -np.inf
            best = np.maximum.reduceat(near, self.starts, axis=1)  # (block, groups)
            candidates = [self._candidates(*both) for both in zip(near, best, strict=True)]
            counts = [len(rows) for rows in candidates]
            query, rows = np.repeat(np.arange(len(counts)), counts), np.concatenate(candidates)  # pairs
            cosine, identity, overlap = self.compare(queries[block], query, rows, core_sums)
            error = np.sqrt(np.maximum(1 - cosine**2, LEAST_ERROR) / np.maximum(overlap, 1))
            near_core = (self.vectors[rows] * vectors[query]).sum(1).numpy()
            weight = CORE * (queries[block, self.core] < OTHER).mean(1)[query]
            score = np.where(overlap > 0, (cosine - DOUBT * error + weight * near_core) / (1 + weight), -1)
            of_library = self.order[rows]
            order = np.lexsort((of_library, -score, query))  # the first in the library of equal ones
            place = np.concatenate([np.arange(count) for count in counts])
            for part, values in zip(found, (of_library, score, cosine, identity, overlap), strict=True):
                part[block.start + query, place] = values[order]
        return found

    def _in_core(self, bases: np.ndarray) -> np.ndarray:
        """Bases in the core (n, sites); OTHER elsewhere."""
        return np.where(self.core, bases, OTHER).astype(np.uint8)

    def _nearness(self, queries: np.ndarray, vectors: Tensor) -> np.ndarray:
        """The measure by which candidates are chosen, (q, r) float32."""
        near = np.empty((len(queries), len(self.bases)), np.float32)
        is_piece = ((queries < OTHER) & self.core).sum(1) < PIECE
        if not is_piece.all():
            near[~is_piece] = (vectors[torch.from_numpy(~is_piece)] @ self.vectors.T).numpy()
        pieces = np.flatnonzero(is_piece)
        for number, bits in zip(pieces, bits_of_bases(queries[pieces]), strict=True):
            near[number] = matches(bits, self.words)
        return near

    def _candidates(self, near: np.ndarray, of_groups: np.ndarray) -> np.ndarray:
        """Rows of the candidates of a query, without repeats."""
        count = min(GROUPS, len(of_groups))
        groups = np.argpartition(-of_groups, count - 1)[:count]
        leaders = [
            start + near[start:end].argmax() for start, end in zip(self.starts[groups], self.ends[groups], strict=True)
        ]
        nearest = np.argpartition(-near, min(NEAREST, len(near)) - 1)[:NEAREST]
        rows = np.unique(np.concatenate([leaders, nearest]))
        return rows[near[rows] > -np.inf]

    @torch.inference_mode()
    def compare(
        self, queries: np.ndarray, query: np.ndarray, rows: np.ndarray, core_sums: Tensor
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compare p pairs of a query and a reference over shared sites: cosines, identities and overlaps (p,).

        Args:
            queries: Bases at sites (q, sites) uint8.
            query: The query of each pair (p,) int.
            rows: The reference of each pair, in internal order (p,) int.
            core_sums: Sums of the queries over the core (q, hidden).
        """
        cover, sums = bits_of(queries < OTHER), site_sums(self.sites, queries)
        known, reached = self.cover[rows], cover[query]
        shared = known & reached
        overlap = np.bitwise_count(shared).sum(1, dtype=np.int32)
        same = self.bits[rows] & bits_of_bases(queries)[query]
        identity = np.bitwise_count(same).sum(1) / np.maximum(overlap, 1).astype(np.float32)
        of_references = self._sums(self.bases, rows, shared, *self._known_sums(rows))
        whole, core = (reached, sums[query]), (reached & self.core_bits, core_sums[query])
        of_queries = self._sums(queries, query, shared, whole, core)
        cosines = [
            F.cosine_similarity(one, other, dim=1)
            for one, other in zip(of_queries.split(self.blocks, 1), of_references.split(self.blocks, 1), strict=True)
        ]
        return torch.stack(cosines).mean(0).numpy(), identity.astype(np.float32), overlap

    def _known_sums(self, rows: np.ndarray) -> list[tuple[np.ndarray, Tensor]]:
        """Sets of sites of references (p,), as bits, and the sums over them; see `_sums`."""
        cover = self.cover[rows]
        return [(cover, self.sums[rows]), (cover & self.core_bits, self.core_sums[rows])]

    def _sums(
        self, bases: np.ndarray, lines: np.ndarray, shared: np.ndarray, *known: tuple[np.ndarray, Tensor]
    ) -> Tensor:
        """Sums of rows over shared sites (p, hidden): a known sum is corrected by the sites in which it differs.

        Args:
            bases: Bases at sites (n, sites) uint8.
            lines: The row of `bases` for each pair (p,) int.
            shared: The sites to sum over, bits (p, words).
            known: Sets of sites, bits (p, words), and the sums over them (p, hidden). Each pair uses the set that
                differs from `shared` at the fewest sites, or none.
        """
        sums = torch.zeros(len(lines), self.table.shape[1])
        difference, fewest = shared, np.bitwise_count(shared).sum(1, dtype=np.int64)
        for sites, known_sums in known:
            other = shared ^ sites
            count = np.bitwise_count(other).sum(1, dtype=np.int64)
            nearer = count < fewest
            difference, fewest = np.where(nearer[:, None], other, difference), np.where(nearer, count, fewest)
            sums = torch.where(torch.from_numpy(nearer)[:, None], known_sums, sums)
        pair, site = np.divmod(np.flatnonzero(unpacked(difference)), 64 * shared.shape[1])
        signs = np.where(unpacked(shared)[pair, site], np.float32(1), np.float32(-1))
        sums += self._sums_of_rows(4 * site + bases[lines[pair], site], fewest, signs)
        sums[torch.from_numpy(~shared.any(1))] = 0  # instead of rounding errors
        return sums

    def _sums_of_rows(self, rows: np.ndarray, counts: np.ndarray, signs: np.ndarray | None = None) -> Tensor:
        """Sums of rows of the table: the first `counts[0]` of `rows`, and so on; (n,) counts to (n, hidden)."""
        weights = None if signs is None else torch.from_numpy(signs)
        firsts = torch.from_numpy(np.cumsum(counts) - counts)
        return F.embedding_bag(torch.from_numpy(rows), self.table, firsts, mode="sum", per_sample_weights=weights)

    def _unit(self, sums: Tensor) -> Tensor:
        """Scale each block to length 1, then the whole vector, for cosines."""
        parts = [F.normalize(part, dim=1) for part in sums.split(self.blocks, 1)]
        return torch.cat(parts, 1) / len(parts) ** 0.5

    def _lengths(self, sums: Tensor) -> Tensor:
        """The lengths by which `_unit` divides each block, (n, blocks)."""
        parts = sums.split(self.blocks, 1)
        return torch.stack([part.norm(dim=1) for part in parts], 1) * len(parts) ** 0.5
