"""Sequences in; their bases at sites out, and what is computed of these: sums of rows of the model, and the core."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from ..embedding.batching import SITE_TOKENS, batches_by_length
from ..embedding.tokenization import Ids
from ..kmers import OTHER
from ..sites import DnacseSites

LEAST_PLACED = 0.5  # share of sequences that must be placed for a comparison over sites
BATCH = 512  # sequences whose rows are summed at once


class AtSites(NamedTuple):
    """What a model with sites reads in each of n sequences."""

    bases: np.ndarray  # (n, sites) uint8: 0 to 3 for A, C, G, T; OTHER where the sequence does not reach, or has N
    votes: np.ndarray  # (n,) float32, 0 to 1: near 0 for sequences of other markers
    placed: np.ndarray  # (n,) bool: there are enough votes and sites
    reverse: np.ndarray  # (n,) bool: the reverse complement was placed


def unplaced(count: int, sites: int) -> AtSites:
    """`count` sequences of which nothing is read, to be filled."""
    bases = np.full((count, sites), OTHER, np.uint8)
    return AtSites(bases, *(np.zeros(count, kind) for kind in (np.float32, bool, bool)))


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
    read = unplaced(len(ids), model.config.sites)
    for rows in batches_by_length(lengths, SITE_TOKENS):
        mask = np.arange(lengths[rows].max()) < lengths[rows][:, None]
        batch = np.full(mask.shape, tokenizer.pad_token_id)
        batch[mask] = np.concatenate([ids[row] for row in rows])
        found = model.sites.place(*(torch.from_numpy(part).to(model.device) for part in (batch, mask.astype(int))))
        parts = found.bases, found.share, model.sites.is_placed(found), found.reverse
        for whole, part in zip(read, parts, strict=True):
            whole[rows] = part.cpu().numpy()
    return read


def joined(blocks: Iterable[AtSites], count: int, sites: int) -> AtSites:
    """Join blocks of `count` sequences in arrays that are made once."""
    whole, first = unplaced(count, sites), 0
    for block in blocks:
        for all_of, part in zip(whole, block, strict=True):
            all_of[first : first + len(part)] = part
        first += len(block.bases)
    return whole


@torch.inference_mode()
def site_sums(sites: DnacseSites, bases: np.ndarray) -> Tensor:
    """Sums of the rows of bases at sites, (n, sites) to (n, hidden) on the CPU."""
    parts = batches_of(bases)
    return torch.cat([sites.site_sums(torch.from_numpy(part).to(sites.weight.device)).float().cpu() for part in parts])


def unit_sums(sites: DnacseSites, bases: np.ndarray) -> np.ndarray:
    """Unit vectors of bases at sites, (n, sites) to (n, hidden) float32; zeros for what covers no site."""
    return F.normalize(site_sums(sites, bases), dim=1).numpy()


def slices_of(count: int, size: int) -> list[slice]:
    """Cut `count` rows into slices of at most `size`.

    >>> slices_of(5, 3)
    [slice(0, 3, None), slice(3, 5, None)]
    """
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]


def batches_of(bases: np.ndarray) -> list[np.ndarray]:
    """Cut (n, sites) into batches; at least one, which may be empty."""
    return [bases[rows] for rows in slices_of(max(1, len(bases)), BATCH)]


def core_of(bases: np.ndarray) -> np.ndarray:
    """The sites that at least half of the sequences cover, all of them if there are none; (n, sites) to (sites,) bool.

    >>> core_of(np.array([[4, 0, 1, 4], [4, 0, 4, 4], [3, 0, 1, 4]])).tolist()
    [False, True, True, False]
    """
    covering = sum(((part < OTHER).sum(0) for part in batches_of(bases)), start=np.zeros(bases.shape[1], np.int64))
    core = 2 * covering >= len(bases)
    return core if core.any() else ~core


def content_keys(bases: np.ndarray) -> np.ndarray:
    """A number for each row of bases (n, sites), the same in whatever order sequences are given: (n,) uint64.

    It is a sum of bases times random odd numbers, modulo 2^64.
    """
    drawn = np.random.default_rng(0).integers(2**63, size=bases.shape[1], dtype=np.uint64)
    return np.concatenate([part @ (2 * drawn + 1) for part in batches_of(bases)])
