"""Sites as bits, 64 in a word: covered sites and bases of sequences, so that shared ones are counted fast."""

import numpy as np


def bits_of(values: np.ndarray) -> np.ndarray:
    """Pack (n, m) bool into bits: (n, words) uint64.

    >>> bits_of(np.array([[True, False, True]])).tolist()
    [[5]]
    """
    padded = np.zeros((len(values), -(-values.shape[1] // 64) * 64), bool)
    padded[:, : values.shape[1]] = values
    return np.packbits(padded, axis=1, bitorder="little").view("<u8")


def unpacked(bits: np.ndarray) -> np.ndarray:
    """The bool (n, 64 · words) that `bits_of` packed, with its padding."""
    return np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little").view(bool)


def bits_of_bases(bases: np.ndarray) -> np.ndarray:
    """One bit for each base at each site: (n, sites) uint8 to (n, words) uint64, 16 sites per word.

    >>> bits_of_bases(np.array([[0, 3, 4, 1]], np.uint8)).tolist() == [[0b0010_0000_1000_0001]]
    True
    """
    fours = np.zeros((len(bases), -(-bases.shape[1] // 16) * 16), np.uint8)
    fours[:, : bases.shape[1]] = (np.uint8(1) << bases) & 0b1111
    return (fours[:, ::2] | fours[:, 1::2] << 4).view("<u8")


def matches(query: np.ndarray, references: np.ndarray) -> np.ndarray:
    """The number of bases that each reference has in common with a query, (r,) uint16.

    Args:
        query: Bits of the query (words,) uint64.
        references: Bits of the references (words, r) uint64.
    """
    total = np.zeros(references.shape[1], np.uint16)
    for word in np.flatnonzero(query):
        total += np.bitwise_count(references[word] & query[word])
    return total
