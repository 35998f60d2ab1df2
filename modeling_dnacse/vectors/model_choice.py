"""Sequences in, the shipped barcode model of their marker out.

A shipped model has the sites of one marker, and places only sequences of this marker. So the model that places at
least half of a sample is the right one. COI is tried first; if it fits, no other model is loaded.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import numpy as np

from ..loading.encoders import load_encoder
from ..loading.model_folders import SHIPPED, SHIPPED_BARCODES
from ..reading.sequences import clean_sequence
from .at_sites import LEAST_PLACED, read_sites

SAMPLE = 100  # sequences


def shipped_model_for(sequences: Iterable[str], count: int) -> Path:
    """The shipped model that places at least half of a sample; if none does, the one for COI.

    Args:
        sequences: The sequences, in any order.
        count: Number of the sequences.
    """
    sample = [clean_sequence(text) for text in islice(sequences, 0, None, max(1, count // SAMPLE))]
    for folder in SHIPPED_BARCODES if sample else ():
        if np.mean(read_sites(*load_encoder(str(folder)), sample).placed) >= LEAST_PLACED:
            return folder
    return SHIPPED


def choose_model(
    model: str | None, sequences: Callable[[], Iterable[str]], count: int, say: Callable[[str], object]
) -> str:
    """The given model, or the shipped one for the marker of the sequences; `say` reports one that is not for COI."""
    if model is not None:
        return model
    chosen = shipped_model_for(sequences(), count)
    if chosen != SHIPPED:
        say(f"--model: {chosen.name}, the shipped model of this marker")
    return str(chosen)
