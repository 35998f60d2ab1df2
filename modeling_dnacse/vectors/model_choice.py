"""Sequences in, the shipped barcode model of their marker out.

A shipped model knows the sites of one marker. Of a sample of the sequences each model places those of its marker and
no others, so the model that places half of it is theirs. COI is tried first, and no other model is loaded if it fits.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import numpy as np

from ..loading.encoders import load_encoder
from ..loading.model_folders import SHIPPED, SHIPPED_BARCODES
from ..reading.sequences import clean_sequence
from .shared_sites import LEAST_PLACED, read_sites

SAMPLE = 100  # sequences


def shipped_model_for(sequences: Iterable[str], count: int) -> Path:
    """The shipped model that places at least half of a sample; that of COI where none does.

    Args:
        sequences: The sequences, in any order.
        count: How many there are.
    """
    sample = [clean_sequence(text) for text in islice(sequences, 0, None, max(1, count // SAMPLE))]
    for folder in SHIPPED_BARCODES if sample else ():
        if np.mean(read_sites(*load_encoder(str(folder)), sample).placed) >= LEAST_PLACED:
            return folder
    return SHIPPED


def choose_model(
    model: str | None, sequences: Callable[[], Iterable[str]], count: int, say: Callable[[str], object]
) -> str:
    """The model that was given, or else the shipped one of the sequences' marker; `say` is told if it is not COI's."""
    if model is not None:
        return model
    chosen = shipped_model_for(sequences(), count)
    if chosen != SHIPPED:
        say(f"--model: {chosen.name}, the shipped model of this marker")
    return str(chosen)
