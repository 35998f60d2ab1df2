"""Bases at sites in, a tree of average linkage by identity out: over the sites that two clusters share.

The identity of two clusters is the share of equal bases among all pairs of their members at all sites that both of a
pair cover. So a long overlap counts more than a short one. Two fragments that share no site can be joined through
whole barcodes that overlap both. A part of a difference is added to each comparison: if two clusters are equal to a
third, the one with the longer overlap is nearer.

Both counts are dot products of profiles, the number of each base at each site. So there is no n x n matrix, as in
average_linkage.py. With mixed lengths a merged cluster can be nearer to a third than both parts were, which average
linkage excludes; its height in the tree is then that of its parts.

Cost for n different sequences over L sites: one to three times n^2 * 5 L multiplications, and 16 n L bytes.
"""

import numpy as np
import torch

from ..kmers import OTHER
from .average_linkage import Tree, grow
from .copies import distinct, with_copies

FEWEST_SHARED = 50  # sites; with fewer, identities are unreliable
HALF = 0.5  # difference that is added; the weights of merges are fitted to identities with it
LEAST_PART = 1 / 64  # the least that float32 still tells
ROWS, OTHERS = 1024, 4096  # clusters that are compared with one another at once


@torch.inference_mode()
def site_linkage(bases: np.ndarray, least: float, added: float = HALF) -> Tree:
    """Grow the tree of n sequences, as far as merges reach an identity; `similarity` of the tree is the identity.

    Args:
        bases: Bases at sites (n, sites) uint8. A row that covers no site is not of the marker and never merges.
        least: Least identity at which two clusters merge, above 0.
        added: Part of a difference that is added to each comparison.

    >>> bases = np.array([[0] * 60, [1] * 60, [0] * 57 + [2] * 3, [0] * 60], np.uint8)
    >>> tree = site_linkage(bases, 0.9)
    >>> tree.into.tolist(), tree.similarity.astype(float).round(3).tolist()
    ([0, 1, 0, 0], [-inf, -inf, 0.946, 1.0])
    """
    rows, first, copies = distinct(bases, np.any(bases < OTHER, axis=1))
    unique = bases[rows]
    covered = (unique < OTHER).any(0)
    profiles = np.stack([unique[:, covered] == base for base in range(OTHER)], 1).astype(np.float32)
    profiles *= copies[:, None, None]
    tables = torch.from_numpy(profiles)  # (distinct, 4, sites)

    def look(stale: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return nearest_profiles(tables, torch.from_numpy(stale), torch.from_numpy(among), added)

    def merge(first: int, second: int) -> None:
        tables[first] += tables[second]

    return with_copies(grow(len(rows), least, look, merge), rows, first)


def nearest_profiles(
    profiles: torch.Tensor, rows: torch.Tensor, among: torch.Tensor, added: float = HALF
) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest other profile of each, and the identity; the first if several are equally near.

    Args:
        profiles: Counts of bases at sites (n, 4, sites) float32.
        rows: Profiles to search for (q,).
        among: Profiles to search among (m,), ascending.
        added: Part of a difference that is added to each comparison.

    Returns:
        Rows (q,) int64 and identities (q,) float32, -inf where none shares enough sites.
    """
    found, identities = torch.empty(len(rows), dtype=torch.long), torch.empty(len(rows))
    for start in range(0, len(rows), ROWS):
        asked = rows[start : start + ROWS]
        own = profiles[asked]
        best, which = torch.full((len(asked),), -torch.inf), asked.clone()
        for low in range(0, len(among), OTHERS):
            part = among[low : low + OTHERS]
            others = profiles[part]
            shared = own.sum(1) @ others.sum(1).T
            alike = own.flatten(1) @ others.flatten(1).T
            identity = torch.where(shared >= FEWEST_SHARED, (alike - added) / shared, -torch.inf)
            identity[asked[:, None] == part] = -torch.inf
            values, places = identity.max(1)
            nearer = values > best
            best[nearer], which[nearer] = values[nearer], part[places[nearer]]
        found[start : start + ROWS], identities[start : start + ROWS] = which, best
    return found.numpy(), identities.numpy()
