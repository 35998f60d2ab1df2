"""Queries of a library in, the calibration for them out: it serves all queries that cover the same part of the marker.

Queries of other markers are compared by vectors, where the part that they cover is not known. If they are much shorter
than the references, records of the library's file are cut to their lengths.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from ...reading.rereading import RecordFile
from ..encoding import AS_LONG, Encoded, Encoder, cut_as_long, cut_like, encode, ends_of
from ..library import Library
from .cases import LEAST_SITES, LEFT_OUT, CalibrationData, collect_calibration, take
from .cases import _look_up as look_up

FEWEST_NEW = 5  # records of names that the fit did not know, by which a rank is calibrated
SAME_PLACE = 30  # sites: a stored calibration serves queries whose ends differ by no more


class StoredCalibration(NamedTuple):
    """A calibration, and which sites its queries cover (`ends_of`)."""

    ends: np.ndarray
    data: CalibrationData

    def serves(self, wanted: np.ndarray) -> bool:
        """Whether it serves queries of these ends, too."""
        if len(self.ends) != len(wanted):
            return False
        if len(wanted) == 1:  # median lengths of what is compared by vectors
            return bool(min(self.ends, wanted) >= AS_LONG * max(self.ends, wanted))
        return bool(np.all(np.abs(self.ends - wanted) <= SAME_PLACE))


def code_of(identifier: str) -> str:
    """What `held_out` of a configuration holds of a record."""
    return hashlib.sha256(identifier.encode(errors="surrogateescape")).hexdigest()[:8]


def rows_held_out(ids: Sequence[str], codes: str | None) -> np.ndarray | None:
    """The references that the fit of a model left out, ascending; None: too few of them are here, or none is known."""
    known = frozenset((codes or "").split())
    rows = np.array([row for row, name in enumerate(ids) if code_of(name) in known] if known else [], int)
    return rows if 2 * len(rows) > len(known) > 0 else None


def new_calibration(
    library: Library,
    encoder: Encoder,
    file: RecordFile | None,
    block: Encoded,
    held_out: np.ndarray | None = None,
) -> StoredCalibration:
    """Calibrate a library for queries such as those of a block.

    Args:
        library: The references.
        encoder: Encodes parts of them.
        file: Of all references; None: it is not at hand.
        block: The queries.
        held_out: Rows of the references that alone are looked up, since the model was fitted to the others, which it
            places better than queries; None: all.

    Raises:
        ValueError: records have to be cut, and their file is not at hand.
    """
    cut, (short, whole) = None, (block.lengths, library.encoded.lengths)
    if short is not None and whole is not None and np.median(short) < AS_LONG * np.median(whole):
        if file is None:
            raise ValueError(
                f"the queries have {np.median(short):,.0f} bases, the references of the index "
                f"{np.median(whole):,.0f} (medians). Such parts cannot be cut from an index of this "
                "marker: make it with --calibrate_for QUERIES, give the file of the library, or trim its records"
            )
        cut = partial(_cut_records, encoder, file, short)
    if held_out is None:
        return StoredCalibration(ends_of(block), collect_calibration(library, block, cut=cut))
    return StoredCalibration(ends_of(block), look_up_rows(library, block, held_out, cut))


def look_up_rows(
    library: Library, queries: Encoded, rows: np.ndarray, cut: Callable[[np.ndarray], Encoded] | None
) -> CalibrationData:
    """As `collect_calibration`, of these references alone, to which the model was not fitted.

    A record is looked up without its taxon if the fit did not know this taxon, as it does not know that of a query
    which the library lacks: the fit draws the taxa that it knows apart. Where it knew nearly all of a rank, the
    records of the rank below stand for them.
    """
    fitted = np.delete(library.codes, rows, axis=1)
    rows = rows[library.codes[0, rows] >= 0]
    asked = take(library.encoded, rows) if cut is None else cut(rows)
    if asked.sites is not None and queries.sites is not None:
        asked = Encoded(None, cut_like(asked.sites, queries.sites, LEAST_SITES, 0))
    groups, chosen = [np.arange(len(library.encoded))], [np.ones(len(rows), bool)]
    for rank, code, known in zip(library.names, library.codes, fitted, strict=True):
        if rank in LEFT_OUT and code.max() > 0:
            new = (code[rows] >= 0) & ~np.isin(code[rows], known)
            groups.append(code)
            chosen.append(new if new.sum() >= FEWEST_NEW else chosen[-1])
    each = zip(groups, chosen, strict=True)
    parts = [look_up(library, take(asked, those), rows[those], group) for group, those in each]
    return CalibrationData(*(np.concatenate(part, axis=-1) for part in zip(*parts, strict=True)))


def _cut_records(encoder: Encoder, file: RecordFile, lengths: np.ndarray, rows: np.ndarray) -> Encoded:
    """Encode some of the references by vectors, each cut to one of these lengths."""
    wanted = set(rows.tolist())
    read = {row: record.sequence for row, record in enumerate(file.read()) if row in wanted}
    return encode(encoder, cut_as_long([read[row] for row in rows.tolist()], lengths, 0), by_sites=False)
