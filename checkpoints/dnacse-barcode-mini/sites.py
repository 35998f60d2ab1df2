"""Embeddings of bases at sites: token ids in, one vector per sequence out.

There is an embedding, a row of the table, for each site and base. The vector of a sequence is the sum of the rows of
its bases. placement.py finds the site of each base, and trainer/fit_sites.py fits the rows in closed form. Columns
come in blocks, such as one that separates genera and one that separates species. Each block is scaled to the same
length, so that they have equal weight.

- The sum is a matrix product over the sites in their order, so both strands of a sequence have the same vector, to the
  bit.
- The vector of a sequence that cannot be placed (a contig, another marker) is the sum of the embeddings of its k-mers
  instead (kmers.py, also the same for both strands), in blocks of the same lengths.
- Token states are computed on request only: a barcode has 660 of them. They are scaled so that their mean, special
  tokens included, is the vector of the sequence.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .configuration_dnacse import DnacseConfig
from .kmers import NO_KMER, OTHER, DnacseKmerEmbeddings, Text, read_text, row_of_kmers, spelling_of
from .placement import DnacsePlacement, Placement

TINY = 1e-12  # in place of the length of a block of zeros


class DnacseSites(nn.Module):
    """Placement, the embeddings of bases at sites, and those of k-mers for sequences that cannot be placed."""

    spelling: Tensor

    def __init__(self, config: DnacseConfig) -> None:
        """Build the tables, of zeros.

        Raises:
            ValueError: the configuration has no vocabulary, or one of another size.
        """
        super().__init__()
        self.blocks = config.site_blocks or [config.hidden_size]
        self.least_share, self.least_sites = config.least_share, config.least_sites
        self.placement = DnacsePlacement(config)
        self.weight = nn.Parameter(torch.zeros(4 * config.sites, config.hidden_size))  # site 0: A C G T, site 1: ...
        self.kmers = DnacseKmerEmbeddings(config)
        self.register_buffer("spelling", spelling_of(config))

    @property
    def can_place(self) -> bool:
        """Whether a sequence can have enough votes; a model of k-mers alone has an unreachable threshold."""
        return self.least_share <= 1

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Placement]:
        """Sums of rows (batch, hidden), not yet scaled, and the placements; ids and mask are (batch, length)."""
        text = read_text(ids, mask, self.spelling)
        found = self.placement(text.letters)
        sums = self.sums_of_markers(found)
        lost = ~self.is_placed(found)
        if torch.compiler.is_exporting():
            sums = torch.where(lost[:, None], self.kmer_sums(text.letters), sums)
        elif lost.any():
            rows = lost.nonzero()[:, 0]
            sums = sums.index_copy(0, rows, self.kmer_sums(text.letters[rows]).to(sums.dtype))
        return sums, found

    def sums_of_markers(self, found: Placement) -> Tensor:
        """Sums of the rows of bases at sites (batch, hidden), one marker at a time, which takes less time."""
        if torch.compiler.is_exporting() or not self.placement.several:
            return self.site_sums(found.bases)
        sums = self.weight.new_zeros((len(found.bases), self.weight.shape[1]))
        for marker in found.marker.unique():
            rows = (found.marker == marker).nonzero()[:, 0]
            sums = sums.index_copy(0, rows, self.site_sums(found.bases[rows]))
        return sums

    def site_sums(self, bases: Tensor) -> Tensor:
        """Sums of the rows of bases at sites: (batch, sites) to (batch, hidden)."""
        weight = self.weight
        if not torch.compiler.is_exporting():  # barcodes cover a part of their gene
            covered = (bases < OTHER).any(0).nonzero()
            low, high = (int(covered[0]), int(covered[-1]) + 1) if len(covered) else (0, 1)
            bases, weight = bases[:, low:high], weight[4 * low : 4 * high]
        return base_indicators(bases).to(weight.dtype).flatten(1) @ weight

    def place(self, ids: Tensor, mask: Tensor) -> Placement:
        """Place the sequences of token ids (batch, length), without computing vectors."""
        return self.placement(read_text(ids, mask, self.spelling).letters)

    def is_placed(self, found: Placement) -> Tensor:
        """Which sequences have enough votes and sites for a vector of sites, (batch,) bool."""
        covered = (found.bases < OTHER).sum(1)
        return (found.share >= self.least_share) & (covered >= self.least_sites)

    def kmer_sums(self, letters: Tensor) -> Tensor:
        """Sums of the rows of all k-mers: (batch, length) of bases to (batch, hidden)."""
        rows = row_of_kmers(F.pad(letters, (0, self.kmers.k - 1), value=OTHER), self.kmers.k)
        counts = torch.zeros((rows.shape[0], len(self.kmers.weight)), dtype=torch.int32, device=rows.device)
        counts = counts.scatter_add(1, rows, torch.ones_like(rows, dtype=torch.int32))
        return counts[:, NO_KMER + 1 :].to(self.kmers.weight.dtype) @ self.kmers.weight[NO_KMER + 1 :]

    def scales(self, sums: Tensor) -> Tensor:
        """The factors (batch, hidden) that scale each block of each vector to the same length.

        A column then has a variance of about 1.
        """
        length = math.sqrt(sums.shape[1] / len(self.blocks))
        factors = [length / block.float().norm(dim=1, keepdim=True).clamp(min=TINY) for block in self.cut(sums)]
        return torch.cat([f.expand(-1, width) for f, width in zip(factors, self.blocks, strict=True)], 1)

    def cut(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """The blocks of columns of (batch, hidden)."""
        return vectors.split(self.blocks, dim=1)

    def token_states(self, ids: Tensor, mask: Tensor, found: Placement, scales: Tensor) -> Tensor:
        """What each token adds to its sequence's vector, times the number of tokens: (batch, length, hidden)."""
        text = read_text(ids, mask, self.spelling)
        rows = self.rows_of_bases(text, found)  # (batch, length, longest)
        table = F.pad(self.weight, (0, 0, 0, 1))  # a row of zeros for bases without a site
        sites = F.embedding(rows, table).sum(2)
        states = torch.where(self.is_placed(found)[:, None, None], sites, self.kmers(ids, mask))
        return states * scales[:, None] * mask.sum(1)[:, None, None]

    def rows_of_bases(self, text: Text, found: Placement) -> Tensor:
        """Row of `weight` for each base of each token, or its number of rows for none: (batch, length, longest)."""
        sites = self.placement.sites_of(text.letters, found)
        kept = self.placement.kept_sites.long()
        row_of_site = torch.full((self.placement.gene + 1,), -1, device=sites.device)
        row_of_site = row_of_site.scatter(0, kept, torch.arange(len(kept), device=sites.device))
        rows = row_of_site[torch.where((sites >= 0) & (sites < self.placement.gene), sites, self.placement.gene)]
        bases = torch.where(found.reverse[:, None], 3 - text.letters, text.letters)
        rows = torch.where((rows >= 0) & (text.letters < OTHER), rows * 4 + bases, len(self.weight))
        rows = rows.gather(1, text.places.flatten(1)).view_as(text.places)
        return torch.where(text.bases < OTHER, rows, len(self.weight))


def base_indicators(bases: Tensor) -> Tensor:
    """1 where a base is A, C, G or T: (batch, sites) of bases to (batch, sites, 4) bool.

    >>> base_indicators(torch.tensor([[2, 4]])).int().tolist()
    [[[0, 0, 1, 0], [0, 0, 0, 0]]]
    """
    return bases[:, :, None] == torch.arange(4, device=bases.device)
