"""Task knn: name a sequence after its nearest labelled neighbour; labelled vectors in, accuracies out.

One nearest neighbour by cosine. With the splits of the real data:

- `species_seen`: queries of `test`, references of `train`, which hold the same species.
- `genus_unseen`, `family_unseen`, `order_unseen`: queries of `unseen_test`, species that no reference has.

For model selection the same with `val` and `unseen_val`: it never sees a test split. Each accuracy comes twice, over
sequences and (`_macro`) as the mean over species, with a 95 % interval from resampling species: records of one
species are no independent observations. A query without a label at a rank is left out of that rank and counted as
`left_out`; a reference without one can be no neighbour at that rank. Protocol: the zero-shot 1-NN of BarcodeBERT and
BIOSCAN-5M.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

SPLITS = {"test": ("train", "test", "unseen_test"), "val": ("train", "val", "unseen_val")}
UNSEEN_RANKS = ("genus", "family", "order")
TIE = 1e-6  # two cosines this close are one: a float32 product depends on where in a block a row stands
RESAMPLES = 1000


class Labelled(NamedTuple):
    """Vectors of one split and their labels."""

    vectors: np.ndarray  # (n, d) float32
    labels: Mapping[str, np.ndarray]  # rank -> (n,) str, "" = unknown


def normalise(vectors: np.ndarray) -> np.ndarray:
    """Scale rows to unit length; a zero row stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def nearest_neighbours(
    queries: np.ndarray, references: np.ndarray, eligible: np.ndarray | None = None, block: int = 512
) -> np.ndarray:
    """Find each query's nearest reference by cosine, for several subsets of the references in one pass.

    Args:
        queries: Vectors (q, d).
        references: Vectors (r, d).
        eligible: Which references each subset has, (subsets, r) bool; by default one subset of all.
        block: Queries a matrix product, which bounds memory at block x r similarities.

    Returns:
        Indices (subsets, q) into the references; of tied ones the lowest.

    >>> nearest_neighbours(np.eye(2), np.array([[0.0, 5.0], [3.0, 1.0], [6.0, 2.0]]))
    array([[1, 0]])
    """
    if eligible is None:
        eligible = np.ones((1, len(references)), dtype=bool)
    if not eligible.any(axis=1).all():
        raise ValueError(
            f"got {len(references)} references and a subset without any, but each query needs one: "
            "label more references at this rank or leave the rank out."
        )
    targets = normalise(references).T  # (d, r)
    nearest = np.empty((len(eligible), len(queries)), dtype=np.int64)
    for first in range(0, len(queries), block):
        similarities = normalise(queries[first : first + block]) @ targets  # (block, r)
        for subset, allowed in enumerate(eligible):
            candidates = np.where(allowed, similarities, -np.inf)
            best = candidates.max(axis=1, keepdims=True)
            nearest[subset, first : first + block] = (candidates >= best - TIE).argmax(axis=1)
    return nearest


def accuracies(correct: np.ndarray, species: np.ndarray, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Average right and wrong answers over sequences and over species, with bootstrap intervals over species.

    Args:
        correct: (n,) bool.
        species: (n,) str.
        seed: Seed of the resampling.

    Returns:
        `micro` and `macro`, each `{"value": v, "interval": [2.5 %, 97.5 %]}`.
    """
    _, group = np.unique(species, return_inverse=True)
    sizes = np.bincount(group)  # (species,)
    right = np.bincount(group, weights=correct)
    # drawing species with replacement is drawing how often each is taken
    taken = np.random.default_rng(seed).multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=RESAMPLES)
    resampled = {"micro": (taken @ right) / (taken @ sizes), "macro": taken @ (right / sizes) / len(sizes)}
    values = {"micro": correct.mean(), "macro": (right / sizes).mean()}
    return {
        kind: {
            "value": float(values[kind]),
            "interval": [float(bound) for bound in np.quantile(resampled[kind], [0.025, 0.975])],
        }
        for kind in values
    }


def score(splits: Mapping[str, Labelled], evaluation_split: str, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Score a model's vectors on seen and unseen species.

    Args:
        splits: The splits that `SPLITS` names for the evaluation split.
        evaluation_split: "test" or "val".
        seed: Seed of the bootstrap.

    Returns:
        Metrics: value, interval, the number of queries scored and of those left out for want of a label.
    """
    references, seen, unseen = (splits[name] for name in SPLITS[evaluation_split])
    metrics = {}
    for queries, ranks, suffix in ((seen, ("species",), "seen"), (unseen, UNSEEN_RANKS, "unseen")):
        known = np.stack([references.labels[rank] != "" for rank in ranks])  # (ranks, references)
        usable = np.any(known, axis=1)
        ranks = np.array(ranks)[usable].tolist()
        nearest = nearest_neighbours(queries.vectors, references.vectors, known[usable])
        for rank, neighbours in zip(ranks, nearest, strict=True):
            truth, named = queries.labels[rank], references.labels[rank][neighbours]
            scored = truth != ""
            if not scored.any():
                continue
            counts = {"scored": int(scored.sum()), "left_out": int((~scored).sum())}
            both = accuracies((named == truth)[scored], queries.labels["species"][scored], seed)
            metrics[f"{rank}_{suffix}"] = both["micro"] | counts
            metrics[f"{rank}_{suffix}_macro"] = both["macro"] | counts
    return metrics
