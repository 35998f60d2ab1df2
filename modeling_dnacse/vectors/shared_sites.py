"""Compare sequences over the sites that both cover: bases at sites in; cosine, identity and overlap out.

The vector of a piece differs from that of its whole, since the whole has more sites. Here both vectors are made from
the sites that both cover, so that a piece of 150 bp finds what it was cut from. Identity and overlap, as
users of BLAST expect them, come with it. References are kept as their bases at sites, a byte each.

Candidates of a piece are the references with the most bases in common, which is exact however short it is; those of a
whole barcode may as well be the nearest by the cosine of vectors. The model's metric, which weighs what a base at a
site tells of the genus, then chooses among them. A reference that shares few of the sites that others share proves
little. So candidates are ranked by their cosine times the square root of their share of the most sites that any
candidate shares.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from ..embedding.batching import SITE_TOKENS, batches_by_length
from ..embedding.tokenization import Ids
from ..kmers import OTHER
from ..sites import base_indicators

CANDIDATES = 100  # references that a query is compared with over shared sites


class AtSites(NamedTuple):
    """What a model with sites reads in each of n sequences."""

    bases: np.ndarray  # (n, sites) uint8: 0 to 3 for A, C, G, T; OTHER where the sequence does not reach, or has N.
    # In columns, one site of all sequences after the other.
    votes: np.ndarray  # (n,) float32, 0 to 1: near 0 for what is not of the marker
    reverse: np.ndarray  # (n,) bool: the other strand was read


class Shared(NamedTuple):
    """Queries compared with some references each, over the sites that both cover."""

    cosine: np.ndarray  # (q, k) float32, by the model's metric
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
    bases = np.full((len(ids), model.config.sites), OTHER, np.uint8, order="F")
    votes, reverse = np.zeros(len(ids), np.float32), np.zeros(len(ids), bool)
    for rows in batches_by_length(lengths, SITE_TOKENS):
        mask = np.arange(lengths[rows].max()) < lengths[rows][:, None]
        batch = np.full(mask.shape, tokenizer.pad_token_id)
        batch[mask] = np.concatenate([ids[row] for row in rows])
        found = model.sites.place(torch.from_numpy(batch), torch.from_numpy(mask.astype(int)))
        bases[rows], votes[rows], reverse[rows] = found.bases.numpy(), found.share.numpy(), found.reverse.numpy()
    return AtSites(bases, votes, reverse)


def most_matches(query: np.ndarray, references: np.ndarray, k: int) -> np.ndarray:
    """Rows of the k references that have the most bases in common with a query, in any order.

    Site by site, in single bytes: among 40,000 references a piece of 150 bp takes 2 ms.

    Args:
        query: Bases at sites (sites,) uint8.
        references: The same of the references (r, sites); fast in columns, as `read_sites` gives them.
        k: How many; all where there are fewer.
    """
    matches = np.zeros(len(references), np.int16)
    known = np.flatnonzero(query < OTHER)
    for sites in np.split(known, range(255, len(known), 255)):  # as many as a byte can count
        part = np.zeros(len(references), np.uint8)
        for site in sites:
            part += references[:, site] == query[site]
        matches += part
    return np.argpartition(-matches, min(k, len(matches)) - 1)[:k]


def reach(bases: np.ndarray) -> tuple[int, int]:
    """The first site with a base, and the one behind the last; 0 and 0 where there is none.

    >>> reach(np.array([4, 4, 0, 4, 1, 4]))
    (2, 5)
    """
    covered = np.flatnonzero(bases < OTHER)
    return (int(covered[0]), int(covered[-1]) + 1) if len(covered) else (0, 0)


def nearest_shared(
    queries: np.ndarray,
    references: np.ndarray,
    weight: Tensor,
    blocks: list[int],
    k: int = 1,
    candidates: np.ndarray | None = None,
) -> tuple[np.ndarray, Shared]:
    """The k nearest references of each query over shared sites, the nearest first.

    Args:
        queries: Bases at sites (q, sites) uint8.
        references: The same of the references (r, sites), best in columns.
        weight: As `compare` takes it.
        blocks: The same.
        k: How many; all where there are fewer candidates.
        candidates: Rows of the references to compare with (q, c) int; None: those with the most matches, CANDIDATES.

    Returns:
        Rows of the references (q, k) int64, and how they compare (q, k).
    """
    count = min(CANDIDATES, len(references)) if candidates is None else candidates.shape[1]
    rows = np.empty((len(queries), min(k, count)), np.int64)
    parts = [np.empty(rows.shape, dtype) for dtype in (np.float32, np.float32, np.int32)]
    for number, query in enumerate(queries):
        asked = most_matches(query, references, count) if candidates is None else candidates[number]
        found = compare(query[None], references, asked[None], weight, blocks)
        ranked = found.cosine[0] * np.sqrt(found.overlap[0] / max(1, found.overlap[0].max()))
        order = np.lexsort((asked, -ranked))[: rows.shape[1]]  # of equals the first in the library
        rows[number] = asked[order]
        for part, values in zip(parts, found, strict=True):
            part[number] = values[0, order]
    return rows, Shared(*parts)


@torch.inference_mode()
def compare(
    queries: np.ndarray, references: np.ndarray, candidates: np.ndarray, weight: Tensor, blocks: list[int]
) -> Shared:
    """Compare each query with its candidates, one query at a time.

    Args:
        queries: Bases at sites (q, sites) uint8.
        references: The same of the references (r, sites).
        candidates: Rows of the references for each query (q, k) int.
        weight: Rows of sites and bases (4 · sites, hidden), `model.sites.weight`.
        blocks: Widths of the blocks of columns, `model.sites.blocks`.
    """
    shape = candidates.shape
    result = Shared(np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.int32))
    rows_of_sites = weight.view(queries.shape[1], 4, -1)
    for number, (query, rows) in enumerate(zip(queries, candidates, strict=True)):
        low, high = reach(query)
        own = torch.from_numpy(query[low:high].astype(np.int64))
        others = torch.from_numpy(references[rows, low:high].astype(np.int64))  # (k, reach)
        shared = (others < OTHER) & (own < OTHER)
        overlap = shared.sum(1)
        table = rows_of_sites[low:high]
        others_at = (base_indicators(others) & shared[:, :, None]).to(weight.dtype).flatten(1)
        of_others = others_at @ table.flatten(0, 1)  # (k, hidden)
        of_query = shared.to(weight.dtype) @ table[torch.arange(len(own)), own.clamp(max=3)]
        cosines = [
            F.cosine_similarity(one, other, dim=1)
            for one, other in zip(of_query.split(blocks, 1), of_others.split(blocks, 1), strict=True)
        ]
        cosine = torch.stack(cosines).mean(0)
        result.cosine[number] = cosine.numpy()
        result.identity[number] = (((own == others) & shared).sum(1) / overlap.clamp(min=1)).numpy()
        result.overlap[number] = overlap.numpy()
    return result
