"""How far a clustering agrees with species: their contingency table in; Rand index, mutual information and others out.

Each function scores many parts of the species at once, so that intervals.py can resample them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.special import gammaln, xlogy


def adjusted_rand(table: csr_array, taken: np.ndarray) -> np.ndarray:
    """Adjusted Rand index (Hubert & Arabie 1985) of parts of the species.

    Args:
        table: Sequences of each species in each cluster (species, clusters).
        taken: Which species each part has, (parts, species) of 0 and 1.

    Returns:
        (parts,); 1 where there is nothing to separate.
    """
    sizes = table.sum(axis=1)  # (species,)
    clusters = (table.T @ taken.T).T  # (parts, clusters)
    # pairs of sequences: in one species and cluster, in one species, in one cluster, in all
    both = taken @ pairs(table).sum(axis=1)
    in_species, in_cluster = taken @ pairs(sizes), pairs(clusters).sum(axis=1)
    expected = in_species * in_cluster / np.maximum(pairs(taken @ sizes), 1)
    return adjust(both, expected, (in_species + in_cluster) / 2)


def adjusted_mutual_information(table: csr_array, taken: np.ndarray) -> np.ndarray:
    """Adjusted mutual information, arithmetic mean (Vinh, Epps & Bailey 2010), of parts of the species.

    Args:
        table: Sequences of each species in each cluster (species, clusters).
        taken: Which species each part has, (parts, species) of 0 and 1.

    Returns:
        (parts,); 1 where there is nothing to separate.
    """
    sizes = table.sum(axis=1)  # (species,)
    clusters = (table.T @ taken.T).T  # (parts, clusters)
    of_species, of_clusters, shared = information(table, taken)
    expected = [expected_information(sizes * part, columns) for part, columns in zip(taken, clusters, strict=True)]
    return adjust(shared, np.array(expected), (of_species + of_clusters) / 2)


def normalised_mutual_information(table: csr_array, taken: np.ndarray) -> np.ndarray:
    """Normalised mutual information, arithmetic mean, of parts of the species; arguments as `adjusted_rand`."""
    of_species, of_clusters, shared = information(table, taken)
    return share(2 * shared, of_species + of_clusters)


def homogeneity(table: csr_array, taken: np.ndarray) -> np.ndarray:
    """How far clusters hold one species each (Rosenberg & Hirschberg 2007); arguments as `adjusted_rand`."""
    of_species, _, shared = information(table, taken)
    return share(shared, of_species)


def completeness(table: csr_array, taken: np.ndarray) -> np.ndarray:
    """How far species are in one cluster each (Rosenberg & Hirschberg 2007); arguments as `adjusted_rand`."""
    _, of_clusters, shared = information(table, taken)
    return share(shared, of_clusters)


def pair_precision(table: csr_array, taken: np.ndarray) -> np.ndarray:
    """Share of the pairs in one cluster that are of one species; arguments as `adjusted_rand`."""
    both = taken @ pairs(table).sum(axis=1)
    return share(both, pairs((table.T @ taken.T).T).sum(axis=1))


def pair_recall(table: csr_array, taken: np.ndarray) -> np.ndarray:
    """Share of the pairs of one species that are in one cluster; arguments as `adjusted_rand`."""
    both = taken @ pairs(table).sum(axis=1)
    return share(both, taken @ pairs(table.sum(axis=1)))


AGREEMENTS: dict[str, Callable[[csr_array, np.ndarray], np.ndarray]] = {
    "ari": adjusted_rand,
    "ami": adjusted_mutual_information,
    "nmi": normalised_mutual_information,
    "homogeneity": homogeneity,
    "completeness": completeness,
}
PAIRS = {"pair_precision": pair_precision, "pair_recall": pair_recall}


def information(table: csr_array, taken: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entropy of the species, of the clusters, and what both share, in nats, each (parts,); as `adjusted_rand`."""
    sizes = table.sum(axis=1)  # (species,)
    clusters = (table.T @ taken.T).T  # (parts, clusters)
    total = taken @ sizes  # (parts,)
    logs = csr_array((xlogy(table.data, table.data), table.indices, table.indptr), table.shape)
    of_species = np.log(total) - taken @ xlogy(sizes, sizes) / total
    of_clusters = np.log(total) - xlogy(clusters, clusters).sum(axis=1) / total
    together = np.log(total) - taken @ logs.sum(axis=1) / total
    return of_species, of_clusters, of_species + of_clusters - together


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part of the whole, from 0 to 1; 1 of nothing."""
    nothing = whole < 1e-12
    return np.clip(np.where(nothing, 1.0, part / np.where(nothing, 1.0, whole)), 0, 1)


def pairs(sizes: Any) -> Any:
    """Number of pairs in groups of these sizes, an array or a sparse one of any shape."""
    return (sizes * sizes - sizes) / 2


def adjust(found: np.ndarray, expected: np.ndarray, highest: np.ndarray) -> np.ndarray:
    """Scale a score so that chance is 0 and the highest possible 1; where these are the same it is 1."""
    room = highest - expected
    same = np.abs(room) < 1e-12
    return np.clip(np.where(same, 1.0, (found - expected) / np.where(same, 1.0, room)), -1, 1)


def expected_information(rows: np.ndarray, columns: np.ndarray) -> float:
    """Mutual information, in nats, that two random partitions with these sizes share on average.

    Vinh, Epps & Bailey 2010, equation 24a. It depends on sizes alone, so each pair of sizes is computed once.

    Args:
        rows: Sizes of one partition's groups; empty ones count for nothing.
        columns: Sizes of the other's.
    """
    total = int(rows.sum())
    (a, many_a), (b, many_b) = (
        np.unique(sizes[sizes > 0].astype(int), return_counts=True) for sizes in (rows, columns)
    )
    a, b = (sizes.ravel() for sizes in np.meshgrid(a, b, indexing="ij"))
    many = np.outer(many_a, many_b).ravel()
    lowest = np.maximum(1, a + b - total)
    terms = np.maximum(np.minimum(a, b) - lowest + 1, 0)
    pair = np.repeat(np.arange(len(a)), terms)
    shared = np.arange(len(pair)) - np.repeat(np.cumsum(terms) - terms, terms) + lowest[pair]
    a, b = a[pair], b[pair]
    log_factorial = gammaln(np.arange(total + 1) + 1.0)
    ways = log_factorial[a] + log_factorial[b] + log_factorial[total - a] + log_factorial[total - b]
    ways -= log_factorial[total] + log_factorial[shared] + log_factorial[a - shared] + log_factorial[b - shared]
    ways -= log_factorial[total - a - b + shared]
    return float((many[pair] * shared / total * np.log(total * shared / (a * b)) * np.exp(ways)).sum())
