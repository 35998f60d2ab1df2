"""Naming as in `dnacse identify`, an ability of a model with sites: by votes of near references over shared sites.

Most references must be of the model's marker; otherwise, as in the command, vectors are compared by cosine. A query
that cannot be placed then has no hit.
"""

from collections.abc import Callable, Sequence

import numpy as np

from modeling_dnacse.embedding.options import EmbedOptions
from modeling_dnacse.identification.encoding import LEAST_PLACED, Encoded, Encoder
from modeling_dnacse.identification.library import make_library, search, unit_vectors
from modeling_dnacse.identification.votes import voted_names
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.vectors.at_sites import AtSites
from modeling_dnacse.vectors.neighbours import nearest
from modeling_dnacse.vectors.shared_sites import SiteSearch


def ignore(_: int) -> None:
    """Report no progress."""


class EncodedByModel:
    """Encodes references and queries as `dnacse identify` does; the last references are kept."""

    def __init__(self, encoder: Encoder, encode: Callable[[Sequence[str]], np.ndarray]) -> None:
        """Keep both ways: by sites, or `encode` to vectors."""
        self.encoder, self.encode = encoder, encode
        self.rows: dict[str, int] = {}  # of a reference among those that are placed
        self.placed = AtSites(*(np.empty(0) for _ in AtSites._fields))

    def library(self, references: Sequence[str]) -> Encoded:
        """Encode references. Some of the last ones are not placed again."""
        if not self.rows.keys() >= set(references):
            self.rows = {sequence: row for row, sequence in enumerate(dict.fromkeys(references))}
            self.placed = self.encoder.place(self.rows, len(self.rows), ignore)
            self.placed.bases[~self.placed.placed] = OTHER
        rows = [self.rows[sequence] for sequence in references]
        if self.placed.placed[rows].mean() < LEAST_PLACED:
            return Encoded(self.encode(references), None)
        return Encoded(None, AtSites(*(part[rows] for part in self.placed)))

    def queries(self, queries: Sequence[str], by_sites: bool) -> Encoded:
        """Encode queries."""
        return (
            Encoded(None, self.encoder.place(queries, len(queries), ignore))
            if by_sites
            else Encoded(self.encode(queries), None)
        )

    def classify(
        self, queries: Sequence[str], references: Sequence[str], names: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Name queries by the votes of their nearest references.

        Args:
            queries: Sequences to name (q,).
            references: Sequences whose names are known (r,).
            names: Their names (r,) str.

        Returns:
            Names (q,) str, "": none, and the scores of the nearest references with these names (q,) float32.
        """
        library = self.library(references)
        asked = self.queries(queries, library.sites is not None)
        if library.sites is None or asked.sites is None:
            rows, cosines = nearest(unit_vectors(asked), unit_vectors(library))
            return names[rows[:, 0]], cosines[:, 0]
        known, codes = np.unique(names, return_inverse=True)
        found = SiteSearch(self.encoder.model.sites, library.sites.bases, codes)(asked.sites.bases)
        voted = voted_names(found, codes)
        own = (found.rows >= 0) & (codes[found.rows] == voted[:, None])
        scores = np.where(own, found.score, -np.inf).max(axis=1)
        there = (voted >= 0) & asked.sites.placed
        return np.where(there, known[voted], ""), np.where(there, scores, -1)

    def name_species(
        self, queries: Sequence[str], references: Sequence[str], species: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Name queries as `dnacse identify` does: species (q,) str, "": none, and their closeness (q,) float."""
        encoded = self.library(references)
        asked = self.queries(queries, encoded.sites is not None)
        sites = None if encoded.sites is None else self.encoder.model.sites
        library = make_library(encoded, {"species": species.tolist()}, sites=sites)
        matches = search(library, asked)
        rows = matches.rows[0, :, 0]
        return np.where(rows >= 0, species[rows], ""), np.where(rows >= 0, matches.closeness, -np.inf)


def encoded_by_model(
    network: object, tokenizer: object, device: str, encode: Callable[[Sequence[str]], np.ndarray]
) -> EncodedByModel:
    """Make it for a model with sites."""
    return EncodedByModel(Encoder(network, tokenizer, EmbedOptions(device=device)), encode)  # pyright: ignore[reportArgumentType]
