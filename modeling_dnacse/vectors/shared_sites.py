"""Search over the sites that two sequences share: bases at sites in; nearest references, identity and overlap out.

The vector of a piece differs from that of its whole, since the whole has more sites. Here both vectors are made from
the sites that both cover, so that a piece of 150 bp finds what it was cut from. Identity and overlap come with it, as
users of BLAST expect them. References are kept as their bases at sites, a byte each.

1. Candidates: of each of GROUPS groups (species) the nearest reference, and the NEAREST references of any group. For
   whole sequences, near means by the cosine of vectors. For a piece, which covers fewer than PIECE sites, it means by
   the number of bases in common, which is exact however short the piece is.
2. Rank: the model's cosine over shared sites, times the square root of the shared sites, as a share of the most that
   any candidate shares. A reference that shares few of the sites that others share proves little. The cosine of whole
   vectors counts WHOLE times as much; it decides between references that are equal over the shared sites.
"""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from ..embedding.batching import SITE_TOKENS, batches_by_length
from ..embedding.tokenization import Ids
from ..kmers import OTHER
from ..sites import DnacseSites, base_indicators

GROUPS, NEAREST = 24, 12  # candidates
PIECE = 450  # sites
WHOLE = 0.1
FEW = 64  # sites: as many rows are added to a known sum faster than all are summed
PAYS = 20  # references for each query, or fewer, are summed over the sites that most queries cover
BLOCK = 2**24  # similarities held at once: 64 MiB
SUMS_BLOCK = 512  # sequences whose sites are summed at once


class AtSites(NamedTuple):
    """What a model with sites reads in each of n sequences."""

    bases: np.ndarray  # (n, sites) uint8: 0 to 3 for A, C, G, T; OTHER where the sequence does not reach, or has N
    votes: np.ndarray  # (n,) float32, 0 to 1: near 0 for what is not of the marker
    placed: np.ndarray  # (n,) bool: there are enough votes and sites
    reverse: np.ndarray  # (n,) bool: the other strand was read


class Found(NamedTuple):
    """Candidates of each query, the nearest first; k differs from call to call."""

    rows: np.ndarray  # (q, k) int64 of the references, -1: there are no more
    score: np.ndarray  # (q, k) float32, by which they are ranked; -inf where there are no more
    identity: np.ndarray  # (q, k) float32, share of the shared sites with the same base; 0 where there are none
    overlap: np.ndarray  # (q, k) int32, shared sites


@torch.inference_mode()
def read_sites(model: Any, tokenizer: PreTrainedTokenizerBase, sequences: list[str]) -> AtSites:
    """Place cleaned sequences (n,) with a model that has sites.

    Raises:
        ValueError: the model has none.
    """
    if not getattr(model.config, "sites", 0):
        raise ValueError("this model has no sites to compare; give one that trainer/fit_sites.py made")
    ids = Ids(tokenizer)(sequences)
    lengths = np.array([len(row) for row in ids])
    bases = np.full((len(ids), model.config.sites), OTHER, np.uint8)
    votes, placed, reverse = (np.zeros(len(ids), kind) for kind in (np.float32, bool, bool))
    for rows in batches_by_length(lengths, SITE_TOKENS):
        mask = np.arange(lengths[rows].max()) < lengths[rows][:, None]
        batch = np.full(mask.shape, tokenizer.pad_token_id)
        batch[mask] = np.concatenate([ids[row] for row in rows])
        found = model.sites.place(*(torch.from_numpy(part).to(model.device) for part in (batch, mask.astype(int))))
        bases[rows], votes[rows] = found.bases.cpu().numpy(), found.share.cpu().numpy()
        placed[rows] = model.sites.is_placed(found).cpu().numpy()
        reverse[rows] = found.reverse.cpu().numpy()
    return AtSites(bases, votes, placed, reverse)


@torch.inference_mode()
def site_sums(sites: DnacseSites, bases: np.ndarray) -> Tensor:
    """Sums of the rows of bases at sites, (n, sites) to (n, hidden) on the CPU."""
    parts = [bases[first : first + SUMS_BLOCK] for first in range(0, len(bases), SUMS_BLOCK)]
    sums = [sites.site_sums(torch.from_numpy(part).to(sites.weight.device)).float().cpu() for part in parts]
    return torch.cat(sums) if sums else torch.empty(0, sites.weight.shape[1])


def reach(bases: np.ndarray) -> tuple[int, int]:
    """The first site with a base, and the one behind the last; 0 and 0 where there is none.

    >>> reach(np.array([4, 4, 0, 4, 1, 4]))
    (2, 5)
    """
    covered = np.flatnonzero(bases < OTHER)
    return (int(covered[0]), int(covered[-1]) + 1) if len(covered) else (0, 0)


