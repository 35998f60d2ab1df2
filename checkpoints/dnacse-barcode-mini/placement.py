"""Find where in a gene a sequence lies: bases in; the strand, the offsets and the base at each site out.

A *site* is a position of a marker in coordinates common to all its sequences. There is no alignment. A table, learnt
by trainer/fit_sites.py, holds the sites at which each k-mer was seen, and how often. The k-mers of a sequence, read on
both strands, vote for the offset: the site of its first base. The offset with most votes wins.

After an insertion or a deletion another offset is right. A base that is far from all k-mers that vote for the offset
hints at an indel; it counts as not covered (`site_support`). Blocks of bases can have offsets of their own
(`site_block`, local_offsets.py), which cover such bases again; a base that is inserted between two sites then takes
the site of a base before it. Coding genes have few indels except sequencing errors, so only sequences with uncovered
bases get offsets of blocks. Genes of ribosomal RNA and spacers differ by indels between species: there `site_support`
is 0, and every sequence gets them.

- Votes are integers, and of offsets with equal votes the lowest wins. So neither the batch nor its padding changes a
  placement, and a sequence and its reverse complement have the same base at each site.
- A sequence that is not of the marker gets hardly any votes: its `share` is low.
- All steps are gathers, scatters and maxima over a padded batch, so that they export to ONNX.
- One axis of sites can hold several markers, one after another. The marker is then the one whose sites got most votes
  for the best offset.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .configuration_dnacse import DnacseConfig
from .kmers import OTHER
from .local_offsets import best_path, box_sums, cut_between, segment_of

FULL_VOTE = 255  # of a k-mer that was seen at one site only
SUPPORT = 64  # votes, a quarter of those of a k-mer that was seen at one site only
DOUBT = 32  # k-mers without a vote that are added to those of each sequence: a few k-mers are weak evidence


Ballots = tuple[Tensor, Tensor, Tensor]  # sites of k-mers, their votes, and their sites by the offset


class Placement(NamedTuple):
    """Where the sequences of a batch lie."""

    bases: Tensor  # (batch, sites) long: the base at each site that has embeddings, 0 to 3; OTHER: none
    offset: Tensor  # (batch,) long: site of the first base of the strand that was read, before shifts
    reverse: Tensor  # (batch,) bool: the other strand lies on the sites
    share: Tensor  # (batch,) float, 0 to 1: votes per k-mer for the offset, or for those of the blocks
    marker: Tensor  # (batch,) long: number of the marker
    shifts: Tensor  # (batch, blocks) long: what each block adds to the offset; no blocks: one offset for all
    begins: Tensor  # (batch, blocks) long: where each block begins, in sites by the offset, from -reach on
    supported: Tensor  # (batch, length) bool: a k-mer that votes for the offset is near the base


def kmer_codes(text: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Numbers of the k-mers at each position of (batch, length) bases, and of their reverse complements.

    Returns:
        Both (batch, length - k + 1) long; 4^k where there are other letters than bases.

    >>> [codes.tolist() for codes in kmer_codes(torch.tensor([[0, 0, 1, 4]]), k=2)]  # AAC-
    [[[0, 1, 16]], [[15, 11, 16]]]
    """
    length = text.shape[1] - k + 1
    forward = torch.zeros_like(text[:, :length], dtype=torch.int32)
    backward, within, bases = torch.zeros_like(forward), torch.ones_like(forward, dtype=torch.bool), text.int()
    for place in range(k):
        letters = bases[:, place : place + length]
        forward = forward * 4 + letters
        backward = backward + (3 - letters) * 4**place
        within = within & (letters < OTHER)
    return torch.where(within, forward, 4**k).long(), torch.where(within, backward, 4**k).long()


def bounds(text: Tensor) -> tuple[Tensor, Tensor]:
    """Positions of the first and the last base, (batch, 1) each; arbitrary for a sequence without bases.

    >>> [place.tolist() for place in bounds(torch.tensor([[4, 0, 4, 2, 4, 4]]))]
    [[[1]], [[3]]]
    """
    is_base = (text < OTHER).long()
    last = text.shape[1] - 1 - is_base.flip(1).argmax(1, keepdim=True)
    return is_base.argmax(1, keepdim=True), last


