"""Barcodes at their sites in, clusters out: those that most probably contain one species each.

A logistic regression gives the probability that the two parts of a merge of the tree are of one species. Its inputs
are features of the tree (`features`) and the embeddings of the barcodes, since variation within a species depends on
the group: it is lower in birds and moths than in earthworms and salamanders. The vector term of a barcode is a linear
function of its unit vector. The vector term of a merge is the mean over its members. So what was learnt about a group
applies to unseen species and genera. `trainer/fit_merges.py` fits the weights and writes them to config.json.

Equal sequences, and parts of others, count once: copies and cuts of barcodes, as reads that are not dereplicated or
not cut to one region, change no cluster.

Clusters are the nodes that maximise, over the merges within them, the sum of pairs x (probability - BREAK_EVEN): pairs
of one species count for a cluster, pairs of two species against it.
"""

from typing import Any, NamedTuple

import numpy as np
import torch

from ..kmers import OTHER
from ..vectors.at_sites import batches_of, unit_sums
from .average_linkage import Tree
from .barcode_gap import OVER_SITES, cut_at_gaps
from .copies import cluster_once, distinct, wholes
from .large_samples import LARGE, grow_tree
from .site_linkage import FEWEST_SHARED
from .tree_cuts import Clusters, Nodes, largest, next_merges, nodes_of

EQUAL = 0.004  # added to distances before the logarithm
BREAK_EVEN = 0.3  # probability; LOG.md names the mixtures on which it was chosen
FARTHEST = 0.2  # distance of the next merge where the tree has none
USUAL_PAIRS, USUAL_SPREAD = 3, 0.004  # prior: pairs within a species, and their mean distance
WITHIN, BETWEEN = 0.012, (0.02, 0.06)  # usual distances within species, and between close species
USUAL_WITHIN, USUAL_BETWEEN = 5, 5  # prior: groups and merges at these distances
COUNT = 6  # features


class Weights(NamedTuple):
    """Weights of the logistic regression."""

    constant: float
    of_features: np.ndarray  # (COUNT,)
    of_vector: np.ndarray  # (hidden,)


def cluster_species(model: Any, bases: np.ndarray) -> Clusters:
    """Cluster bases at sites (n, sites) uint8 by probabilities of a model, or at barcode gaps if it has no weights.

    Raises:
        ValueError: the weights in the model's configuration are wrong.
    """
    weights = weights_of(model.config)

    def clusters_of(rows: np.ndarray) -> Clusters:
        if weights is None:
            return cut_at_gaps(grow_tree(model, bases[rows], OVER_SITES.least_identity))
        vector_terms = [unit_sums(model.sites, part) @ weights.of_vector for part in batches_of(bases[rows])]
        return cut_by_species(grow_tree(model, bases[rows], 1 - FARTHEST), weights, np.concatenate(vector_terms))

    return cluster_once(stand_ins(bases), clusters_of)


def stand_ins(bases: np.ndarray) -> np.ndarray:
    """The first copy of each sequence, or the longest one of which it is a part; else itself, (n,).

    Among LARGE distinct sequences no parts are looked for, since that compares all pairs.
    """
    first = distinct(bases, np.any(bases < OTHER, axis=1))[1]
    kept = np.unique(first)
    if len(kept) >= LARGE:
        return first
    return kept[wholes(bases[kept], FEWEST_SHARED)][np.searchsorted(kept, first)]


def weights_of(config: Any) -> Weights | None:
    """Read the weights in a model's configuration: constant, features, vector; None: it has none.

    Raises:
        ValueError: the number of weights is wrong.
    """
    if config.species_merges is None:
        return None
    numbers = np.array([float(number) for number in config.species_merges.split()])
    if len(numbers) != 1 + COUNT + config.hidden_size:
        raise ValueError(
            f"species_merges of the model's config.json has {len(numbers)} numbers; "
            f"give {1 + COUNT + config.hidden_size}, or null"
        )
    return Weights(float(numbers[0]), numbers[1 : 1 + COUNT], numbers[1 + COUNT :])


