"""Learn the sites of each k-mer in a marker: sequences in, a table for placement.py out, without coordinates.

The largest group of sequences of nearly equal length, by total bases, is assumed to be complete genes or one amplicon,
which nearly all begin at the same site. Their k-mers make the first table. Then, in rounds, sequences are placed by
the table, and the table is made again from these placements: first with the complete sequences, then also with others.

For a marker whose species differ by indels (`site_support` 0), blocks have their own offsets from the first round on,
and a k-mer that spans an indel has no site. For other markers, each sequence has one offset until the table is learnt.

In each round, each half of the genera is placed by a table of the other half, so that no genus keeps a wrong offset by
its own votes. A k-mer votes for a site with the share of its sequences that have it there, n / (all + PRIOR). So a
k-mer that was seen once weighs less than one that was seen at the same site in a thousand sequences.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from ..configuration_dnacse import DnacseConfig
from ..kmers import BASES, OTHER
from ..placement import FULL_VOTE, DnacsePlacement, Placement

logger = logging.getLogger("fit_sites")
PRIOR = 0.5  # added to the sequences of each k-mer, as if seen elsewhere
FEWEST_GROUPS = 12  # genera; fewer differ too much to place each other
ROUNDS = 3  # with complete sequences, and as many with others
PLACED_BASES = 2**16  # in a batch, padding included
CODES = np.full(256, OTHER, np.uint8)
CODES[[ord(base) for base in BASES]] = range(4)


class Fitted(NamedTuple):
    """Placements of all sequences, as arrays."""

    bases: np.ndarray  # (n, sites) uint8
    offset: np.ndarray  # (n,) int
    reverse: np.ndarray  # (n,) bool
    share: np.ndarray  # (n,) float32
    marker: np.ndarray  # (n,) int
    sites: list[np.ndarray]  # (length,) int16 each: the site of each base, -1 for none


def encode(sequence: str) -> np.ndarray:
    """Bases as 0 to 3, all else as OTHER, uint8.

    >>> encode("ACGTN").tolist()
    [0, 1, 2, 3, 4]
    """
    return CODES[np.frombuffer(sequence.encode("ascii"), np.uint8)]


@torch.inference_mode()
def place(table: DnacsePlacement, texts: list[np.ndarray]) -> Fitted:
    """Place sequences (encoded) by a table, in batches of similar length."""
    lengths = np.array([len(text) for text in texts])
    order = np.argsort(lengths, kind="stable")
    results: list[Placement] = []
    sites = [np.zeros(0, np.int16)] * len(texts)
    start = 0
    while start < len(order):
        count = max(1, PLACED_BASES // int(lengths[order[min(start + 128, len(order)) - 1]]))
        rows = order[start : start + min(count, 128)]
        batch = np.full((len(rows), lengths[rows].max()), OTHER, np.uint8)
        for line, row in zip(batch, rows, strict=True):
            line[: lengths[row]] = texts[row]
        text = torch.from_numpy(batch).long()
        found = table(text)
        for row, of_row in zip(rows, table.sites_of(text, found).short().numpy(), strict=True):
            sites[row] = of_row[: lengths[row]]
        results.append(found._replace(bases=found.bases.byte()))
        start += len(rows)
    back = np.argsort(order)
    bases, offset, reverse, share, marker = (
        torch.cat(parts).numpy()[back] for parts in list(zip(*results, strict=True))[:5]
    )
    return Fitted(bases, offset, reverse, share, marker, sites)


def complete_ones(lengths: np.ndarray) -> np.ndarray:
    """The largest group, by bases, of sequences whose lengths differ by at most 5 %: (n,) bool.

    >>> complete_ones(np.array([100, 300, 302, 310, 20])).tolist()
    [False, True, True, True, False]
    """
    ordered = np.sort(lengths)
    counts = np.searchsorted(ordered, ordered * 1.05, side="right") - np.arange(len(ordered))
    shortest = ordered[(counts * ordered).argmax()]
    return (lengths >= shortest) & (lengths <= shortest * 1.05)


def kmers_at_sites(text: np.ndarray, sites: np.ndarray, reverse: bool, k: int, gene: int) -> np.ndarray:
    """Numbers kmer · gene + site of the k-mers of one placed sequence that lie on the axis of sites."""
    if reverse:
        text, sites = np.where(text < OTHER, 3 - text, OTHER)[::-1], sites[::-1]
    windows = np.lib.stride_tricks.sliding_window_view(text.astype(np.int64), k)
    begin, end = sites[: len(windows)].astype(np.int64), sites[k - 1 :]
    chosen = (windows < OTHER).all(1) & (begin >= 0) & (begin < gene) & (end - begin == k - 1)
    return (windows[chosen] @ 4 ** np.arange(k - 1, -1, -1)) * gene + begin[chosen]


def fill(table: DnacsePlacement, texts: list[np.ndarray], sites: list[np.ndarray], reverse: np.ndarray) -> np.ndarray:
    """Replace the table by one made from placed sequences and the site of each of their bases.

    Returns:
        Mean count of each k-mer in a sequence (4^k,).
    """
    k, gene = table.k, table.gene
    found = [
        kmers_at_sites(text, of_text, bool(other), k, gene)
        for text, of_text, other in zip(texts, sites, reverse, strict=True)
        if len(text) >= k
    ]
    if not sum(map(len, found)):
        raise ValueError(
            "the complete sequences have too few k-mers in common to find the first site of a sequence: give more of "
            "them, of one marker, or shorter k-mers (--site_kmer)"
        )
    keys, counts = np.unique(np.concatenate(found), return_counts=True)
    kmers, begins = keys // gene, keys % gene
    totals = np.bincount(kmers, counts, minlength=4**k)
    order = np.lexsort((begins, -counts, kmers))
    kmers, begins, counts = kmers[order], begins[order], counts[order]
    rank = np.arange(len(kmers)) - np.searchsorted(kmers, kmers)
    kept = rank < table.kmer_sites.shape[1]
    votes = np.rint(FULL_VOTE * counts / (totals[kmers] + PRIOR))
    for buffer, values in ((table.kmer_sites, begins), (table.kmer_votes, votes)):
        buffer.zero_()
        buffer[kmers[kept], rank[kept]] = torch.from_numpy(values[kept]).to(buffer.dtype)
    return totals / len(texts)


def learn_table(
    config: DnacseConfig,
    texts: list[np.ndarray],
    groups: np.ndarray,
    *,
    most: int,
    margin: int,
    least_share: float,
    seed: int,
) -> tuple[DnacsePlacement, np.ndarray]:
    """Learn a table from encoded sequences; sets `gene_sites` of the configuration.

    Args:
        config: Configuration of the table.
        texts: Sequences, (length,) uint8 each.
        groups: Number of each sequence's genus (n,); a genus does not vote on its own placement.
        most: Sequences to learn from, a third of them complete.
        margin: Sites before and after the complete genes, for sequences that reach farther.
        least_share: The table is learnt from sequences with at least this many votes per k-mer, 0 to 1.
        seed: Seed of the draws.

    Returns:
        The table, and the mean count of each k-mer in a sequence (4^k,).

    Raises:
        ValueError: the sequences are too few, or have too little in common.
    """
    if groups.max() + 1 < FEWEST_GROUPS:
        groups = np.arange(len(texts))
    rng = np.random.default_rng(seed)
    lengths = np.array([len(text) for text in texts])
    complete = rng.permutation(np.flatnonzero(complete_ones(lengths)))[: most // 3]
    everyone = np.union1d(complete, rng.permutation(len(texts))[:most])
    too_few = "too few sequences are left to learn the table of sites from: give " + (
        "a larger --most" if most < len(texts) else "more, of about one length and of more genera"
    )
    if not len(complete):
        raise ValueError(too_few)
    config.gene_sites = int(lengths[complete].max()) + 2 * margin
    table = DnacsePlacement(config)
    if config.site_support:  # no indels between species: bases that the table does not cover yet are to be learnt
        table.support = table.block = 0
    sites, reverse = [margin + np.arange(len(text)) for text in texts], np.zeros(len(texts), bool)
    share = np.where(np.isin(np.arange(len(texts)), complete), 1.0, 0.0)  # of votes, for placed sequences
    for number, rows in enumerate([complete] * ROUNDS + [everyone] * ROUNDS):
        is_first = (rng.random(groups.max() + 1) < 0.5)[groups[rows]]
        if not 0 < is_first.sum() < len(rows):  # one half is empty
            raise ValueError(too_few)
        for asked in (rows[is_first], rows[~is_first]):
            voters = np.setdiff1d(rows, asked)
            voters = voters[share[voters] >= least_share]
            fill(table, [texts[row] for row in voters], [sites[row] for row in voters], reverse[voters])
            found = place(table, [texts[row] for row in asked])
            reverse[asked], share[asked] = found.reverse, found.share
            for row, of_row in zip(asked, found.sites, strict=True):
                sites[row] = of_row
        logger.info(
            "round %d: %d of %d sequences placed, median share of votes %.3f",
            number + 1,
            (share[rows] >= least_share).sum(),
            len(rows),
            np.median(share[rows]),
        )
    table.support, table.block = config.site_support, config.site_block
    voters = everyone[share[everyone] >= least_share]
    return table, fill(table, [texts[row] for row in voters], [sites[row] for row in voters], reverse[voters])


def join_tables(
    config: DnacseConfig, tables: Sequence[DnacsePlacement], frequencies: Sequence[np.ndarray]
) -> DnacsePlacement:
    """Join tables of several markers one after another; sets `gene_sites` and `marker_starts` of the configuration.

    A k-mer votes for a marker in proportion to its mean count in sequences of the marker.
    """
    ends = np.cumsum([table.gene for table in tables])
    config.gene_sites, config.marker_starts = int(ends[-1]), [0, *map(int, ends[:-1])]
    if config.gene_sites > np.iinfo(np.int16).max:
        raise ValueError(f"{config.gene_sites:,} sites are too many; leave out a marker, or give a smaller --margin")
    joint = DnacsePlacement(config)
    total = np.maximum(sum(frequencies), 1e-9)
    sites = torch.cat(
        [table.kmer_sites.int() + start for table, start in zip(tables, config.marker_starts, strict=True)], 1
    )
    votes = torch.cat(
        [
            table.kmer_votes * torch.from_numpy(np.append(each / total, 0)).float()[:, None]
            for table, each in zip(tables, frequencies, strict=True)
        ],
        1,
    )
    best = votes.sort(dim=1, descending=True, stable=True).indices[:, : config.site_candidates]
    joint.kmer_votes.copy_(votes.gather(1, best).round())
    joint.kmer_sites.copy_(sites.gather(1, best))
    return joint
