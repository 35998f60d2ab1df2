"""Depths of contigs in samples in, coordinates out that are compared in addition to vectors.

The contigs of a genome have about the same depth in a sample, and genomes differ. y = log(depth / mean depth +
`FLOOR`). How far y scatters within a genome differs between data sets: with depth, GC bias and mapping. So the scatter
of each sample is estimated from the data, as the median difference of each contig and the contig nearest to it by its
vector. Most of these pairs are of one genome, and the median is robust to the others.

If y has normal noise of that scatter, the log likelihood of "same genome" falls with the squared difference of y in
units of the scatter, added up over samples. So each sample adds evidence, and all have the same weight. `WEIGHT`
is the cosine that one such unit is worth; it was chosen on simulated depths.
"""

import numpy as np

from ..vectors.neighbours import nearest
from .k_medoid import unit

FLOOR = 0.01  # of the mean depth: lower depths are equal
LEAST_SCATTER = 0.05  # of the natural logarithm
WEIGHT = 0.03
MEDIAN_OF_NORMAL = 0.6745  # the median of |x| for a normal x of variance 1


def scale_depths(embeddings: np.ndarray, depths: np.ndarray) -> np.ndarray:
    """Scale depths so that half their squared difference can be subtracted from a cosine.

    Args:
        embeddings: Vectors (n, d), of any length.
        depths: Of each contig in each sample (n, samples), not negative, in any unit.

    Returns:
        Coordinates (n, samples) float64.
    """
    y = np.log(depths / np.maximum(depths.mean(axis=0), 1e-12) + FLOOR)
    if len(y) < 2:
        return np.zeros_like(y)
    points = unit(embeddings)
    other = nearest(points, points, exclude=np.arange(len(points)))[0][:, 0]
    scatter = np.median(np.abs(y - y[other]), axis=0) / (MEDIAN_OF_NORMAL * np.sqrt(2))
    return np.sqrt(WEIGHT) * (y - y.mean(axis=0)) / np.maximum(scatter, LEAST_SCATTER)
