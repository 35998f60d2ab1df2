"""Bits of sites against plain loops, at widths that fill their words and at others."""

import numpy as np
import pytest

from modeling_dnacse.kmers import OTHER
from modeling_dnacse.vectors.site_bits import bits_of, bits_of_bases, matches, unpacked


def bit(words: np.ndarray, place: int) -> bool:
    """Whether one of 64 bits in each word is set, the lowest first."""
    return bool(int(words[place // 64]) >> place % 64 & 1)


@pytest.mark.parametrize("width", [1, 63, 64, 65, 128, 200])
def test_packed_bits_are_those_of_a_loop(width):
    values = np.random.default_rng(width).random((5, width)) < 0.4
    bits = bits_of(values)
    assert bits.shape == (5, -(-width // 64)) and bits.dtype == np.uint64
    for row, words in zip(values, bits, strict=True):
        assert [bit(words, place) for place in range(64 * len(words))] == [*row, *[False] * (-width % 64)]
    assert np.array_equal(unpacked(bits)[:, :width], values) and not unpacked(bits)[:, width:].any()


@pytest.mark.parametrize("width", [1, 15, 16, 17, 32, 700])
def test_bases_have_a_bit_each_and_matches_are_counted_exactly(width):
    rng = np.random.default_rng(width)
    references = rng.integers(0, 5, (50, width)).astype(np.uint8)
    query = references[7].copy()
    query[rng.random(width) < 0.1] = OTHER
    words = bits_of_bases(references)
    assert words.shape == (50, -(-width // 16)) and words.dtype == np.uint64
    for row, packed in zip(references[:5], words, strict=False):
        assert [bit(packed, place) for place in range(4 * width)] == [
            base == letter for base in row for letter in range(4)
        ]
    counted = matches(bits_of_bases(query[None])[0], words.T)
    assert np.array_equal(counted, ((references == query) & (query < OTHER)).sum(1))
