"""Windows: every token in one (or, in an overlap, two), none too long, and shares that make a mean over tokens."""

import numpy as np
import pytest

from modeling_dnacse import EmbedOptions
from modeling_dnacse.embedding.windows import cut_windows, window_bounds

CLS, SEP = 1, 2


def framed(length):
    return np.concatenate([[CLS], np.arange(100, 100 + length), [SEP]])


@pytest.mark.parametrize("length", [*range(1, 40), 1000])
@pytest.mark.parametrize(("room", "overlap"), [(1, 0), (5, 0), (5, 2), (5, 4), (64, 63)])
def test_bounds_cover_a_sequence_with_few_equal_windows(length, room, overlap):
    bounds = window_bounds(length, room, overlap)
    sizes = [end - start for start, end in bounds]
    assert bounds[0][0] == 0 and bounds[-1][1] == length
    assert max(sizes) <= room and max(sizes) - min(sizes) <= 1
    assert all(end - start == overlap for (_, end), (start, _) in zip(bounds, bounds[1:], strict=False))
    covered_by_fewer = (len(bounds) - 1) * (room - overlap) + overlap
    assert len(bounds) == 1 or covered_by_fewer < length


def test_each_window_is_framed_and_knows_its_sequence():
    sequences = [framed(3), framed(20), framed(6)]
    windows = cut_windows(sequences, window_tokens=8, overlap_tokens=0)
    assert windows.owners.tolist() == [0, 1, 1, 1, 1, 2]
    assert all(ids[0] == CLS and ids[-1] == SEP and len(ids) <= 8 for ids in windows.ids)
    for owner, sequence in enumerate(sequences):
        own = [ids[1:-1] for ids, other in zip(windows.ids, windows.owners, strict=True) if other == owner]
        np.testing.assert_array_equal(np.concatenate(own), sequence[1:-1])


def test_shares_are_of_tokens_and_add_up_to_one():
    windows = cut_windows([framed(23), framed(4)], window_tokens=10, overlap_tokens=3)
    np.testing.assert_allclose(np.bincount(windows.owners, weights=windows.shares), 1, atol=1e-6)
    lengths = np.array([len(ids) for ids in windows.ids])
    own = windows.owners == 0
    np.testing.assert_allclose(windows.shares[own], lengths[own] / lengths[own].sum(), rtol=1e-6)


def test_without_windows_a_sequence_stays_whole():
    windows = cut_windows([framed(5000)], window_tokens=None, overlap_tokens=0)
    assert len(windows.ids) == 1 and windows.shares.tolist() == [1]


@pytest.mark.parametrize(
    ("window", "overlap", "message"),
    [
        (None, 5, "overlap_tokens is 5 but there are no windows; give window_tokens"),
        (2, 0, "window_tokens is 2; at least 3"),
        (10, 8, "overlap_tokens is 8; .* give 0 to 7"),
        (10, -1, "overlap_tokens is -1"),
    ],
)
def test_impossible_windows_are_refused(window, overlap, message):
    with pytest.raises(ValueError, match=message):
        EmbedOptions(window_tokens=window, overlap_tokens=overlap)
