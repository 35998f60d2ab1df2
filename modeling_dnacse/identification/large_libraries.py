"""A large library, which is searched by an inverted file (vectors/cell_search.py) instead of exhaustively."""

from collections.abc import Mapping, Sequence

from ..sites import DnacseSites
from ..vectors.cell_search import Cells, CellSearch
from .encoding import Encoded
from .library import Library
from .name_codes import groups_of, number_ranks

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
    names, codes = number_ranks(labels)
    return Library(encoded, CellSearch(sites, encoded.sites.bases, groups_of(codes[0]), cells), names, codes)
