"""Vectors of contigs in, genome bins out: the greedy K-medoid of DNABERT-S (arXiv 2402.08777), in blocks.

All similarities are cosines. A contig is free until it is in a bin. Its density is the sum of its similarities to the
free contigs that reach the threshold. Repeatedly, the densest free contig becomes the centre of a new bin. Then, three
times over, the members of the bin are the free contigs whose similarity to the centre reaches the threshold, and the
mean of their unit vectors is the new centre. That mean is shorter than 1, so in a scattered bin the members must be
nearer to it. The members of the third round are the bin.

Two things differ from the published code; neither changed a bin in our comparisons (`LOG.md`). The search ends when no
free contig has `min_bin_size` neighbours, not after 1,000 rounds. And the n x n similarities are never held: densities
are summed over blocks, and the share of a bin is subtracted when the bin is complete.

Cost for n contigs of d numbers: at most 2 n^2 d multiplications, and beside the input 4 n d + 5 BLOCK bytes: 0.5 GB
for 200,000 contigs of 256 numbers.
"""

import numpy as np

STEPS = 3  # of the mean shift
BLOCK = 2**26  # similarities held at once


def similarity_threshold(embeddings: np.ndarray, labels: np.ndarray) -> float:
    """Derive the threshold for `k_medoid` from labelled contigs of other genomes: the 70th percentile rule.

    Of all contigs' similarities to the mean unit vector of their own class, ascending, the one at rank floor(0.7 n),
    counted from 0. The arguments are those of given_vectors.py.

    Raises:
        ValueError: There are no vectors, or not as many as labels.

    >>> similarity_threshold(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [2.0, 0.0]]), np.array([0, 0, 1, 1]))
    1.0
    """
    if not 0 < len(embeddings) == len(labels):
        raise ValueError(
            f"got {len(embeddings)} vectors and {len(labels)} labels; give one label for each vector, and at least one"
        )
    points = unit(embeddings)
    _, classes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.zeros((len(sizes), points.shape[1]), dtype=points.dtype)
    np.add.at(means, classes, points)
    means /= sizes[:, None]
    similarities = np.sort(np.einsum("nd,nd->n", points, means[classes]))
    return float(similarities[len(points) * 7 // 10])


def k_medoid(embeddings: np.ndarray, threshold: float, min_bin_size: int = 10) -> np.ndarray:
    """Bin contigs by the greedy K-medoid of this module; arguments and bins are those of given_vectors.py.

    Raises:
        ValueError: The vectors are not a finite table.

    >>> k_medoid(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.1], [0.1, 1.0], [0.2, 1.0]]), 0.9, min_bin_size=2).tolist()
    [2, 1, 2, 1, 1]
    """
    points = unit(embeddings)
    bins = np.full(len(points), -1, dtype=np.int64)
    free = np.ones(len(points), dtype=bool)
    density = _neighbour_sums(points, points, threshold)
    found = 0
    while free.any():
        seed = int(np.argmax(np.where(free, density, -np.inf)))
        if density[seed] < threshold * min_bin_size:  # too few neighbours, as each adds at least the threshold
            break
        centre, members = points[seed], np.array([seed])
        for _ in range(STEPS):
            within = np.flatnonzero(free & (points @ centre >= threshold))
            if not len(within):
                break
            members, centre = within, points[within].mean(axis=0)
        if len(members) >= min_bin_size:
            found += 1
            bins[members] = found
        free[members] = False
        density -= _neighbour_sums(points, points[members], threshold)
    return bins


def unit(embeddings: np.ndarray) -> np.ndarray:
    """Check a table of vectors and scale its rows to length 1, float32; a zero row stays zero."""
    vectors = np.asarray(embeddings, dtype=np.float32)
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ValueError(
            f"got vectors of shape {vectors.shape}, or with NaN or infinity; give finite (contigs, numbers)"
        )
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _neighbour_sums(points: np.ndarray, others: np.ndarray, threshold: float) -> np.ndarray:
    """Sum the similarities of each point to others that reach the threshold: (n, d), (m, d) to (n,) float64."""
    sums = np.empty(len(points))
    rows = max(1, BLOCK // max(1, len(others)))
    for first in range(0, len(points), rows):
        similarities = points[first : first + rows] @ others.T  # (rows, m)
        similarities[similarities < threshold] = 0
        sums[first : first + rows] = similarities.sum(axis=1)
    return sums
