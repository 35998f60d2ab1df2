"""Where in its gene a sequence was read: bases in; the strand, the offset and the base at each site out.

A *site* is a position of a marker in coordinates common to all its sequences. Nothing is aligned. A table, learnt by
trainer/fit_sites.py, says at which sites each k-mer was seen, and how often; the k-mers of a sequence, read on both
strands, vote for the offset that takes its first base to a site, and the best offset wins. Coding genes have hardly
any indels, so one offset a sequence is enough there.

- Votes are integers, and of equal offsets the lowest wins. So neither the batch nor its padding changes a placement,
  and a sequence and its reverse complement have the same base at each site.
- A sequence that is not of the marker gets hardly any votes; `share` tells.
- All steps are gathers, scatters and maxima over a padded batch, so that they export to ONNX.
- One axis of sites can hold several markers, one behind another with gaps: the best offset then tells the marker too.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .configuration_dnacse import DnacseConfig
from .kmers import OTHER

FULL_VOTE = 255  # of a k-mer that was seen at one site only
DOUBT = 32  # k-mers without a vote that each sequence is taken to have beside its own: a few k-mers prove little


class Placement(NamedTuple):
    """Where the sequences of a batch lie."""

    bases: Tensor  # (batch, sites) long: the base at each site that has a row, 0 to 3; OTHER: none
    offset: Tensor  # (batch,) long: site of the first base of the strand that was read
    reverse: Tensor  # (batch,) bool: the strand that was read is the other one
    share: Tensor  # (batch,) float, 0 to 1: votes for the offset, a k-mer


def kmer_codes(text: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Numbers of the k-mers at each place of (batch, length) bases, and of their reverse complements.

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
    """Places of the first and the last base, (batch, 1) each; whatever where there is none.

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

    def __init__(self, config: DnacseConfig) -> None:
        """Build an empty table."""
        super().__init__()
        self.k, self.gene = config.site_kmer, config.gene_sites
        shape = (4**config.site_kmer + 1, config.site_candidates)
        # the last row is of what is no k-mer
        self.register_buffer("kmer_sites", torch.zeros(shape, dtype=torch.int16))
        self.register_buffer("kmer_votes", torch.zeros(shape, dtype=torch.uint8))
        self.register_buffer("kept_sites", torch.arange(config.sites, dtype=torch.int32))  # those that have a row

    def forward(self, text: Tensor) -> Placement:
        """Place a batch of bases, 0 to 3 and OTHER, (batch, length) long; there may be padding on either side."""
        text = F.pad(text, (0, self.k), value=OTHER)  # so that there is a k-mer at each base
        first, last = bounds(text)
        votes, kmers = self.votes(text, first, last)
        best, winner = votes.max(1, keepdim=True)  # of equal ones the first
        reverse, offset = winner % 2 == 1, winner // 2 - text.shape[1]
        share = best[:, 0].float() / (FULL_VOTE * (kmers + DOUBT))
        return Placement(self.bases_at_sites(text, first, last, offset, reverse), offset[:, 0], reverse[:, 0], share)

    def votes(self, text: Tensor, first: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """Votes for offset -length, then both strands of the next ... (batch, 2 · offsets); k-mers (batch,)."""
        forward, backward = kmer_codes(text, self.k)
        within = forward < 4**self.k
        places = torch.arange(within.shape[1], device=text.device)
        read = torch.stack((places - first, last - places - self.k + 1), 1)  # place on either strand, if a k-mer
        codes = torch.stack((forward, backward), 1)  # (batch, 2, length)
        ballot = (text.shape[1] - read) * 2 + torch.arange(2, device=text.device)[:, None]  # of site 0
        ballot = torch.where(within[:, None], ballot, 0)
        ballots = self.kmer_sites[codes].long() * 2 + ballot[:, :, :, None]
        room = 2 * (self.gene + text.shape[1])
        empty = torch.zeros((text.shape[0], room), dtype=torch.int32, device=text.device)
        return empty.scatter_add(1, ballots.flatten(1), self.kmer_votes[codes].int().flatten(1)), within.sum(1)

    def bases_at_sites(self, text: Tensor, first: Tensor, last: Tensor, offset: Tensor, reverse: Tensor) -> Tensor:
        """The base at each site that has a row, (batch, sites)."""
        read = self.kept_sites[None].long() - offset  # place on the strand that was read
        places = torch.where(reverse, last - read, first + read)
        bases = text.gather(1, places.clamp(0, text.shape[1] - 1))
        bases = torch.where(reverse & (bases < OTHER), 3 - bases, bases)
        return torch.where((places >= first) & (places <= last), bases, OTHER)

    def sites_of(self, text: Tensor, found: Placement) -> Tensor:
        """The site of each base, (batch, length): -1 for what is no base, and beyond the axis for what is beyond."""
        first, last = bounds(text)
        places = torch.arange(text.shape[1], device=text.device)
        read = torch.where(found.reverse[:, None], last - places, places - first)
        return torch.where(text < OTHER, found.offset[:, None] + read, -1)
