"""`embed` and `EmbedOptions` as callers in Python get them: what they give is checked, then embedded by embed.py.

The commands check their options and files elsewhere, and call embed.py itself.
"""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from numbers import Integral
from threading import Lock
from typing import Any, Unpack

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..configuration_dnacse import DnacseConfig
from ..reading.given_sequences import SHOWN, each_sequence
from .embed import embed as embed_checked
from .options import EmbedKeywords
from .options import EmbedOptions as OptionsOfRightKinds
from .tokenization import check_tokens

WHOLE, SWITCHES = ("batch_tokens", "window_tokens", "overlap_tokens", "dimensions"), ("normalize", "both_strands")
HALF = (torch.bfloat16, torch.float16)
LOCK = Lock()
IN_USE: dict[Any, tuple[bool, int]] = {}  # model -> whether it was in training mode, and the threads that embed


class EmbedOptions(OptionsOfRightKinds):
    """`EmbedOptions` of options.py, which also checks the kinds of numbers and switches."""

    __doc__ = OptionsOfRightKinds.__doc__

    def __post_init__(self) -> None:
        """Check what can be checked without the model."""
        check_kinds(vars(self))
        super().__post_init__()


def embed(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    sequences: Iterable[str],
    *,
    progress: bool = False,
    **options: Unpack[EmbedKeywords],
) -> np.ndarray:
    """Embed sequences: float32 (n, dimensions), row i for sequence i. A vector does not depend on its batch.

    A sequence that holds only N, or does not look like the marker of the model, may get a vector of zeros; a warning
    says so. Several threads may embed with one model.

    Args:
        model: a DnacseModel, or any encoder whose output has a `pooler_output`. It is moved to the device.
        tokenizer: the tokenizer of the model. It must frame a sequence with [CLS] and [SEP].
        sequences: DNA in either case: a list, an array, a column of a table or a generator. U counts as T, IUPAC
            ambiguity codes as N, and gaps are removed.
        progress: show a progress bar on stderr.
        **options: batch_tokens, device, dtype, normalize, both_strands, window_tokens, overlap_tokens, dimensions;
            `help(modeling_dnacse.EmbedOptions)` explains each.

    Raises:
        ValueError: a sequence is no text, is empty, holds an invalid character or does not fit into memory; an option
            is of a wrong kind or out of its range; model and tokenizer do not belong together; or a vector is NaN.
    """
    check_options(EmbedOptions(**options))
    check_encoder(model, tokenizer)
    given = list(each_sequence(sequences))
    with evaluating(model):
        vectors = embed_checked(model, tokenizer, given, progress=progress, **options)
    if not (finite := np.isfinite(vectors).all(axis=1)).all():
        raise ValueError(
            f"{(~finite).sum():,} of {len(vectors):,} vectors hold NaN or infinity, the first that of sequence "
            f"{finite.argmin()}: its weights are no numbers, or too large for its precision; load it again"
        )
    if (without := np.flatnonzero(~vectors.any(axis=1))).size:
        warnings.warn(
            f"{without.size:,} of {len(vectors):,} vectors hold nothing but zeros, the first that of sequence "
            f"{without[0]}: these sequences hold only N, or do not look like the model's marker; leave them out",
            stacklevel=2,
        )
    return vectors


def check_encoder(model: Any, tokenizer: Any) -> None:
    """Check that a model and a tokenizer are what `load_checkpoint` gives, or do the same.

    Raises:
        ValueError: one of them is something else, such as the name of a folder; the model has a head, so that it gives
            no vectors; or the tokenizer is another model's.
    """
    for role, given, needed in (("model", model, "training"), ("tokenizer", tokenizer, "backend_tokenizer")):
        if not callable(given) or not hasattr(given, needed):
            raise ValueError(
                f"the {role} is {given!r:.{SHOWN}}; give that of load_checkpoint(DnacseModel, FOLDER), or another "
                f"{'encoder' if role == 'model' else 'fast tokenizer'} of transformers"
            )
    if isinstance(model, PreTrainedModel) and model.base_model is not model:
        raise ValueError(f"a {type(model).__name__} gives no vectors; give its encoder, model.base_model")
    if isinstance(config := getattr(model, "config", None), DnacseConfig):  # of a graph of ONNX, too
        check_tokens(config, tokenizer, "this tokenizer")


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Keep a model in evaluation mode while at least one thread embeds with it; then restore the mode before.

    Each thread alone would restore the mode that it found, which could be that of another thread.
    """
    with LOCK:
        before, threads = IN_USE.get(model, (model.training, 0))
        IN_USE[model] = before, threads + 1
        model.eval()
    try:
        yield
    finally:
        with LOCK:
            before, threads = IN_USE.pop(model)
            if threads > 1:
                IN_USE[model] = before, threads - 1
            else:
                model.train(before)


def check_kinds(options: Any) -> Any:
    """Check the kinds of numbers and switches among options of embedding; return the options.

    Raises:
        ValueError: a number is not whole, or a switch is neither True nor False.
    """
    for name in (*WHOLE, *SWITCHES):
        value = options.get(name)
        switch = isinstance(value, bool | np.bool_)
        fits = switch if name in SWITCHES else isinstance(value, Integral) and not switch
        optional = name not in ("overlap_tokens", "normalize") or name not in options
        if not fits and not (value is None and optional):
            said = "True or False" if name in SWITCHES else "a whole number"
            raise ValueError(f"{name} is {value!r:.{SHOWN}}; it must be {said}")
    return options


def check_options(options: OptionsOfRightKinds) -> OptionsOfRightKinds:
    """Check the precision and the device of options; return the options.

    Raises:
        ValueError: torch cannot compute in this precision or on this device.
    """
    if not any(options.dtype is dtype for dtype in (None, *HALF)):
        allowed = " or ".join(map(str, HALF))
        raise ValueError(f"dtype is {options.dtype!r:.{SHOWN}}; it must be {allowed}, or None: as the weights are")
    if options.device is not None:
        check_device(options.device)
    return options


def given_options(options: Any) -> OptionsOfRightKinds:
    """The options of embedding that a caller gives as a record; None: the defaults.

    Raises:
        ValueError: they are no `EmbedOptions`, or as `check_kinds` and `check_options`.
    """
    if options is None:
        return EmbedOptions()
    if not isinstance(options, OptionsOfRightKinds):
        raise ValueError(f"options is {options!r:.{SHOWN}}; give EmbedOptions(...), or None")
    check_kinds(vars(options))
    return check_options(options)


def check_device(device: Any, option: str = "device") -> None:
    """Check that torch can compute on a device.

    Raises:
        ValueError: it does not know the device, or cannot use it here.
    """
    try:
        torch.zeros(1, device=device).item()  # meta has tensors, but no numbers
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:  # AssertionError: a build without CUDA
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        said = f"{option} {str(device)[:SHOWN]} cannot be used here: {reason}; give one such as cpu or cuda:0"
        raise ValueError("".join(letter if letter.isprintable() else "?" for letter in said)) from error
