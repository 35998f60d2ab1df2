"""Arguments of the estimators in; checked lists of sequences and the loaded model out."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from ..commands.options import SHIPPED
from ..embedding.given import check_device, check_kinds
from ..embedding.options import EmbedOptions
from ..loading.checkpoints import find_on_hub
from ..loading.encoders import load_encoder
from ..loading.model_digests import digest_of_release
from ..loading.model_folders import check_model, given_model
from ..reading.given_sequences import SHOWN, each_sequence
from ..reading.sequences import clean_sequence

MODELS = 2  # kept in memory, so that a grid search does not load its model again in each fit
SHAPING = ("both_strands", "window_tokens", "overlap_tokens", "dimensions")


def check_sequences(sequences: Any) -> list[str]:
    """Clean sequences given as a list, an array or a column (n,) or (n, 1) of text.

    Raises:
        ValueError: it is a single text, is empty, has another shape, or an entry is not a sequence; the message names
            its row.

    >>> check_sequences(["acgu", "AC-GT"])
    ['ACGT', 'ACGT']
    """
    if isinstance(sequences, str | bytes):
        raise ValueError("got one text; give a list of sequences, such as [sequence]")
    array = np.array(sequences, dtype=object)
    if isinstance(sequences, np.ma.MaskedArray):
        array[np.ma.getmaskarray(sequences)] = None
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"got an array with the shape {array.shape}; give a list or a column (n,) of sequences")
    if not len(array):
        raise ValueError("got no sequences (0 samples); give at least one")
    cleaned = []
    for row, sequence in enumerate(each_sequence(array)):
        try:
            cleaned.append(clean_sequence(sequence))
        except ValueError as error:
            raise ValueError(f"row {row}: {error}") from None
        if not cleaned[-1]:
            raise ValueError(f"row {row} has no bases; leave it out")
    return cleaned


def find_encoder(model: Any, device: str | None) -> tuple[Any, PreTrainedTokenizerFast, str]:
    """The encoder of an estimator, its tokenizer and its digest.

    Args:
        model: Folder, Hub id or name of a shipped model; None: the one for COI.
        device: Device of the encoder; None: the CPU.

    Raises:
        ValueError: there is no such model or device.
    """
    name = str(SHIPPED) if model is None else given_model(model)
    device = device_of(device)
    check_device(device)
    check_model(name)
    find_on_hub(name)
    digest = digest_of_release(name)
    return (*_load(digest, str(Path(name).resolve()) if Path(name).exists() else name, device), digest)


def device_of(given: str | None) -> str:
    """The device that a parameter names; None: the CPU."""
    return "cpu" if given is None else given


@lru_cache(MODELS)
def _load(digest: str, name: str, device: str) -> tuple[Any, PreTrainedTokenizerFast]:
    return load_encoder(name, device)


def options_of(estimator: Any, **more: Any) -> EmbedOptions:
    """The options of embedding that are parameters of an estimator.

    Raises:
        ValueError: one is out of its range.
    """
    shaping = {name: getattr(estimator, name) for name in SHAPING}
    given = check_kinds({**shaping, **more, "batch_tokens": estimator.batch_tokens})
    return EmbedOptions(device=device_of(estimator.device), **given)


def record_fit(estimator: Any, digest: str) -> None:
    """Record in an estimator the model and the options that shape vectors, for `check_fit`."""
    estimator.model_digest_ = digest
    estimator.shaping_ = {name: getattr(estimator, name) for name in SHAPING}


def check_fit(estimator: Any, digest: str) -> None:
    """Check that the model and the options that shape vectors are those that an estimator was fitted with.

    Raises:
        ValueError: one of them is another one.
    """
    if estimator.model_digest_ != digest:
        raise ValueError(
            f"the model {estimator.model or SHIPPED.name} is not the one of fit(): its files have changed; fit again, "
            "or use the former model"
        )
    for name, value in estimator.shaping_.items():
        if getattr(estimator, name) != value:
            raise ValueError(
                f"{name} is {getattr(estimator, name)!r:.{SHOWN}}, and was {value} in fit(); fit again, or set it back"
            )
