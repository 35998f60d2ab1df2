"""Fit the embeddings of bases at sites: bases of placed sequences and their genera in, (4 · sites, columns) out.

A linear discriminant analysis (Fisher 1936; Rao 1948) of indicators of bases at sites finds directions in which
sequences of one genus agree and genera differ.

- x (4 · sites,) has 1 for the base at each site, minus the frequency of that base; 0 where the sequence has no base.
- W is the scatter within genera, C that of all. A record weighs 1 / sqrt(records of its species).
- The columns are the leading directions v of C v = a (W + ridge · w · 1) v, w the mean of W's diagonal. A small ridge
  suits the genera of unseen species, a large one seen species: columns may come in blocks with different ridges.
- Each record is used several times, whole and cropped to random fragments, so that fragments lie near their source.

Memory: four matrices of (4 · sites)², 300 MB each in float64 for the 1,550 sites of a whole gene.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.linalg import eigh
from torch import Tensor
from torch.nn.functional import pad

from ..kmers import OTHER
from ..sites import base_indicators
from .discriminants import LEAST_WITHIN

BLOCK = 2048  # records at once


def base_frequencies(bases: np.ndarray, weights: np.ndarray) -> Tensor:
    """Frequencies of bases at sites: (records, sites) uint8 and (records,) to (sites, 4); 1/4 at sites without a base.

    >>> base_frequencies(np.array([[0, 4], [0, 4], [3, 4]]), np.ones(3)).double().round(decimals=2).tolist()
    [[0.67, 0.0, 0.0, 0.33], [0.25, 0.25, 0.25, 0.25]]
    """
    counts = np.stack([weights @ (bases == base) for base in range(4)], 1) + 1e-6
    return torch.from_numpy(counts / counts.sum(1, keepdims=True)).float()


def covered(bases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last site at which each record has a base, (records,) each; all sites where it has none."""
    known = bases < OTHER
    return known.argmax(1), bases.shape[1] - 1 - known[:, ::-1].argmax(1)


def crop(bases: np.ndarray, shortest: int, longest: int, rng: np.random.Generator) -> np.ndarray:
    """Keep a fragment of each record, `shortest` to `longest` sites long, at a random position."""
    first, last = covered(bases)
    length = last + 1 - first
    piece = rng.integers(shortest, longest + 1, len(bases))
    start = first + (rng.random(len(bases)) * np.maximum(1, length - piece + 1)).astype(int)
    sites = np.arange(bases.shape[1])
    return np.where((sites >= start[:, None]) & (sites < (start + piece)[:, None]), bases, OTHER).astype(np.uint8)


def indicators(bases: np.ndarray, frequencies: Tensor) -> Tensor:
    """Features (records, 4 · sites), as at the head of this file."""
    numbers = torch.from_numpy(bases).long()
    present = (numbers < OTHER)[:, :, None]
    return (base_indicators(numbers).float() - torch.where(present, frequencies, 0)).flatten(1)


def scatters(
    parts: Sequence[np.ndarray], classes: np.ndarray, weights: np.ndarray, frequencies: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """The scatters within classes and of all, float64 (4 · sites, 4 · sites).

    Args:
        parts: Bases at sites (records, sites) uint8, of the same records each time.
        classes: Number of each record's class (records,) int.
        weights: Weight of each record (records,).
        frequencies: (sites, 4), as `base_frequencies` gives them.
    """
    features, total = frequencies.numel(), weights.sum() * len(parts)
    products = torch.zeros(features, features)
    sums = torch.zeros(int(classes.max()) + 1, features)
    roots, names = torch.from_numpy(np.sqrt(weights)).float()[:, None], torch.from_numpy(classes)
    for bases in parts:
        first, last = covered(bases)
        order = np.lexsort((first, last))  # records of the same region together, to multiply fewer zeros
        for start in range(0, len(bases), BLOCK):
            rows = order[start : start + BLOCK]
            low, high = int(first[rows].min()), int(last[rows].max()) + 1
            x = indicators(bases[rows, low:high], frequencies[low:high]).mul_(roots[rows])
            region = slice(4 * low, 4 * high)
            products[region, region].addmm_(x.T, x)
            sums[:, region].index_add_(0, names[rows], x.mul_(roots[rows]))
    mean = sums.sum(0) / total
    of_class = np.bincount(classes, weights) * len(parts)
    sums /= torch.from_numpy(np.sqrt(np.maximum(of_class, 1e-12))).float()[:, None]
    within = products / total
    within.addmm_(sums.T, sums, alpha=-1 / total)
    of_all = (products / total).sub_(torch.outer(mean, mean))
    return within.double().numpy(), of_all.double().numpy()


def span_of(parts: Sequence[np.ndarray], frequencies: Tensor) -> np.ndarray | None:
    """An orthonormal basis of the span of records, (4 · sites, directions) float64; None for too many records.

    All leading directions lie in it: without the ridge, both scatters are 0 orthogonally to it.

    Args:
        parts: As `scatters` takes them.
        frequencies: (sites, 4), as `base_frequencies` gives them.
    """
    if sum(map(len, parts)) > frequencies.numel() / 2:
        return None
    return np.linalg.qr(torch.cat([indicators(bases, frequencies) for bases in parts]).double().numpy().T)[0]


def site_rows(
    within: np.ndarray,
    of_all: np.ndarray,
    frequencies: Tensor,
    widths: Sequence[int],
    ridges: Sequence[float],
    basis: np.ndarray | None = None,
) -> Tensor:
    """Blocks of leading directions side by side, (4 · sites, columns), of mean 0 at each site.

    Args:
        within: (features, features).
        of_all: (features, features).
        frequencies: (sites, 4).
        widths: Columns of each block.
        ridges: Ridge of each block, as a multiple of the mean variance of a feature.
        basis: As `span_of` gives it, or None; the directions are the same and are found faster.
    """
    spread = max(np.trace(within), LEAST_WITHIN * np.trace(of_all)) / len(within)  # a feature
    if basis is not None:
        within, of_all = (basis.T @ scatter @ basis for scatter in (within, of_all))
    last, blocks = len(within) - 1, []
    for width, ridge in zip(widths, ridges, strict=True):
        there = min(width, len(within))  # a short marker has fewer features than columns
        noise = within + ridge * spread * np.eye(len(within))
        _, directions = eigh(of_all, noise, subset_by_index=[last - there + 1, last], overwrite_b=True)
        directions = directions if basis is None else basis @ directions
        signs = np.sign(directions[np.abs(directions).argmax(0), np.arange(there)])  # eigh leaves the sign undefined
        rows = torch.from_numpy((directions * signs)[:, ::-1].copy()).float().view(*frequencies.shape, there)
        rows = (rows - (frequencies[:, :, None] * rows).sum(1, keepdim=True)).flatten(0, 1)
        blocks.append(pad(rows / rows.square().mean().sqrt(), (0, width - there)))
    return torch.cat(blocks, 1)