class SiteSearch:
    """References at their sites, and the search among them."""

    def __init__(
        self, sites: DnacseSites, bases: np.ndarray, groups: np.ndarray | None = None, sums: Tensor | None = None
    ) -> None:
        """Sum the rows of all references.

        Args:
            sites: The part of the model that has the rows.
            bases: Of the references at sites (r, sites) uint8.
            groups: Number of the group of each reference (r,) int, such as its species; by default, each is alone.
            sums: Of the rows of each reference (r, hidden), if they are known.
        """
        self.bases = np.ascontiguousarray(bases)
        self.blocks, self.sites = sites.blocks, sites
        self.table = sites.weight.detach().float().cpu()  # (4 · sites, hidden)
        self.sums = site_sums(sites, self.bases) if sums is None else sums  # (r, hidden)
        self.vectors = self._unit(self.sums)
        self.core = np.zeros(self.bases.shape[1], bool)  # the sites that most queries cover, and the sums over them
        self.core_sums = torch.zeros_like(self.sums)
        groups = np.arange(len(bases)) if groups is None else groups
        self.order = np.argsort(groups, kind="stable")  # group after group
        edges = np.flatnonzero(np.diff(groups[self.order])) + 1
        self.starts = np.concatenate([[0], edges])
        self.ends = np.concatenate([edges, [len(groups)]])

    @cached_property
    def columns(self) -> np.ndarray:
        """One site of all references after the other, which is how matches are counted fast."""
        return np.asfortranarray(self.bases)

    def __call__(self, queries: np.ndarray, exclude_groups: tuple[np.ndarray, np.ndarray] | None = None) -> Found:
        """Search for queries.

        Args:
            queries: Bases at sites (q, sites) uint8.
            exclude_groups: Group of each query (q,) and of each reference (r,) int. A query never finds a reference
                of its own group, such as itself or its species.
        """
        found: list[tuple[np.ndarray, ...]] = []
        sums = site_sums(self.sites, queries)
        self._sum_core(queries)
        step = max(1, BLOCK // max(1, len(self.bases)))
        for first in range(0, len(queries), step):
            block = slice(first, first + step)
            near = self._nearness(queries[block], sums[block])
            if exclude_groups is not None:
                near[exclude_groups[0][block][:, None] == exclude_groups[1][None]] = -np.inf
            best = np.maximum.reduceat(near[:, self.order], self.starts, axis=1)  # (block, groups)
            for query, total, row, of_groups in zip(queries[block], sums[block], near, best, strict=True):
                found.append(self._ranked(query, total, self._candidates(row, of_groups)))
        width = max([len(rows) for rows, *_ in found] + [1])
        empty = ((-1, np.int64), (-np.inf, np.float32), (0, np.float32), (0, np.int32))
        parts = [np.full((len(queries), width), value, kind) for value, kind in empty]
        for number, one in enumerate(found):
            for part, values in zip(parts, one, strict=True):
                part[number, : len(values)] = values
        return Found(*parts)

    def _sum_core(self, queries: np.ndarray) -> None:
        """Sum references over the sites that most queries cover, if there are enough queries to pay for it."""
        core = (queries < OTHER).mean(0) > 0.5
        if len(queries) * PAYS < len(self.bases) or np.array_equal(core, self.core):
            return
        self.core = core
        self.core_sums = site_sums(self.sites, np.where(core, self.bases, OTHER).astype(np.uint8))

    def _nearness(self, queries: np.ndarray, sums: Tensor) -> np.ndarray:
        """By which candidates of queries are chosen, (q, r) float32."""
        near = np.empty((len(queries), len(self.bases)), np.float32)
        is_piece = (queries < OTHER).sum(1) < PIECE
        if not is_piece.all():
            near[~is_piece] = (self._unit(sums[torch.from_numpy(~is_piece)]) @ self.vectors.T).numpy()
        for number in np.flatnonzero(is_piece):
            near[number] = matches(queries[number], self.columns)
        return near

    def _candidates(self, near: np.ndarray, of_groups: np.ndarray) -> np.ndarray:
        """Rows of the candidates of a query, each once."""
        count = min(GROUPS, len(of_groups))
        groups = np.argpartition(-of_groups, count - 1)[:count]
        leaders = [
            self.order[start + near[self.order[start:end]].argmax()]
            for start, end in zip(self.starts[groups], self.ends[groups], strict=True)
        ]
        nearest = np.argpartition(-near, min(NEAREST, len(near)) - 1)[:NEAREST]
        rows = np.unique(np.concatenate([leaders, nearest]))
        return rows[near[rows] > -np.inf]

    def _ranked(self, query: np.ndarray, total: Tensor, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """Candidates of a query in their order: rows, scores, identities, overlaps (k,)."""
        cosine, identity, overlap = self.compare(query, total, rows)
        whole = (self.vectors[rows] @ self._unit(total[None])[0]).numpy()
        score = (cosine * np.sqrt(overlap / max(1, overlap.max(initial=0))) + WHOLE * whole) / (1 + WHOLE)
        order = np.lexsort((rows, -score))  # of equals the first in the library
        return rows[order], score[order], identity[order], overlap[order]

    @torch.inference_mode()
    def compare(self, query: np.ndarray, total: Tensor, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compare a query with references over shared sites: cosines, identities and overlaps (k,).

        Args:
            query: Bases at sites (sites,) uint8.
            total: The sum of its rows (hidden,).
            rows: Of the references (k,) int.
        """
        others = self.bases[rows]
        shared = (others < OTHER) & (query < OTHER)
        overlap = shared.sum(1)
        identity = ((others == query) & shared).sum(1) / np.maximum(overlap, 1)
        known = others < OTHER
        of_others = self._sums(others, shared, (known, self.sums[rows]), (known & self.core, self.core_sums[rows]))
        query = np.broadcast_to(query, others.shape)
        of_query = self._sums(query, shared, (query < OTHER, total.expand(len(rows), -1)))
        cosines = [
            F.cosine_similarity(one, other, dim=1)
            for one, other in zip(of_query.split(self.blocks, 1), of_others.split(self.blocks, 1), strict=True)
        ]
        return torch.stack(cosines).mean(0).numpy(), identity.astype(np.float32), overlap.astype(np.int32)

    def _sums(self, bases: np.ndarray, shared: np.ndarray, *known: tuple[np.ndarray, Tensor]) -> Tensor:
        """Sums of rows over shared sites (k, hidden), from bases (k, sites), by the shortest way.

        Args:
            bases: At sites (k, sites) uint8.
            shared: The sites to sum over (k, sites) bool.
            known: Other sites (k, sites) or (sites,) bool, and the sums over them (k, hidden). Where few sites differ,
                their rows are added and subtracted.
        """
        apart = np.stack([(shared ^ sites).sum(1) for sites, _ in known])
        way = np.where(apart.min(0) <= FEW, apart.argmin(0), -1)
        result = torch.zeros(len(bases), self.table.shape[1])
        for number, (sites, sums) in enumerate(known):
            lines = np.flatnonzero(way == number)
            if not len(lines):
                continue
            result[lines] = sums[lines]
            there = sites[lines] if sites.ndim == 2 else sites
            line, site = np.nonzero(shared[lines] ^ there)
            added = torch.from_numpy(np.where(shared[lines[line], site], 1, -1).astype(np.float32))
            rows = self.table[torch.from_numpy(4 * site + bases[lines[line], site])]
            result.index_add_(0, torch.from_numpy(lines[line]), rows * added[:, None])
        lines = np.flatnonzero(way < 0)
        if len(lines):
            low, high = reach(np.where(shared[lines].any(0), 0, OTHER))
            part = torch.from_numpy(np.where(shared[lines, low:high], bases[lines, low:high], OTHER))
            result[lines] = base_indicators(part).float().flatten(1) @ self.table[4 * low : 4 * high]
        result[np.flatnonzero(~shared.any(1))] = 0
        return result

    def _unit(self, sums: Tensor) -> Tensor:
        """Blocks of length 1, side by side, scaled to length 1 together; for cosines."""
        parts = [F.normalize(part, dim=1) for part in sums.split(self.blocks, 1)]
        return torch.cat(parts, 1) / len(parts) ** 0.5


def matches(query: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """How many bases each reference has in common with a query, (r,) int16.

    Site by site, in single bytes: among 40,000 references a piece of 150 bp takes 2 ms.

    Args:
        query: Bases at sites (sites,) uint8.
        columns: The same of the references (r, sites), one site after the other in memory.
    """
    total = np.zeros(len(columns), np.int16)
    known = np.flatnonzero(query < OTHER)
    for sites in np.split(known, range(255, len(known), 255)):  # as many as a byte can count
        part = np.zeros(len(columns), np.uint8)
        for site in sites:
            part += columns[:, site] == query[site]
        total += part
    return total
