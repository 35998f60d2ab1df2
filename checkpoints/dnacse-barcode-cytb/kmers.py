"""Embeddings of the overlapping k-mers of a sequence, which are added to the embeddings of its tokens.

A substitution changes where byte pair tokens are cut. So a fragment of a sequence, or a copy with errors, has other
tokens than the sequence itself. Its overlapping k-mers are the same, except for those with the error. Each token gets
the sum of the vectors of the k-mers that begin in it. The number of tokens stays the same, so that the 650 k-mers of a
barcode cost additions but no attention.

- A k-mer and its reverse complement share a row of the table. k is odd, so no k-mer is its own reverse complement. Of
  the two, the one with A or C in the middle gives the row: 2 · 4^(k-1) rows.
- Special tokens and N are not bases and in no k-mer, so that the neighbours of a masked token do not reveal it.
- The model reads tokens, so it needs their spelling: `vocabulary` of the configuration.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .configuration_dnacse import DnacseConfig

BASES = "ACGT"  # the complement of base i is base 3 - i
OTHER, END = 4, 5  # in place of a base: another character, and the end of a token
NO_KMER = 0  # a row of zeros


def kmer_rows(k: int) -> int:
    """Number of rows of the table: one for each k-mer and its reverse complement, and NO_KMER.

    >>> kmer_rows(3)
    33
    """
    return 1 + 2 * 4 ** (k - 1)


def spell(vocabulary: list[str]) -> Tensor:
    """Spell tokens by their bases, int8 (vocabulary, longest token): 0 to 3, OTHER, and END after the last one.

    >>> spell(["[PAD]", "A", "TGN"]).tolist()
    [[4, 5, 5], [0, 5, 5], [3, 2, 4]]
    """
    places = {base: place for place, base in enumerate(BASES)}
    spelled = [[places.get(base, OTHER) for base in token] if token.isalpha() else [OTHER] for token in vocabulary]
    longest = max(map(len, spelled))
    return torch.tensor([[*bases, *[END] * (longest - len(bases))] for bases in spelled], dtype=torch.int8)


class Text(NamedTuple):
    """The bases of a batch of token ids."""

    letters: Tensor  # (batch, bases) long: one after another, 0 to 3; OTHER: no base, and after the last
    bases: Tensor  # (batch, length, longest) long: those of each token, END after its last
    places: Tensor  # (batch, length, longest) long: the position of each in `letters`


def spelling_of(config: DnacseConfig) -> Tensor:
    """How the tokens of a configuration's vocabulary are spelled, as `spell` gives it.

    Raises:
        ValueError: the configuration has no vocabulary, or one of another size.
    """
    vocabulary = (config.vocabulary or "").split(" ")
    if len(vocabulary) != config.vocab_size:
        raise ValueError(
            f"the configuration has k-mers or sites and {config.vocab_size} tokens, but its vocabulary names "
            f"{len(vocabulary)}: make it by modeling_dnacse.loading.checkpoints.load_config, with the tokenizer"
        )
    return spell(vocabulary)


def read_text(ids: Tensor, mask: Tensor, spelling: Tensor) -> Text:
    """Spell out token ids (batch, length); tokens with a mask (batch, length) of 0 have no bases.

    >>> read_text(torch.tensor([[1, 2, 2]]), torch.tensor([[1, 1, 0]]), spell(["[PAD]", "A", "TGN"])).letters.tolist()
    [[0, 3, 2, 4, 4, 4, 4, 4, 4]]
    """
    bases = spelling[ids.long()].long().masked_fill(mask[:, :, None] == 0, OTHER)
    longest = bases.shape[2]
    room = bases.shape[1] * longest  # if all tokens were the longest
    if longest == 1:  # each token is one base
        places = torch.arange(room, device=ids.device)[None, :, None].expand_as(bases)
        return Text(bases[:, :, 0], bases, places)
    lengths = (bases != END).sum(2)
    places = (lengths.cumsum(1) - lengths)[:, :, None] + torch.arange(longest, device=ids.device)
    letters = torch.full((bases.shape[0], room + 1), OTHER, dtype=torch.long, device=ids.device)
    unused = torch.where(bases == END, room, places)
    letters = letters.scatter(1, unused.flatten(1), bases.flatten(1))[:, :-1]
    return Text(letters, bases, places.clamp(max=room - 1))


def row_of_kmers(text: Tensor, k: int) -> Tensor:
    """Find the row of the k-mer at each place: bases (batch, length + k - 1) to rows (batch, length).

    >>> row_of_kmers(torch.tensor([[0, 1, 3, 2, 0, 4, 1, 1]]), k=3).tolist()  # ACTGANCC: AGT is ACT, CAG is CTG
    [[8, 11, 29, 0, 0, 0]]
    """
    length = text.shape[1] - k + 1
    forward, backward = text.new_zeros((text.shape[0], length)), text.new_zeros((text.shape[0], length))
    within = torch.ones_like(forward, dtype=torch.bool)
    for place in range(k):
        bases = text[:, place : place + length]
        forward = forward * 4 + bases
        backward = backward + (3 - bases) * 4**place
        within = within & (bases < OTHER)
    below = 4 ** (k // 2)  # number of ways to continue after the middle base
    chosen = torch.where(forward // below % 4 < 2, forward, backward)
    row = 1 + (chosen // (4 * below) * 2 + chosen // below % 4) * below + chosen % below
    return torch.where(within, row, NO_KMER)


class DnacseKmerEmbeddings(nn.Module):
    """Maps token ids (batch, length) to the sums of the vectors of the k-mers that begin in them."""

    spelling: Tensor

    def __init__(self, config: DnacseConfig) -> None:
        """Build the table, of zeros, and store how tokens are spelled.

        Raises:
            ValueError: the configuration has no vocabulary, or one of another size.
        """
        super().__init__()
        self.k = config.kmer
        self.weight = nn.Parameter(torch.zeros(kmer_rows(config.kmer), config.hidden_size))
        self.register_buffer("spelling", spelling_of(config))

    def rows(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Find the rows of the k-mers that begin at each base of each token: (batch, length, longest token).

        A place where no k-mer begins has NO_KMER.

        Args:
            ids: (batch, length).
            mask: (batch, length), 0 for padding.
        """
        text = read_text(ids, mask, self.spelling)
        rows = row_of_kmers(F.pad(text.letters, (0, self.k - 1), value=OTHER), self.k)
        rows = rows.gather(1, text.places.flatten(1)).view_as(text.bases)
        return rows.masked_fill(text.bases == END, NO_KMER)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Sum the vectors of the k-mers that begin in each token: (batch, length, hidden)."""
        rows = self.rows(ids, mask)
        if torch.compiler.is_exporting():  # ONNX has no embedding_bag; the row of NO_KMER is of zeros
            return F.embedding(rows, self.weight).sum(2)
        sums = F.embedding_bag(rows.flatten(0, 1), self.weight, mode="sum", padding_idx=NO_KMER)
        return sums.view(*ids.shape, -1)
