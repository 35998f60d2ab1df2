"""Sequences in; what a search compares of them out: their bases at sites, or their vectors.

A model with sites places sequences, and two sequences are compared over the sites that both cover. Vectors are
compared by cosine instead if the model has no sites, if it is an ONNX model, and with --dimensions, --window_tokens or
--both_strands. They are also used if the library is of another marker than the model, that is, if fewer than half of
its references can be placed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from transformers import PreTrainedTokenizerBase

from ..embedding.embed import embed_blocks
from ..embedding.options import EmbedOptions
from ..kmers import OTHER
from ..reading.sequences import clean_sequence
from ..vectors.at_sites import LEAST_PLACED, AtSites, content_keys, joined, read_sites

BLOCK = 4096  # sequences that are placed at once
TRIES = 5  # draws of a query to cut a record to
AS_LONG = 0.8  # of the records' median length, from which on vectors of queries are compared as those of whole records


class Encoded(NamedTuple):
    """What a search compares of n sequences: vectors or sites, the other is None."""

    vectors: np.ndarray | None  # (n, d) float32
    sites: AtSites | None
    lengths: np.ndarray | None = None  # (n,) int32, bases of the sequences of vectors, if they are known

    def __len__(self) -> int:
        """Number of sequences."""
        return len(self.sites.bases) if self.sites is not None else 0 if self.vectors is None else len(self.vectors)


class Encoder:
    """A model, its tokenizer and the options of a call."""

    def __init__(self, model: Any, tokenizer: PreTrainedTokenizerBase, options: EmbedOptions) -> None:
        """Keep them, and decide whether sequences are placed."""
        self.model, self.tokenizer, self.options = model, tokenizer, options
        shaped = (options.dimensions, options.window_tokens, options.both_strands, options.dtype)
        sites = getattr(model, "sites", None)
        self.has_sites = sites is not None and sites.can_place and not any(shaped)
        if self.has_sites:
            model.to(options.device or model.device).eval()

    def place(self, sequences: Iterable[str], count: int, report: Callable[[int], object]) -> AtSites:
        """Place `count` sequences."""
        return joined(self._placed(sequences, report), count, self.model.config.sites)

    def blocks(self, sequences: Iterable[str], by_sites: bool, report: Callable[[int], object]) -> Iterator[Encoded]:
        """Encode a stream of sequences, a block at a time; `report` gets the number of sequences in each."""
        if by_sites:
            yield from (Encoded(None, block) for block in self._placed(sequences, report))
        else:
            for vectors in embed_blocks(self.model, self.tokenizer, sequences, self.options, report=report):
                yield Encoded(vectors, None)

    def _placed(self, sequences: Iterable[str], report: Callable[[int], object]) -> Iterator[AtSites]:
        stream = iter(sequences)
        while block := list(islice(stream, BLOCK)):
            yield read_sites(self.model, self.tokenizer, [clean_sequence(sequence) for sequence in block])
            report(len(block))


def make_encoder(model: Any, tokenizer: PreTrainedTokenizerBase, options: EmbedOptions) -> Encoder:
    """An encoder; placing takes no `dtype`, so a model with sites computes as its weights are stored."""
    return Encoder(model, tokenizer, replace(options, dtype=None) if places(model) else options)


def places(model: Any) -> bool:
    """Whether a model can place sequences on the sites of a marker; ONNX graphs and models of k-mers cannot."""
    sites = getattr(model, "sites", None)
    return sites is not None and sites.can_place


def encode(encoder: Encoder, sequences: list[str], by_sites: bool | None = None) -> Encoded:
    """Encode sequences by sites or by vectors; None: by sites if most can be placed. The others then have no bases."""
    if by_sites is not False and encoder.has_sites:
        placed = encoder.place(sequences, len(sequences), lambda _: None)
        if by_sites or placed.placed.mean() >= LEAST_PLACED:
            placed.bases[~placed.placed] = OTHER
            return Encoded(None, placed)
    blocks = [block.vectors for block in encoder.blocks(sequences, False, lambda _: None) if block.vectors is not None]
    return Encoded(np.concatenate(blocks), None)


def lengths_of(sequences: Iterable[str]) -> np.ndarray:
    """The numbers of bases (n,) int32, without gaps."""
    return np.array([len(clean_sequence(sequence)) for sequence in sequences], np.int32)


def cut_as_long(records: list[str], lengths: np.ndarray, seed: int) -> list[str]:
    """Cut each record to the length of a query, which is drawn at random, at a random place.

    >>> cut_as_long(["ACGTACGT", "ACG"], np.array([4, 4]), 0)
    ['ACGT', 'ACG']
    """
    rng, lengths = np.random.default_rng(seed), np.sort(lengths)
    drawn = lengths[(rng.random(len(records)) * len(lengths)).astype(int)].tolist()
    starts = [
        int(place * (max(0, len(text) - count) + 1))
        for place, text, count in zip(rng.random(len(records)), records, drawn, strict=True)
    ]
    return [text[start : start + count] for text, start, count in zip(records, starts, drawn, strict=True)]


def cut_like(records: AtSites, queries: AtSites, least: int, seed: int) -> AtSites:
    """Cut each record to the sites of a query, which is drawn at random, and also shares only these with the library.

    If too few sites are left, another query is drawn, `TRIES` times in all. A record of which none is left counts as
    not placed. The order of the queries changes nothing, nor does giving each of them twice.

    Args:
        records: Records of the library.
        queries: Any number of queries; those that are not placed are ignored.
        least: Sites that a cut record should keep, or as many as the query has.
        seed: Seed of the draws.
    """
    rows = np.flatnonzero(queries.placed)
    if not len(rows):
        return records
    first, last, covered = reaches_of(queries)
    order = np.lexsort((content_keys(queries.bases)[rows], covered, last, first))
    rows, covered = rows[order], covered[order]
    rng, bases = np.random.default_rng(seed), records.bases.copy()
    waiting = np.arange(len(bases))
    for _ in range(TRIES):
        drawn = (rng.random(len(waiting)) * len(rows)).astype(int)
        known = queries.bases[rows[drawn]] < OTHER
        bases[waiting] = np.where(known, records.bases[waiting], OTHER)
        waiting = waiting[(bases[waiting] < OTHER).sum(1) < np.minimum(least, covered[drawn])]
    return records._replace(bases=bases, placed=records.placed & (bases < OTHER).any(1))


def keys_of(encoded: Encoded) -> np.ndarray:
    """A number for the content of each sequence (n,), the same in whatever order the sequences are given.

    For vectors it is their length along a random direction, since their last digits may differ with the order.
    """
    if encoded.sites is not None:
        return content_keys(encoded.sites.bases)
    assert encoded.vectors is not None
    return encoded.vectors @ np.random.default_rng(0).standard_normal(encoded.vectors.shape[1]).astype(np.float32)


def ends_of(block: Encoded) -> np.ndarray:
    """Where sequences begin and end, and how many sites they cover: quartiles of each (9,).

    Of vectors it is the median length (1,). It is nothing (0,) if none is placed, or if lengths are not known.
    """
    if block.sites is None and block.lengths is not None:
        return np.array([np.median(block.lengths)])
    if block.sites is None or not block.sites.placed.any():
        return np.empty(0)
    return np.concatenate([np.quantile(part, (0.25, 0.5, 0.75)) for part in reaches_of(block.sites)])


def reaches_of(sequences: AtSites) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first site of each placed sequence, the site after its last one, and how many it covers: (n,) int each."""
    placed, reaches = np.flatnonzero(sequences.placed), [np.empty((3, 0), int)]
    for start in range(0, len(placed), BLOCK):  # a large library is not copied as a whole
        known = sequences.bases[placed[start : start + BLOCK]] < OTHER
        reaches.append(np.stack([known.argmax(1), known.shape[1] - known[:, ::-1].argmax(1), known.sum(1)]))
    first, last, covered = np.concatenate(reaches, axis=1)
    return first, last, covered
