"""Measure how well each genome bin corresponds to one species.

The measures and their intervals are described in tasks/binning.py.
"""

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array

from benchmarks.scoring.agreements import adjusted_rand
from benchmarks.scoring.intervals import accuracy_interval, over_halves

LEVELS = np.arange(1, 10) / 10


def tabulate(species: np.ndarray, bins: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Add up weights by species and bin: (n,) str, (n,) int of which -1 is left out, (n,) -> (species, bins)."""
    names, row = np.unique(species, return_inverse=True)
    inside = bins >= 0
    labels, column = np.unique(bins[inside], return_inverse=True)
    table = np.zeros((len(names), len(labels)))
    np.add.at(table, (row[inside], column), weights[inside])
    return table


def match_bins(table: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Match bins with species one to one, with the most contigs in common, and score each species.

    Args:
        table: Contigs of each species in each bin (species, bins).
        sizes: Contigs of each species that count (species,).

    Returns:
        F1 and recall (species,); 0 for a species without a bin.

    >>> match_bins(np.array([[8, 2], [7, 0]]), np.array([10, 7]))[1].tolist()
    [0.2, 1.0]
    """
    rows, columns = linear_sum_assignment(table, maximize=True)
    common, expected = np.zeros(len(table)), sizes.astype(float)
    common[rows] = table[rows, columns]
    expected[rows] += table.sum(axis=0)[columns]
    return 2 * common / np.maximum(expected, 1), common / np.maximum(sizes, 1)


def bin_quality(table: np.ndarray, sizes: np.ndarray) -> dict[str, dict[str, Any]]:
    """AMBER's measures of genome bins.

    Args:
        table: bp of each species in each bin (species, bins).
        sizes: bp of each species, binned or not (species,).

    >>> quality = bin_quality(np.array([[60.0, 20.0], [0.0, 80.0]]), np.array([100.0, 100.0]))
    >>> [round(quality[name]["value"], 3) for name in ("completeness_bp", "purity_bp", "assigned_bp")]
    [0.7, 0.9, 0.8]
    """
    if not table.size:
        return {name: {"value": 0.0} for name in ("completeness_bp", "purity_bp", "ari_bp", "assigned_bp")}
    return {
        "completeness_bp": over_species(table.max(axis=1) / sizes),
        "purity_bp": {"value": float((table.max(axis=0) / table.sum(axis=0)).mean())},
        "ari_bp": over_halves(adjusted_rand, csr_array(table)),
        "assigned_bp": {"value": float(table.sum() / sizes.sum())},
    }


def over_species(scores: np.ndarray) -> dict[str, Any]:
    """The mean of a score or bool of each species (species,), with its interval."""
    return accuracy_interval(scores, np.arange(len(scores)))["micro"]


def recovered(species: np.ndarray, bins: np.ndarray) -> dict[str, dict[str, Any]]:
    """Count the species recovered above each level (see tasks/binning.py): metrics by name and level.

    Args:
        species: Species of each contig (n,) str.
        bins: Bin of each (n,) int, -1 = none.
    """
    table = tabulate(species, bins, np.ones(len(bins)))
    _, sizes = np.unique(species, return_counts=True)
    f1, recall = match_bins(table, table.sum(axis=1))
    f1_all, _ = match_bins(table, sizes)
    counts = {"of": len(sizes), "scored": len(bins)}
    return {
        f"{name}@{level:g}": over_species(values > level) | {"count": int((values > level).sum())} | counts
        for name, values in (("recovered_f1", f1), ("recovered_recall", recall), ("recovered_f1_all", f1_all))
        for level in LEVELS
    }
