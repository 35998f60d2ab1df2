"""A method and what it can do, the rows of a split, and the functions by which tasks use a method.

A method is a record of functions (its abilities); one that it lacks is None:

- a network or a k-mer profile has `encode`; a query gets the name of its nearest reference by cosine;
- an alignment tool has `search`; a taxonomic classifier has `classify`, and so has a network with sites, which names
  by votes of near references; a clustering tool has `cluster`, a binner `bin`.

Tasks ask `predict_names` for names, `find_hits` for the nearest references and `vectors` for embeddings. These use the
best ability that the method has, and raise `Unsuited` if it has none.

`load.load_method` turns a model id into a method. Its `encode` caches the vectors of a network, so a task may call
`vectors` as often as it likes, but should pass a whole split at a time.

Vectors are not scaled to unit length: the code that compares them does that.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.methods.site_search import EncodedByModel
from benchmarks.provenance.costs import Spent
from modeling_dnacse.vectors.neighbours import nearest_names

BLOCK = 512  # pairs of vectors compared at once


class Split(NamedTuple):
    """The rows of one split; a split that the data lack has no rows."""

    ids: np.ndarray  # (n,) str
    sequences: list[str]  # cleaned: upper-case ACGTN
    labels: Mapping[str, np.ndarray]  # rank -> (n,) str, "" = unknown


EMPTY = Split(np.empty(0, dtype=str), [], {"species": np.empty(0, dtype=str)})


class Hits(NamedTuple):
    """The best reference of each query."""

    index: np.ndarray  # (q,) int64 rows of the references, -1 = none
    score: np.ndarray  # (q,) float32, higher = nearer: cosine, or identity from 0 to 1


class Predictions(NamedTuple):
    """The name that a method gives to each query."""

    names: np.ndarray  # (q,) str, "" = none
    scores: np.ndarray  # (q,) float32 confidence, comparable within one method


class Method(NamedTuple):
    """A loaded method: its name in results, what exactly it is, and what it can do."""

    name: str  # never a path of this machine
    revision: str  # sha256 of the weights, a Hub commit, a tool's version; "" where there is only one
    parameters: int
    encode: Callable[[Sequence[str]], np.ndarray] | None = None  # (n,) -> (n, d) float32
    search: Callable[[Sequence[str], Sequence[str]], Hits] | None = None  # queries, references
    classify: Callable[[Sequence[str], Sequence[str], np.ndarray], Predictions] | None = (
        None  # queries, references, names
    )
    by_sites: EncodedByModel | None = None  # what `classify` of a model with sites compares
    cluster: Callable[..., np.ndarray] | None = None  # (n,) str, identity=… -> (n,) int, unknown number of clusters
    bin: Callable[[Sequence[str]], np.ndarray] | None = None  # (n,) str -> (n,) int, -1 = no bin
    encode_windows: Callable[[Sequence[str]], np.ndarray] | None = None  # long ones by windows, as in `dnacse bin`
    thresholds: Mapping[str, float | None] | None = None  # the model's own similarities of "species" and "bins"
    checkpoint: str | None = None  # folder or Hub id that AutoModelForSequenceClassification can load
    fingerprint: str = ""  # sha256 of all that its outputs depend on
    training_costs: Mapping[str, float] | None = None  # of a baseline that was trained on the split train
    spent: Spent | None = None  # what its abilities have cost so far; set by `load_method`, like the fingerprint


class Unsuited(ValueError):  # noqa: N818 - run.py skips such a pair; nothing failed
    """The method lacks the ability that a task needs."""


def vectors(method: Method, sequences: Sequence[str]) -> np.ndarray:
    """Embed sequences, (n,) -> (n, d) float32.

    Raises:
        Unsuited: The method gives no vectors.
    """
    if method.encode is None:
        raise Unsuited(f"{method.name} gives no vectors, which this task needs: choose another model or task.")
    return method.encode(sequences)


def find_hits(method: Method, queries: Sequence[str], references: Sequence[str]) -> Hits:
    """Find the nearest reference of each query, by the method's own search or else by cosine.

    Raises:
        ValueError: There is no reference.
        Unsuited: The method neither searches nor gives vectors.
    """
    if method.search is not None:
        if not len(references):
            raise ValueError("got no references, but each query needs one: give more data.")
        return method.search(queries, references)
    query_vectors, reference_vectors = vectors(method, queries), vectors(method, references)
    (index,) = nearest_rows(query_vectors, reference_vectors)
    return Hits(index, paired_cosines(query_vectors, reference_vectors, index))


def predict_names(method: Method, queries: Sequence[str], references: Sequence[str], names: np.ndarray) -> Predictions:
    """Name each query, by the method's own classifier or else after its nearest reference.

    Args:
        method: The method.
        queries: Sequences to name (q,).
        references: Sequences whose names are known (r,).
        names: Their names (r,); references without one ("") are left out.

    Raises:
        ValueError: No reference has a name.
        Unsuited: The method neither classifies, nor searches, nor gives vectors.

    >>> by_length = Method("length", "", 0, encode=lambda s: np.array([[len(x), 4.0] for x in s], np.float32))
    >>> predict_names(by_length, ["AAA"], ["A", "AAAAAA", "AAA"], np.array(["short", "long", ""])).names.tolist()
    ['long']
    """
    return predict_ranks(method, queries, references, {"": names})[""]


def predict_ranks(
    method: Method, queries: Sequence[str], references: Sequence[str], labels: Mapping[str, np.ndarray]
) -> dict[str, Predictions]:
    """Name each query at several ranks, as `predict_names` does at one; embed and compare only once.

    Args:
        method: The method.
        queries: Sequences to name (q,).
        references: Sequences whose names are known (r,).
        labels: Their names at each rank (r,); references without one ("") are left out at that rank.

    Raises:
        ValueError: At some rank no reference has a name.
        Unsuited: The method neither classifies, nor searches, nor gives vectors.
    """
    named = {rank: names != "" for rank, names in labels.items()}
    for rank, known in named.items():
        if not known.any():
            at = f" at the rank {rank}" if rank else ""
            raise ValueError(f"got {len(references)} references, none with a name{at}: label some or leave it out.")
    if method.classify is not None:
        predictions = {}
        for rank, names in labels.items():
            rows = np.flatnonzero(named[rank])
            predictions[rank] = method.classify(queries, [references[row] for row in rows.tolist()], names[rows])
        return predictions
    if method.search is not None:
        return search_ranks(method, queries, references, labels)
    query_vectors, reference_vectors = vectors(method, queries), vectors(method, references)
    found = nearest_rows(query_vectors, reference_vectors, np.stack(list(named.values())))
    return {
        rank: Predictions(names[index], paired_cosines(query_vectors, reference_vectors, index))
        for (rank, names), index in zip(labels.items(), found, strict=True)
    }


def search_ranks(
    method: Method, queries: Sequence[str], references: Sequence[str], labels: Mapping[str, np.ndarray]
) -> dict[str, Predictions]:
    """Name each query after its best hit, as `predict_ranks` does.

    If the best hit among all references has a name at a rank, it is also the best of those with a name at this rank.
    So only the queries whose best hit has no name are searched again.
    """
    anywhere = np.flatnonzero(np.any([names != "" for names in labels.values()], axis=0))
    hits = find_hits(method, queries, [references[row] for row in anywhere.tolist()])
    predictions = {}
    for rank, names in labels.items():
        index, score = np.where(hits.index >= 0, anywhere[hits.index], -1), hits.score.copy()
        nameless = np.flatnonzero((index >= 0) & (names[index] == ""))
        if len(nameless):
            rows = np.flatnonzero(names != "")
            library = [references[row] for row in rows.tolist()]
            again = find_hits(method, [queries[row] for row in nameless.tolist()], library)
            index[nameless] = np.where(again.index >= 0, rows[again.index], -1)
            score[nameless] = again.score
        predictions[rank] = Predictions(np.where(index >= 0, names[index], ""), score)
    return predictions


def normalise(vectors: np.ndarray) -> np.ndarray:
    """Scale rows to unit length; a zero row stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def nearest_rows(queries: np.ndarray, references: np.ndarray, eligible: np.ndarray | None = None) -> np.ndarray:
    """Find each query's nearest reference by cosine, among several subsets of the references.

    This scales the vectors and checks the subsets; the search is that of the package.

    Args:
        queries: Vectors (q, d).
        references: Vectors (r, d).
        eligible: Which references each subset has, (subsets, r) bool; by default one subset of all.

    Returns:
        Rows of the references (subsets, q); the first of tied ones.

    Raises:
        ValueError: A subset has no reference.

    >>> nearest_rows(np.eye(2), np.array([[0.0, 5.0], [3.0, 1.0], [6.0, 2.0]]))
    array([[1, 0]])
    """
    if eligible is None:
        eligible = np.ones((1, len(references)), dtype=bool)
    if not eligible.any(axis=1).all():
        raise ValueError(
            f"got {len(references)} references and a subset without any, but each query needs one: "
            "label more references at this rank or leave the rank out."
        )
    asked, library = (normalise(vectors).astype(np.float32, copy=False) for vectors in (queries, references))
    found, _ = nearest_names(asked, library, np.where(eligible, 0, -1))
    return found[:, :, 0]


def paired_cosines(queries: np.ndarray, references: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Cosine of each query with one reference, (q, d), (r, d), (q,) int -> (q,) float32; a zero vector has cosine 0.

    Unlike the cosines of a matrix product, these do not depend on the block that a query is in.

    >>> paired_cosines(np.eye(2), np.array([[2.0, 0.0], [0.0, -4.0]]), np.array([0, 1])).tolist()
    [1.0, -1.0]
    """
    cosines = np.empty(len(queries), dtype=np.float32)
    for first in range(0, len(queries), BLOCK):
        rows = slice(first, first + BLOCK)
        cosines[rows] = np.sum(normalise(queries[rows]) * normalise(references[index[rows]]), axis=1)
    return cosines
