"""Linear discriminant analysis: feature frequencies and classes in; the most separating directions out.

It has a ridge. Sequences are weighted so that a class counts as the square root of its size.
"""

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import csr_array

LEAST_WITHIN = 1e-3  # lower bound as a share of the total scatter, for classes of one sequence each


class Scatters:
    """Sums over sequences that give the scatter within classes and the total scatter."""

    def __init__(self, features: int, sizes: np.ndarray) -> None:
        """Start at 0; `sizes` (classes,) are the numbers of sequences in each class."""
        self.weights = 1 / np.sqrt(sizes)  # (classes,) weight of a sequence of each class
        self.products = np.zeros((features, features))
        self.sums = csr_array((len(sizes), features))

    def add(self, frequencies: csr_array, classes: np.ndarray) -> None:
        """Add a block of frequencies (n, features) with the class of each row (n,)."""
        rows = np.arange(len(classes))
        chosen = csr_array((self.weights[classes], (classes, rows)), shape=(len(self.weights), len(rows)))
        weighted = frequencies.multiply(np.sqrt(self.weights[classes])[:, None]).toarray().astype(np.float32)
        self.products += weighted.T @ weighted  # dense float32: ten times as fast as sparse
        self.sums = self.sums + chosen @ frequencies

    def finish(self, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The mean (features,), the scatter within classes and the total scatter (features, features)."""
        of_class = self.weights * sizes  # (classes,)
        total = of_class.sum()
        mean = np.asarray(self.sums.sum(axis=0)).ravel() / total
        total_scatter = self.products / total - np.outer(mean, mean)
        between = (self.sums.T @ self.sums.multiply(1 / of_class[:, None])).toarray() / total - np.outer(mean, mean)
        return mean, total_scatter - between, total_scatter


def discriminants(within: np.ndarray, total_scatter: np.ndarray, hidden: int, shrinkage: float) -> np.ndarray:
    """The `hidden` leading directions (features, hidden); along each, the scatter within classes is 1.

    >>> discriminants(np.diag([1.0, 1.0]), np.diag([2.0, 9.0]), 1, 0.0).round(6).tolist()
    [[0.0], [1.0]]
    """
    spread = max(np.trace(within), LEAST_WITHIN * np.trace(total_scatter))
    ridge = shrinkage * spread / len(within)
    last, ridged = len(within) - 1, within + ridge * np.eye(len(within))
    _, directions = eigh(total_scatter, ridged, subset_by_index=[last - hidden + 1, last])
    leading = directions[:, ::-1]
    return leading * np.sign(leading[np.abs(leading).argmax(0), np.arange(hidden)])  # eigh leaves the signs undefined


def embedding_rows(directions: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Turn directions into embeddings (features, hidden) of mean 0 and of the length that LayerNorm gives.

    Args:
        directions: (features, hidden).
        mean: (features,) mean frequencies, which sum to 1.
    """
    rows = directions - mean @ directions
    return rows * np.sqrt(rows.shape[1] / (mean @ (rows**2).sum(1)))
