"""The search of `dnacse identify` as an ability of a model with sites: the nearest references over shared sites.

Most references must be of the model's marker; otherwise, as in the command, vectors are compared by cosine. A query
that cannot be placed then has no hit.
"""

from collections.abc import Callable, Sequence

import numpy as np

from modeling_dnacse.embedding.options import EmbedOptions
from modeling_dnacse.identification.encoding import LEAST_PLACED, Encoded, Encoder
from modeling_dnacse.identification.library import make_library, search, unit_vectors
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.vectors.neighbours import nearest
from modeling_dnacse.vectors.shared_sites import SiteSearch


def ignore(_: int) -> None:
    """Report no progress."""


class EncodedByModel:
    """Encodes references and queries as `dnacse identify` does; the last references are kept."""

    def __init__(self, encoder: Encoder, encode: Callable[[Sequence[str]], np.ndarray]) -> None:
        """Keep both ways: by sites, or `encode` to vectors."""
        self.encoder, self.encode = encoder, encode
        self.references: list[str] = []
        self.encoded = Encoded(None, None)
        self.search: SiteSearch | None = None

    def library(self, references: Sequence[str]) -> Encoded:
        """Encode references."""
        references = list(references)
        if references != self.references:
            placed = self.encoder.place(references, len(references), ignore)
            placed.bases[~placed.placed] = OTHER
            by_sites = placed.placed.mean() >= LEAST_PLACED
            self.references, self.search = references, None
            self.encoded = Encoded(None, placed) if by_sites else Encoded(self.encode(references), None)
        return self.encoded

    def queries(self, queries: Sequence[str], by_sites: bool) -> Encoded:
        """Encode queries."""
        return (
            Encoded(None, self.encoder.place(queries, len(queries), ignore))
            if by_sites
            else Encoded(self.encode(queries), None)
        )

    def nearest(self, queries: Sequence[str], references: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Rows (q,) int64, -1: no hit, and scores (q,) float32 of the nearest references."""
        library = self.library(references)
        asked = self.queries(queries, library.sites is not None)
        if library.sites is None or asked.sites is None:
            rows, cosines = nearest(unit_vectors(asked), unit_vectors(library))
            return rows[:, 0], cosines[:, 0]
        self.search = self.search or SiteSearch(self.encoder.model.sites, library.sites.bases)
        found = self.search(asked.sites.bases)
        missing = ~asked.sites.placed
        rows, scores = found.rows[:, 0].copy(), found.score[:, 0].copy()
        rows[missing], scores[missing] = -1, -1
        return rows, scores

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
