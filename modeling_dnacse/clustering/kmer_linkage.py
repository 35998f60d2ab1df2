"""Barcodes of any marker in, a tree of average linkage by the k-mers that two clusters share out; no model.

Containment is the share of the k-mers of the shorter sequence that the longer one has too. So a fragment is as near to
the whole barcode that it was cut from as a copy would be. Identity is estimated as containment^(1/e), as Mash and
sourmash do, who take k as the exponent e; here it is fitted to pairs of the sample (kmer_exponent.py). The containment
of two clusters is pooled: k-mers shared by all pairs of their members, divided by those of the shorter of each pair.
So whole barcodes count more than fragments, and two fragments that do not overlap can be joined through whole
barcodes.

Both sums are dot products: of counts of k-mers, and of the number of members above each level of length (the minimum
of two numbers is the number of levels that both reach). So there is no n x n matrix, as in average_linkage.py.

k is K: of 7-mers there are 8,192, of which a barcode of 650 bp has a twelfth. Sequences of more than LONGEST bp would
share too many by chance. Cost for n different sequences: one to three times n^2 * 8,192 multiplications, and 75 n kB;
a third more at most if lengths differ much.
"""

from collections.abc import Iterable

import numpy as np
import torch

from ..kmers import BASES, NO_KMER, OTHER, kmer_rows, row_of_kmers
from ..vectors.at_sites import content_keys
from .average_linkage import Tree, grow
from .copies import with_copies

K = 7
LONGEST = 3000  # bp
FEWEST = 30  # k-mers of the shorter one; with fewer, identities are unreliable
MOST = 40_000  # different sequences; they take 3 to 4 GiB
ROWS = 1024  # clusters that are compared with all others at once


@torch.inference_mode()
def kmer_sets(sequences: Iterable[str]) -> np.ndarray:
    """Find the k-mers of n sequences, on either strand: (n, 2 * 4^(K-1) / 8) uint8, one bit for each k-mer."""
    codes = np.full(256, OTHER, np.int64)
    codes[list(BASES.encode())] = range(len(BASES))
    sets = []
    for sequence in sequences:
        bases = codes[np.frombuffer(sequence.encode(), np.uint8)]
        has = np.zeros(kmer_rows(K), bool)
        if len(bases) >= K:
            has[row_of_kmers(torch.from_numpy(bases[None]), K)[0].numpy()] = True
        sets.append(np.packbits(has[NO_KMER + 1 :]))
    return np.stack(sets)


@torch.inference_mode()
def kmer_linkage(sets: np.ndarray, least: float, exponent: float = K) -> Tree:
    """Grow the tree of n sequences, as far as merges reach an identity; `similarity` of the tree is the identity.

    Args:
        sets: Of `kmer_sets`, distinct. Rows of fewer than FEWEST k-mers never merge.
        least: Least identity at which two clusters merge, above 0.
        exponent: By which containment becomes identity.

    Raises:
        ValueError: there are more than MOST different sequences.

    >>> whole = "ACGGTCATTAGCCATTTGACCAGATATTGCAACCGTGTCTTAACG"
    >>> kmer_linkage(kmer_sets([whole, whole[5:], "ACCTG" * 9]), 0.9).into.tolist()
    [0, 0, 2]
    """
    rows = np.flatnonzero(np.any(sets, axis=1))
    if len(rows) > MOST:
        raise ValueError(
            f"{len(rows):,} sequences are too many to be compared by the k-mers that they share, at most {MOST:,}; "
            "make a model of their marker with dnacse adapt, which compares many more"
        )
    tables = torch.from_numpy(profiles(sets[rows]))
    kmers = 8 * sets.shape[1]

    def look(stale: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, identities = np.empty(len(stale), np.int64), np.empty(len(stale), np.float32)
        others = tables if len(among) == len(tables) else tables[among]
        for part in np.split(np.arange(len(stale)), range(ROWS, len(stale), ROWS)):
            own = tables[stale[part]]
            possible = own[:, kmers:] @ others[:, kmers:].T
            shared = own[:, :kmers] @ others[:, :kmers].T
            containment = ((shared - 0.5) / possible).clamp(0, 1)  # of equally near ones the longer is nearer
            identity = containment ** (1 / exponent)
            identity[possible < FEWEST] = -torch.inf
            identity[torch.from_numpy(stale[part][:, None] == among)] = -torch.inf
            best, places = identity.max(1)
            found[part], identities[part] = among[places.numpy()], best.numpy()
        return found, identities

    def merge(first: int, second: int) -> None:
        tables[first] += tables[second]

    return with_copies(grow(len(rows), least, look, merge), rows, np.arange(len(sets)))


def profiles(sets: np.ndarray) -> np.ndarray:
    """Columns for k-mers and for levels of length, (n, k-mers + levels) float32.

    The dot product of the first of two rows is the number of k-mers that both have, that of the others the number of
    k-mers of the one that has fewer.
    """
    has = np.unpackbits(sets, axis=1)
    if not len(has):
        return has.astype(np.float32)
    numbers = has.sum(1, dtype=np.int64)
    levels = np.unique(numbers)  # not some of them: a rare short fragment would count as a longer one
    steps = np.diff(levels, prepend=0)
    return np.concatenate([has, (numbers[:, None] >= levels) * np.sqrt(steps)], axis=1, dtype=np.float32)


def representatives_of(sets: np.ndarray, labels: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Choose a representative of each cluster: of its most abundant members the one that shares most k-mers with all.

    Args:
        sets: Of `kmer_sets`.
        labels: Cluster of each (n,), 0 to k - 1, none empty.
        sizes: Abundance of each (n,).

    Returns:
        Rows (k,).
    """
    chosen = []
    for members in np.split(np.argsort(labels, kind="stable"), np.cumsum(np.bincount(labels))[:-1]):
        has = np.unpackbits(sets[members], axis=1)
        shared = has @ has.sum(0)
        chosen.append(members[np.lexsort((members, content_keys(sets[members]), -shared, -sizes[members]))[0]])
    return np.array(chosen, np.int64)


def identities_of(sets: np.ndarray, others: np.ndarray, exponent: float = K) -> np.ndarray:
    """Estimate the identity of each row with another, (n,) float64; NaN if either has no k-mer.

    Args:
        sets: Of `kmer_sets`.
        others: The other row of each (n,) int.
        exponent: By which containment becomes identity.
    """
    numbers = np.bitwise_count(sets).sum(1, dtype=np.int64)
    shared = np.array([np.bitwise_count(own & sets[other]).sum() for own, other in zip(sets, others, strict=True)])
    with np.errstate(invalid="ignore"):
        return (shared / np.minimum(numbers, numbers[others])) ** (1 / exponent)
