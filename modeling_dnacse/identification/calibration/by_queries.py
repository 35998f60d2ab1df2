"""Queries of a library in, the calibration for them out: it serves all queries that cover the same part of the marker.

Queries of other markers are compared by vectors, where the part that they cover is not known. If they are much shorter
than the references, records of the library's file are cut to their lengths.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from ...reading.rereading import RecordFile
from ..encoding import AS_LONG, Encoded, Encoder, cut_as_long, encode, ends_of
from ..library import Library
from .cases import CalibrationData, collect_calibration

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


def new_calibration(library: Library, encoder: Encoder, file: RecordFile | None, block: Encoded) -> StoredCalibration:
    """Calibrate a library for queries such as those of a block.

    Args:
        library: The references.
        encoder: Encodes parts of them.
        file: Of all references; None: it is not at hand.
        block: The queries.

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
    return StoredCalibration(ends_of(block), collect_calibration(library, block, cut=cut))


def _cut_records(encoder: Encoder, file: RecordFile, lengths: np.ndarray, rows: np.ndarray) -> Encoded:
    """Encode some of the references by vectors, each cut to one of these lengths."""
    wanted = set(rows.tolist())
    read = {row: record.sequence for row, record in enumerate(file.read()) if row in wanted}
    return encode(encoder, cut_as_long([read[row] for row in rows.tolist()], lengths, 0), by_sites=False)