class DnacsePlacement(nn.Module):
    """The table of k-mers and their sites, and the vote."""

    kmer_sites: Tensor
    kmer_votes: Tensor
    kept_sites: Tensor
    marker_of_site: Tensor

    def __init__(self, config: DnacseConfig) -> None:
        """Build an empty table."""
        super().__init__()
        self.k, self.gene = config.site_kmer, config.gene_sites
        self.block, self.reach, self.support = config.site_block, config.site_reach, config.site_support
        self.starts = config.marker_starts or [0]
        self.several = len(self.starts) > 1
        widths = [end - start for start, end in zip(self.starts, [*self.starts[1:], self.gene], strict=True)]
        self.blocks = -(-(max(widths) + 2 * self.reach) // self.block) if self.block else 0  # of the longest marker
        shape = (4**config.site_kmer + 1, config.site_candidates)
        # the last row is for positions without a k-mer
        self.register_buffer("kmer_sites", torch.zeros(shape, dtype=torch.int16))
        self.register_buffer("kmer_votes", torch.zeros(shape, dtype=torch.uint8))
        self.register_buffer("kept_sites", torch.arange(config.sites, dtype=torch.int32))  # those that have embeddings
        if self.several:
            numbers = [torch.full((width,), number, dtype=torch.uint8) for number, width in enumerate(widths)]
            self.register_buffer("marker_of_site", torch.cat(numbers))

    def forward(self, text: Tensor) -> Placement:
        """Place a batch of bases, 0 to 3 and OTHER, (batch, length) long; there may be padding on either side."""
        length = text.shape[1]
        text = F.pad(text, (0, self.k), value=OTHER)  # so that there is a k-mer at each base
        first, last = bounds(text)
        codes = torch.stack(kmer_codes(text, self.k), 1)  # (batch, 2, length)
        places = torch.arange(codes.shape[2], device=text.device)
        on_strand = torch.stack((places - first, last - places - self.k + 1), 1)  # position on either strand
        votes = self.votes(codes, on_strand)
        best, winner = votes.max(1, keepdim=True)  # the first of equal ones
        reverse, offset = winner % 2 == 1, winner // 2 - text.shape[1]
        marker, shifts, begins = torch.zeros_like(offset[:, 0]), offset[:, :0], offset[:, :0]
        is_base = text < OTHER
        supported = is_base
        if self.block or self.several or self.support:
            strand = reverse[:, :, None].long().expand(-1, -1, codes.shape[2])
            sites, weights = self.ballots(codes.gather(1, strand)[:, 0])
            near = on_strand.gather(1, strand)[:, 0] + offset  # site of each k-mer by the offset of its sequence
            if self.several:
                marker = self.best_marker(sites, weights, near)
            if self.support:
                supported = self.near_votes(torch.where(sites == near[:, :, None], weights, 0).sum(2))
            if self.block:
                start = self.starts_of(marker)
                broken = (is_base & ~supported).any(1) if self.support else is_base.any(1)
                ballots = sites - start[:, :, None], weights, near - start
                best, shifts, begins, supported = self.mend(broken, ballots, best, supported)
        kmers = (codes[:, 0] < 4**self.k).sum(1)
        share = best[:, 0].float() / (FULL_VOTE * (kmers + DOUBT))
        text = torch.where(supported, text, OTHER)
        found = Placement(offset, offset[:, 0], reverse[:, 0], share, marker, shifts, begins, supported[:, :length])
        return found._replace(bases=self.bases_at_sites(text, first, last, found))

    def near_votes(self, votes: Tensor) -> Tensor:
        """Which bases are in or near k-mers with SUPPORT votes or more, (batch, k-mers) to (batch, bases) bool."""
        beside, width = self.k - 1 + self.support, self.k + 2 * self.support
        sums = F.pad((votes >= SUPPORT).int(), (beside + 1, beside)).cumsum(1)
        return sums[:, width:] > sums[:, :-width]

    def ballots(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Sites of k-mers, and votes for each: (...) to (..., candidates) long and int32."""
        return self.kmer_sites[codes].long(), self.kmer_votes[codes].int()

    def votes(self, codes: Tensor, on_strand: Tensor) -> Tensor:
        """Votes for offset -length, then both strands of the next ... (batch, 2 · offsets).

        With local offsets, an offset also gets votes of its neighbours, with weights that fall with the distance.
        """
        sites, weights = self.ballots(codes)
        length = codes.shape[2] + self.k - 1
        ballot = (length - on_strand) * 2 + torch.arange(2, device=codes.device)[:, None]  # of site 0
        ballot = torch.where(codes[:, :1] < 4**self.k, ballot, 0)
        ballots = sites * 2 + ballot[:, :, :, None]
        room = 2 * (self.gene + length)
        empty = torch.zeros((codes.shape[0], room), dtype=torch.int32, device=codes.device)
        votes = empty.scatter_add(1, ballots.flatten(1), weights.flatten(1))
        if not self.block or self.support:
            return votes
        return box_sums(box_sums(votes.view(-1, room // 2, 2), self.reach // 2), self.reach // 2).flatten(1)

    def best_marker(self, sites: Tensor, weights: Tensor, near: Tensor) -> Tensor:
        """Number of the marker whose sites have most votes for the offset or for one within reach of it, (batch,)."""
        agree = (sites - near[:, :, None]).abs() <= (self.reach if self.block else 0)
        weights = torch.where(agree, weights, 0).flatten(1)
        empty = torch.zeros((sites.shape[0], len(self.starts)), dtype=torch.int32, device=sites.device)
        return empty.scatter_add(1, self.marker_of_site[sites].long().flatten(1), weights).argmax(1)

    def starts_of(self, marker: Tensor) -> Tensor:
        """First sites of markers, (batch,) to (batch, 1)."""
        return torch.tensor(self.starts, device=marker.device)[marker][:, None]

    def mend(self, broken: Tensor, ballots: Ballots, best: Tensor, supported: Tensor) -> tuple[Tensor, ...]:
        """Give sequences that are `broken` (batch,) by indels offsets of blocks; the others keep one offset.

        Returns:
            Votes (batch, 1), shifts and begins as in `Placement`, and which bases count as covered (batch, bases).
        """
        shifts = torch.zeros((broken.shape[0], self.blocks), dtype=torch.long, device=broken.device)
        begins = self.block * torch.arange(self.blocks, device=broken.device).expand_as(shifts)
        kept = best, shifts, begins, supported
        if torch.compiler.is_exporting():  # compute all and choose; ONNX runtimes cannot choose bools
            *offsets, covered = self.mended(ballots, supported)
            chosen = broken[:, None]
            offsets = [torch.where(chosen, new, old) for new, old in zip(offsets, kept, strict=False)]
            return *offsets, (covered & chosen) | (supported & ~chosen)
        if not broken.any():
            return kept
        rows = broken.nonzero()[:, 0]
        sites, weights, near = ballots
        changes = self.mended((sites[rows], weights[rows], near[rows]), supported[rows])
        return tuple(old.index_copy(0, rows, new) for new, old in zip(changes, kept, strict=True))

    def mended(self, ballots: Ballots, supported: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What `mend` returns, for sequences that are all broken."""
        best, shifts, begins = self.local_offsets(*ballots)
        if self.support:
            supported = self.near_own_votes(*ballots, shifts, begins)
        return best, shifts, begins, supported

    def near_own_votes(self, sites: Tensor, weights: Tensor, near: Tensor, shifts: Tensor, begins: Tensor) -> Tensor:
        """As `near_votes`, with votes for the offset of the block that holds the middle of a k-mer."""
        middle = near + self.k // 2 + self.reach
        block = segment_of(middle, begins, (self.blocks + 2) * self.block).clamp(min=0)
        agree = sites == (near + shifts.gather(1, block))[:, :, None]
        return self.near_votes(torch.where(agree, weights, 0).sum(2))

    def local_offsets(self, sites: Tensor, weights: Tensor, near: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Votes (batch, 1), shifts and begins as in `Placement`; sites are counted from the first of the marker."""
        offsets, room = 2 * self.reach + 1, self.blocks * self.block
        middle = near + self.k // 2 + self.reach  # of a k-mer, from 0
        within = (middle >= 0) & (middle < room)
        block = torch.div(middle, self.block, rounding_mode="floor").clamp(0, self.blocks - 1)
        shift = sites - near[:, :, None] + self.reach
        valid = within[:, :, None] & (shift >= 0) & (shift < offsets)
        ballots = torch.where(valid, block[:, :, None] * offsets + shift, self.blocks * offsets)
        empty = torch.zeros((sites.shape[0], self.blocks * offsets + 1), dtype=torch.int32, device=sites.device)
        votes = empty.scatter_add(1, ballots.flatten(1), weights.flatten(1))[:, :-1]
        best, shifts = best_path(votes.view(-1, self.blocks, offsets), self.block, self.reach)
        places = torch.where(within, middle, room)
        before, own, after = (
            self.votes_at(places, (weights * (shift - self.reach == of_block.gather(1, block)[:, :, None])).sum(2))
            for of_block in (
                torch.cat((shifts[:, :1], shifts[:, :-1]), 1),
                shifts,
                torch.cat((shifts[:, 1:], shifts[:, -1:]), 1),
            )
        )
        left, right = torch.cat((own[:, :-1], before[:, 1:]), 2), torch.cat((after[:, :-1], own[:, 1:]), 2)
        return best, shifts, cut_between(left, right, shifts, self.k - self.k // 2)

    def votes_at(self, places: Tensor, weights: Tensor) -> Tensor:
        """Votes by position, (batch, length) both, arranged as (batch, blocks, block)."""
        empty = torch.zeros((places.shape[0], self.blocks * self.block + 1), dtype=torch.int32, device=places.device)
        return empty.scatter_add(1, places, weights.int())[:, :-1].view(-1, self.blocks, self.block)

    def bases_at_sites(self, text: Tensor, first: Tensor, last: Tensor, found: Placement) -> Tensor:
        """The base at each site that has embeddings, (batch, sites)."""
        kept = self.kept_sites[None].long()
        place = kept - found.offset[:, None]  # on the strand that was read
        known = torch.ones_like(place, dtype=torch.bool)
        if self.several:
            known = self.marker_of_site[kept] == found.marker[:, None]
        if self.block:
            sites = kept - self.starts_of(found.marker)
            block = self.block_of_sites(sites, found).clamp(min=0)
            shift = found.shifts.gather(1, block)
            place = place - shift
            known = known & self.is_in_block(sites - shift, block, found)
        places = torch.where(found.reverse[:, None], last - place, first + place)
        bases = text.gather(1, places.clamp(0, text.shape[1] - 1))
        bases = torch.where(found.reverse[:, None] & (bases < OTHER), 3 - bases, bases)
        return torch.where(known & (places >= first) & (places <= last), bases, OTHER)

    def block_of_sites(self, sites: Tensor, found: Placement) -> Tensor:
        """Block that may have a base at each site of the marker, -1: none; (batch or 1, sites) to (batch, sites)."""
        begins = found.begins + found.shifts + self.reach  # from -2 · reach on
        return segment_of(sites + 2 * self.reach, begins, (self.blocks + 2) * self.block + 2 * self.reach)

    def is_in_block(self, near: Tensor, block: Tensor, found: Placement) -> Tensor:
        """Whether the bases at these sites, by the offset of their sequence, belong to these blocks."""
        ends = F.pad(found.begins[:, 1:], (0, 1), value=self.blocks * self.block)
        near = near + self.reach
        return (near >= found.begins.gather(1, block)) & (near < ends.gather(1, block))

    def sites_of(self, text: Tensor, found: Placement) -> Tensor:
        """The site of each base, (batch, length): -1 for none, and numbers outside the axis for bases outside it."""
        first, last = bounds(text)
        places = torch.arange(text.shape[1], device=text.device)
        sites = torch.where(found.reverse[:, None], last - places, places - first) + found.offset[:, None]
        known = (text < OTHER) & found.supported
        if self.block:
            near = sites - self.starts_of(found.marker)
            room = self.blocks * self.block
            within = (near + self.reach >= 0) & (near + self.reach < room)
            block = segment_of(near + self.reach, found.begins, (self.blocks + 2) * self.block).clamp(min=0)
            sites = sites + found.shifts.gather(1, block)
            near = near + found.shifts.gather(1, block)
            known = known & within & (self.block_of_sites(near, found) == block)
        if self.several:
            on_axis = (sites >= 0) & (sites < self.gene)
            marker = self.marker_of_site[sites.clamp(0, self.gene - 1)]
            known = known & on_axis & (marker == found.marker[:, None])
        return torch.where(known, sites, -1)
