"""A long sequence of tokens as windows, and the share that each window's vector has in the vector of the sequence.

Memory and time of attention grow with the length of what is attended to; windows bound both. The first and the last
token of a sequence, [CLS] and [SEP], frame each window, as the model was trained. There are as few windows as fit, of
equal length within a token: a short rest at the end would be a window with hardly any context.

A window's share is its number of tokens over that of all windows of its sequence. With mean pooling and no overlap,
the vector of a sequence is then the mean over the states of all tokens; with overlap, tokens that stand in two windows
count twice.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Windows(NamedTuple):
    """Windows of several sequences, in their order."""

    ids: list[np.ndarray]  # the tokens of each window
    owners: np.ndarray  # (windows,) int: the place of the sequence that it was cut from
    shares: np.ndarray  # (windows,) float32: share in that sequence's vector; they add up to 1 for each sequence


def check_windows(window_tokens: int | None, overlap_tokens: int) -> None:
    """Raise unless windows of this many tokens, [CLS] and [SEP] included, can overlap by so many.

    Raises:
        ValueError: they cannot.
    """
    if window_tokens is None and overlap_tokens != 0:
        raise ValueError(f"overlap_tokens is {overlap_tokens} but there are no windows; give window_tokens as well")
    if window_tokens is not None and window_tokens < 3:
        raise ValueError(f"window_tokens is {window_tokens}; at least 3 are needed: [CLS], one token and [SEP]")
    if window_tokens is not None and not 0 <= overlap_tokens < window_tokens - 2:
        raise ValueError(
            f"overlap_tokens is {overlap_tokens}; for windows of {window_tokens} tokens, two of them [CLS] and [SEP], "
            f"give 0 to {window_tokens - 3}"
        )


def cut_windows(sequences: Sequence[np.ndarray], window_tokens: int | None, overlap_tokens: int) -> Windows:
    """Cut each sequence of token ids, framed by [CLS] and [SEP], into windows of at most `window_tokens`.

    Args:
        sequences: ids (length,) of each.
        window_tokens: the most tokens in a window, its [CLS] and [SEP] included; None: each sequence is one window.
        overlap_tokens: tokens that two neighbouring windows share, at most `window_tokens - 3`.

    >>> sequences = [np.array([1, 10, 11, 12, 13, 2]), np.array([1, 20, 2])]
    >>> windows = cut_windows(sequences, window_tokens=4, overlap_tokens=0)
    >>> [ids.tolist() for ids in windows.ids], windows.owners.tolist()
    ([[1, 10, 11, 2], [1, 12, 13, 2], [1, 20, 2]], [0, 0, 1])
    >>> windows.shares.tolist()
    [0.5, 0.5, 1.0]
    """
    if window_tokens is None:
        return Windows(list(sequences), np.arange(len(sequences)), np.ones(len(sequences), np.float32))
    ids, owners = [], []
    for owner, tokens in enumerate(sequences):
        for start, end in window_bounds(len(tokens) - 2, window_tokens - 2, overlap_tokens):
            ids.append(np.concatenate([tokens[:1], tokens[start + 1 : end + 1], tokens[-1:]]))
            owners.append(owner)
    lengths = np.array([len(window) for window in ids], np.float64)
    shares = lengths / np.bincount(owners, weights=lengths)[owners]
    return Windows(ids, np.array(owners), shares.astype(np.float32))


def window_bounds(length: int, room: int, overlap: int) -> list[tuple[int, int]]:
    """Start and end of as few windows as cover `length`, each at most `room` long, neighbours sharing `overlap`.

    >>> window_bounds(9, room=4, overlap=0)
    [(0, 3), (3, 6), (6, 9)]
    >>> window_bounds(10, room=6, overlap=2)
    [(0, 6), (4, 10)]
    >>> window_bounds(3, room=6, overlap=5)
    [(0, 3)]
    """
    advance = length - overlap  # of all windows together, beyond their first `overlap`
    count = max(1, -(-advance // (room - overlap)))
    return [(i * advance // count, (i + 1) * advance // count + overlap) for i in range(count)]
