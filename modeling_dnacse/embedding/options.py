"""EmbedOptions: all options of embedding, in one record that checks itself."""

from dataclasses import dataclass
from typing import Any, TypedDict

import torch


@dataclass(frozen=True)
class EmbedOptions:
    """How sequences become vectors; `embed` takes each field as a keyword argument.

    Args:
        batch_tokens: tokens in a batch, padding included. None: chosen for the device (batching.py).
        device: device to run on. None: the device of the model.
        dtype: run under autocast in bfloat16 or float16. None: compute as the weights are stored.
        normalize: scale each vector to length 1, as the last step.
        both_strands: return the mean of the vectors of a sequence and of its reverse complement, so that both strands
            have the same vector. Vectors are averaged before `normalize`. None: as in the model's configuration, where
            the default is no.
        window_tokens: cut longer sequences into windows of at most this many tokens, [CLS] and [SEP] included, and
            return the mean of the windows' vectors, weighted by their numbers of tokens (windows.py). None: never cut.
        overlap_tokens: tokens that two neighbouring windows share.
        dimensions: keep only this many leading dimensions of each vector. None: keep all.

    Raises:
        ValueError: an option is out of its range.

    >>> EmbedOptions(window_tokens=512, overlap_tokens=64).overlap_tokens
    64
    """

    batch_tokens: int | None = None
    device: str | torch.device | None = None
    dtype: torch.dtype | None = None
    normalize: bool = False
    both_strands: bool | None = None
    window_tokens: int | None = None
    overlap_tokens: int = 0
    dimensions: int | None = None

    def __post_init__(self) -> None:
        """Check what can be checked without the model."""
        for name in ("batch_tokens", "dimensions"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        window, overlap = self.window_tokens, self.overlap_tokens
        if window is None and overlap != 0:
            raise ValueError(f"overlap_tokens is {overlap} but there are no windows; give window_tokens as well")
        if window is not None and window < 3:
            raise ValueError(f"window_tokens is {window}; at least 3 are needed: [CLS], one token and [SEP]")
        if window is not None and not 0 <= overlap < window - 2:
            raise ValueError(
                f"overlap_tokens is {overlap}; for windows of {window} tokens, two of them [CLS] and [SEP], "
                f"give 0 to {window - 3}"
            )

    def vector_width(self, model: Any) -> int:
        """The number of dimensions of this model's vectors.

        Raises:
            ValueError: the model gives fewer than `dimensions`.
        """
        hidden_size: int = model.config.hidden_size
        if self.dimensions is not None and self.dimensions > hidden_size:
            raise ValueError(
                f"dimensions is {self.dimensions}; give 1 to {hidden_size}, the width of this model's vectors"
            )
        return self.dimensions or hidden_size

    def averages_strands(self, model: Any) -> bool:
        """Whether the vectors of this model are means over both strands."""
        if self.both_strands is not None:
            return self.both_strands
        return getattr(model.config, "both_strands", False)  # the configurations of other encoders have no such field


class EmbedKeywords(TypedDict, total=False):
    """The fields of `EmbedOptions` as keyword arguments, for type checkers and editors."""

    batch_tokens: int | None
    device: str | torch.device | None
    dtype: torch.dtype | None
    normalize: bool
    both_strands: bool | None
    window_tokens: int | None
    overlap_tokens: int
    dimensions: int | None
