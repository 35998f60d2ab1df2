"""A large library, which is searched by an inverted file (vectors/cell_search.py) instead of exhaustively."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..sites import DnacseSites
from ..vectors.cell_search import Cells, CellSearch
from .encoding import Encoded
from .library import Library
from .name_codes import complete_lineages, numbered

LARGE = 100_000  # references, from which on an inverted file is used; `SiteSearch` would take 1.1 GB


def is_large(encoded: Encoded) -> bool:
    """Whether a library is searched by an inverted file: it is encoded by sites, and has many references."""
    return encoded.sites is not None and len(encoded) >= LARGE


def make_large_library(
    encoded: Encoded, labels: Mapping[str, Sequence[str]], sites: DnacseSites, cells: Cells | None = None
) -> Library:
    """Prepare a large library for searches, as `make_library` does for others.

    Args:
        encoded: The references (r,), at sites.
        labels: Their names at each rank (r,), species first; "": no name.
        sites: The part of the model with sites.
        cells: The inverted file that an index holds of this library; None: it is computed.

    Raises:
        ValueError: the cells are of another library.
    """
    assert encoded.sites is not None
    names, codes = {}, []
    for rank, given in labels.items():
        known, code = numbered(given)
        if len(known):
            names[rank] = known
            codes.append(code)
    filled = complete_lineages(np.stack(codes))
    species = filled[0].copy()
    alone = np.flatnonzero(species < 0)
    species[alone] = len(names["species"]) + np.arange(len(alone))  # each is a group of its own
    return Library(encoded, CellSearch(sites, encoded.sites.bases, species, cells), names, filled)
