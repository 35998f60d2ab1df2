"""Sequences in, the shipped barcode model of their marker out.

A shipped model has the sites of one marker, and places only sequences of this marker. So the model that places at
least half of a sample is the right one. COI is tried first; if it fits, no other model is loaded. The sample is drawn
by content, so that the order of the sequences does not matter: the markers of specimens may alternate.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from zlib import crc32

import numpy as np

from ..loading.encoders import load_encoder
from ..loading.model_folders import SHIPPED, SHIPPED_BARCODES
from ..reading.sequences import clean_sequence
from .at_sites import LEAST_PLACED, read_sites

SAMPLE = 100  # sequences


def sample_of(sequences: Iterable[str]) -> list[str]:
    """The `SAMPLE` different sequences with the smallest checksums, cleaned.

    >>> sample_of(["acgt", "TTTT", "ACGT"]) == sample_of(["TTTT", "ACGT"])
    True
    """
    drawn: dict[int, str] = {}
    largest = -1
    for text in sequences:
        sequence = clean_sequence(text)
        checksum = crc32(sequence.encode())
        if checksum in drawn or (len(drawn) == SAMPLE and checksum > largest):
            continue
        drawn[checksum] = sequence
        if len(drawn) > SAMPLE:
            del drawn[largest]
        largest = max(drawn)
    return [drawn[checksum] for checksum in sorted(drawn)]


def shipped_model_for(sequences: Iterable[str]) -> Path:
    """The shipped model that places at least half of a sample; if none does, the one for COI."""
    sample = sample_of(sequences)
    for folder in SHIPPED_BARCODES if sample else ():
        if np.mean(read_sites(*load_encoder(str(folder)), sample).placed) >= LEAST_PLACED:
            return folder
    return SHIPPED


def choose_model(model: str | None, sequences: Callable[[], Iterable[str]], say: Callable[[str], object]) -> str:
    """The given model, or the shipped one for the marker of the sequences; `say` reports one that is not for COI."""
    if model is not None:
        return model
    chosen = shipped_model_for(sequences())
    if chosen != SHIPPED:
        say(f"--model: {chosen.name}, the shipped model of this marker")
    return str(chosen)