def cut_by_species(tree: Tree, weights: Weights, vector_terms: np.ndarray) -> Clusters:
    """Cut a tree into the clusters that most probably contain one species each.

    Args:
        tree: By identity, with all merges down to 1 - `FARTHEST`.
        weights: Of the model.
        vector_terms: Vector term of each sequence (n,), as `probabilities` takes them.
    """
    nodes = nodes_of(tree)
    n = len(tree.into)
    pairs = nodes.size[nodes.parts].prod(1).astype(float)
    gains = (pairs * (probabilities(nodes, weights, vector_terms) - BREAK_EVEN)).tolist()
    whole, best = np.zeros(len(nodes.size)), np.zeros(len(nodes.size))
    holds = np.ones(len(nodes.size), bool)
    for merge, (one, other) in enumerate(nodes.parts.tolist(), n):
        whole[merge] = whole[one] + whole[other] + gains[merge - n]
        apart = best[one] + best[other]
        holds[merge] = whole[merge] >= apart
        best[merge] = max(whole[merge], apart)
    return largest(n, nodes, holds)


def features(nodes: Nodes) -> np.ndarray:
    """Features of the merges of a tree, (m, COUNT).

    - the logarithm of the distance of the two parts;
    - the logarithm of the distance of the next merge over that distance: the barcode gap. It is 0 for the merge of the
      whole sample, since there is no next merge;
    - the logarithm of that distance over the mean distance of pairs within the parts;
    - logarithms of the sizes of the larger and the smaller part;
    - of the sample: the logarithm of the ratio of groups that are as close as species usually are, to merges at
      distances usual between close species. A group counts once, however many sequences it has.
    """
    n = len(nodes.size) - len(nodes.parts)
    within = np.zeros(len(nodes.size))  # sum of the distances of pairs
    for merge, (one, other) in enumerate(nodes.parts.tolist(), n):
        between = nodes.height[merge] * nodes.size[one] * nodes.size[other]
        within[merge] = within[one] + within[other] + between
    distance, following = nodes.height[n:], next_merges(nodes)[n:]
    outside = np.minimum(following, FARTHEST)
    if (nodes.parent < 0).sum() == 1:
        outside[-1:] = distance[-1:]
    pairs = (nodes.size * (nodes.size - 1) / 2)[nodes.parts].sum(1)
    spread = (within[nodes.parts].sum(1) + USUAL_PAIRS * USUAL_SPREAD) / (pairs + USUAL_PAIRS)
    near = ((distance < WITHIN) & (following >= WITHIN)).sum() + USUAL_WITHIN
    far = ((distance > BETWEEN[0]) & (distance < BETWEEN[1])).sum() + USUAL_BETWEEN
    smaller, larger = np.sort(nodes.size[nodes.parts], 1).T
    logarithm = np.log(distance + EQUAL)
    return np.stack(
        [
            logarithm,
            np.log(outside + EQUAL) - logarithm,
            logarithm - np.log(spread + EQUAL),
            np.log(larger),
            np.log(smaller),
            np.full(len(distance), np.log(near / far)),
        ],
        1,
    )


def means(nodes: Nodes, of_rows: np.ndarray) -> np.ndarray:
    """Compute means over the rows below each merge, (n, …) to (m, …)."""
    n = len(of_rows)
    sums = np.concatenate([of_rows, np.zeros((len(nodes.parts), *of_rows.shape[1:]), of_rows.dtype)])
    for merge, (one, other) in enumerate(nodes.parts.tolist(), n):
        sums[merge] = sums[one] + sums[other]
    return (sums[n:].T / nodes.size[n:]).T


def probabilities(nodes: Nodes, weights: Weights, vector_terms: np.ndarray) -> np.ndarray:
    """Compute the probability that the two parts of each merge are of one species, (m,).

    Args:
        nodes: Of the tree of n rows.
        weights: Of the model.
        vector_terms: `vectors @ weights.of_vector` (n,).
    """
    logits = weights.constant + features(nodes) @ weights.of_features + means(nodes, vector_terms)
    return torch.from_numpy(logits).sigmoid().numpy()
