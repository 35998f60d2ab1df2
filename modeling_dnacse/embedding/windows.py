"""Long sequences of tokens in; windows, each with its weight in the vector of its sequence, out.

Memory and time of attention grow with the length of the input, and windows bound both. Each window is framed by [CLS]
and [SEP], since the model was trained on framed input. A sequence gets as few windows as possible, whose lengths
differ by at most one token: a short last window would have hardly any context.

A window's share is its number of tokens, divided by that of all windows of its sequence. With mean pooling and no
overlap, the vector of a sequence is then the mean over the states of all its tokens. With overlap, a token in two
windows counts twice.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Windows(NamedTuple):
    """The windows of several sequences, in the order of the sequences."""

    ids: list[np.ndarray]  # tokens of each window
    owners: np.ndarray  # (windows,) int, number of the sequence that a window was cut from
    shares: np.ndarray  # (windows,) float32, weight in the vector of that sequence; the weights of a sequence sum to 1


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
    """Start and end of the fewest windows of at most `room` that cover `length`; neighbours share `overlap`.

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
