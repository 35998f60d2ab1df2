"""Fit a model of k-mers in closed form, for sequences without common sites: encoded sequences with genera in.

The vector of a sequence is the sum of the embeddings of its k-mers, scaled to one length; it is the same on both
strands (sites.py, with a threshold that no sequence reaches). The embeddings come from linear discriminant analysis
(discriminants.py) in the space that SPAN of the sequences span. This is exact for up to SPAN sequences; with more, it
is exact in the leading directions. The larger the ridge, the closer is the cosine of two vectors to that of their
k-mer frequencies.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from ..kmers import NO_KMER
from ..modeling_dnacse import DnacseModel
from .discriminants import discriminants
from .kmer_spectra import kmer_frequencies
from .site_model import HEADS, Records, layerless_config, species_weights

SPAN = 2000  # sequences
BLOCK = 1024  # sequences counted at once
NOISE = 1e-6  # directions with less than this share of the largest variance are rounding errors
NEVER = 2.0  # a share of votes that no sequence has


def fit_kmer_model(
    records: Records, *, k: int = 7, ridge: float = 3.0, columns: int = 512, seed: int = 0
) -> DnacseModel:
    """Fit the model; its tokenizer is `letter_tokenizer`.

    Args:
        records: Encoded sequences with names.
        k: Length of k-mers, odd.
        ridge: Ridge, as a multiple of the mean variance within genera of a direction.
        columns: The largest number of dimensions of a vector.
        seed: Seed of the draw of sequences.

    Raises:
        ValueError: fewer than two genera are named.
    """
    rng = np.random.default_rng(seed)
    named = np.flatnonzero(records.genera != "")
    known, classes = np.unique(records.genera[named], return_inverse=True)
    if len(known) < 2:
        raise ValueError(f"two genera are needed, got {len(known)}; add a column genus, or species")
    texts = [records.texts[row] for row in named]
    weights = species_weights(records.species[named])
    weights /= weights.sum()
    starts = range(0, len(texts), BLOCK)
    parts = zip(starts, counted(texts, k), strict=True)
    mean = np.sum([weights[first : first + BLOCK] @ block for first, block in parts], axis=0)
    basis = span([texts[row] for row in rng.permutation(len(texts))[:SPAN]], k, mean)
    places = np.concatenate([(block - mean) @ basis for block in counted(texts, k)])  # (n, directions)
    of_all = (places * weights[:, None]).T @ places
    sums = np.zeros((len(known), places.shape[1]))
    np.add.at(sums, classes, places * weights[:, None])
    within = of_all - (sums / np.bincount(classes, weights)[:, None]).T @ sums
    directions = basis @ discriminants(within, of_all, min(columns, len(within)), ridge)
    return model_of_rows(directions - mean @ directions, k, seed)


def counted(texts: Sequence[np.ndarray], k: int) -> Iterator[np.ndarray]:
    """Frequencies of k-mers, a block of sequences at a time, float64."""
    for first in range(0, len(texts), BLOCK):
        yield kmer_frequencies(texts[first : first + BLOCK], k).astype(np.float64)


def span(texts: Sequence[np.ndarray], k: int, mean: np.ndarray) -> np.ndarray:
    """An orthonormal basis of what the k-mer frequencies of sequences span, (k-mers, directions)."""
    centred = np.concatenate(list(counted(texts, k))) - mean
    values, vectors = np.linalg.eigh(centred @ centred.T)
    kept = values > NOISE * values[-1]
    return centred.T @ vectors[:, kept] / np.sqrt(values[kept])


def model_of_rows(rows: np.ndarray, k: int, seed: int) -> DnacseModel:
    """A model with these embeddings of k-mers (k-mers, columns)."""
    config = layerless_config(
        HEADS * math.ceil(rows.shape[1] / HEADS),
        kmer=k,
        gene_sites=1,
        site_kmer=1,
        sites=1,
        least_share=NEVER,
    )
    torch.manual_seed(seed)
    model = DnacseModel(config).eval()
    assert model.sites is not None
    with torch.no_grad():
        weight = model.sites.kmers.weight
        weight.zero_()
        weight[NO_KMER + 1 :, : rows.shape[1]] = torch.from_numpy(rows / np.sqrt(np.mean(rows**2)))
    return model
