"""Sequences in, strand-merged k-mer spectra out, (n,) str -> (n, d) float32: strong baselines at a low cost.

- `canonical4` ... `canonical7`: square roots of the frequencies of k-mers, a k-mer and its reverse complement being
  one column (136, 512, 2,080, 8,192 columns), so that both strands of a sequence have the same vector, of length 1.
  The cosine of two such vectors is the Bhattacharyya coefficient of the two spectra. 44,000 sequences of
  `canonical7` are 1.4 GB.
- `tnf_k_vamb`: tetranucleotide frequencies projected onto the 103 directions in which a long double-stranded molecule
  can vary (Nissen et al. 2021, VAMB: a k-mer is as frequent as its reverse complement, and a 3-mer as often followed
  as preceded by a base).
- `tnf_k`: the same as DNABERT-S's evaluation publishes it. It multiplies columns in the order A T C G by a kernel
  whose rows are in the order A C G T, so what it merges are not reverse complements. For comparison with the published
  figures only.

VAMB stores one of the infinitely many bases of the 103 directions, the one that its authors' LAPACK chose. Ours is the
one that Gram and Schmidt's procedure gives: another rotation of the same vectors, with the same lengths and cosines.
"""

from collections.abc import Sequence
from functools import cache as remember
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.methods.kmers import kmer_frequencies
from benchmarks.methods.method import Method, Split

BLOCK = 1024  # sequences counted at once: 64 MiB of unmerged 7-mers


def reverse_complements(k: int) -> np.ndarray:
    """The code of each k-mer's reverse complement, (4**k,) int; a code's digits are A 0, C 1, G 2, T 3.

    >>> reverse_complements(1).tolist()
    [3, 2, 1, 0]
    """
    codes = np.arange(4**k)
    partners = np.zeros_like(codes)
    for place in range(k):
        partners = 4 * partners + 3 - codes // 4**place % 4
    return partners


def canonical_spectra(sequences: Sequence[str], k: int) -> np.ndarray:
    """Square roots of strand-merged k-mer frequencies.

    Args:
        sequences: Upper-case sequences; a window with another letter than A C G T is skipped.
        k: Length of a k-mer in bp.

    Returns:
        Unit vectors, one column for each pair of reverse complements in the order of the first of them, float32; a
        row without a valid window is zero.

    >>> (canonical_spectra(["AAAC", "GTTT"], k=1) ** 2).round(2).tolist()
    [[0.75, 0.25], [0.75, 0.25]]
    """
    partners = reverse_complements(k)
    first_of_pair = np.flatnonzero(np.arange(4**k) <= partners)
    second_of_pair = partners[first_of_pair]
    own_partner = first_of_pair == second_of_pair  # a palindrome such as ACGT is counted once
    spectra = np.empty((len(sequences), len(first_of_pair)), dtype=np.float32)
    for start in range(0, len(sequences), BLOCK):
        rows = slice(start, start + BLOCK)
        frequencies = kmer_frequencies(sequences[rows], k)
        spectra[rows] = np.sqrt(frequencies[:, first_of_pair] + frequencies[:, second_of_pair] * ~own_partner)
    return spectra


@remember
def kernel() -> np.ndarray:
    """An orthonormal basis of the tetranucleotide spectra that double-stranded molecules can have, (256, 103).

    Rows are tetranucleotides in the order of A C G T. A column is orthogonal to three kinds of constraints:
    frequencies sum to a constant; f(w) = f(reverse complement of w); for each 3-mer t,
    f(At) + ... + f(Tt) = f(tA) + ... + f(tT).
    """
    every = np.eye(256)
    followed = every.reshape(64, 4, 256).sum(axis=1)
    preceded = every.reshape(4, 64, 256).sum(axis=0)
    constraints = np.concatenate([np.ones((1, 256)), every - every[reverse_complements(4)], followed - preceded])
    projection = every - np.linalg.pinv(constraints) @ constraints
    basis = np.empty((0, 256))
    for column in projection:
        residual = column - (basis @ column) @ basis
        residual -= (basis @ residual) @ basis  # once more: rounding errors of the first pass
        length = np.linalg.norm(residual)
        if length > 1e-6:  # else it depends on the columns before it
            basis = np.concatenate([basis, residual[None] / length])
    return basis.T


def kernel_spectra(sequences: Sequence[str], alphabet: str) -> np.ndarray:
    """Project tetranucleotide frequencies, in this order of columns, onto the kernel: (n,) -> (n, 103) float32.

    Published code subtracts 1/256 first. The first constraint makes this change nothing.
    """
    return (kmer_frequencies(sequences, 4, alphabet) @ kernel()).astype(np.float32)


ENCODERS = {f"canonical{k}": partial(canonical_spectra, k=k) for k in (4, 5, 6, 7)} | {
    "tnf_k": partial(kernel_spectra, alphabet="ATCG"),
    "tnf_k_vamb": partial(kernel_spectra, alphabet="ACGT"),
}


def make(name: str, training: Split | None, cache: Path | None) -> Method:
    """Make the baseline of this name; it needs no training, and its vectors are computed each time."""
    return Method(name, "", 0, encode=ENCODERS[name])


BASELINES = dict.fromkeys(ENCODERS, make)
