"""Task few_shot: learn species from 1, 2, 5, 10 or 20 labelled sequences each; macro F1 on the others.

Protocol of DNABERT-S (arXiv 2402.08777, section 4.3), on species that no model was trained on. For each of five seeds
the sequences of a species are shuffled: the first k are for training, the last 80 for testing. Vectors are
standardised, then a multinomial logistic regression (L-BFGS, L2, C = 0.5) names the test sequences. The metric is
macro F1, averaged over the seeds. A method without vectors uses its own search or classifier with the same k sequences
of each species.

The published code fits the scaler on the test rows, too, and takes any species. Here:

- the scaler sees only training rows;
- no training row is ever tested: a species with fewer than k + 80 sequences is tested on what k leaves, one with k or
  fewer is left out of that number of shots and counted in `species_too_small`;
- so in data with few sequences per species, such as barcodes, each number of shots has its own species. The curve
  `macro_f1@K` then also depends on the number of classes. `macro_f1_same_species@K` holds species and tests fixed:
  those that 20 shots have. On sets of 100 per species, as DNABERT-S's, the two curves are the same and the protocol is
  the published one;
- at most `most_species` species, drawn with the run's seed; those left out for it are counted in `species_over_cap`.

The interval resamples species, each with its F1 averaged over the seeds.

Cost: a fit on n rows of d columns and c species takes some 20 to 100 passes of n x min(n, d) x c multiplications.
Vectors with more columns than there are training rows are first projected on the rows' span, in which the optimal
weights lie, so nothing changes but the time.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from benchmarks.methods.method import Method, Split, predict_names, vectors
from benchmarks.scoring.intervals import accuracy_interval
from benchmarks.tasks.task import Panel, Task

SPLITS = {"test": ("unseen_test",), "val": ("unseen_val",)}
TASK = Task(
    title="Few-shot classification of unseen species",
    headline="macro_f1@5",
    columns={
        "macro_f1@1": "macro F1, 1 shot",
        "macro_f1@5": "macro F1, 5 shots",
        "macro_f1@20": "macro F1, 20 shots",
        "macro_f1_same_species@1": "macro F1, 1 shot, same species for all shots",
        "macro_f1_same_species@5": "macro F1, 5 shots, same species for all shots",
    },
    bars={
        "macro_f1@5": "Few-shot, 5 shots, macro F1",
    },
    curves={
        "macro_f1": Panel("Few-shot: macro F1", "labelled sequences a species", "log"),
        "macro_f1_same_species": Panel("Few-shot, same species", "labelled sequences a species", "log", priority=2),
    },
)
SHOTS = (1, 2, 5, 10, 20)
SEEDS = range(5)
TESTS = 80  # sequences of a species, at most
MOST_SPECIES = 1000
BLOCK = 4096  # tests named at once, which bounds the memory at BLOCK x species scores

Namer = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # training rows, their names, test rows -> names


def eligible(species: np.ndarray, more_than: int, most: int, seed: int) -> tuple[np.ndarray, dict[str, int]]:
    """Choose the species that have more than so many sequences, at most `most` of them.

    Args:
        species: (n,) str, "" = unknown.
        more_than: A species needs more sequences than this.
        most: Largest number of species; of more, this many are drawn.
        seed: Seed of the draw.

    Returns:
        Their names, and how many species were left out: `species_too_small`, `species_over_cap`.

    >>> eligible(np.array(["a", "b", "a", "", ""]), more_than=1, most=9, seed=0)
    (array(['a'], dtype='<U1'), {'species_too_small': 1, 'species_over_cap': 0})
    """
    names, counts = np.unique(species[species != ""], return_counts=True)
    enough = names[counts > more_than]
    chosen = np.sort(np.random.default_rng(seed).permutation(enough)[:most])
    return chosen, {"species_too_small": len(names) - len(enough), "species_over_cap": len(enough) - len(chosen)}


def draw(
    species: np.ndarray, names: np.ndarray, shots: int, reserved: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw training and test rows: of each species the first `shots` of a shuffle, and the last 80.

    Args:
        species: (n,) str.
        names: The species to draw from, each with more than `reserved` rows.
        shots: Training rows of each.
        reserved: The first rows of each that are never tested, at least `shots`.
        seed: Seed of the shuffle, which is the same for every number of shots.

    Returns:
        Training rows (names x shots,), those of the first name first, and test rows.

    >>> draw(np.array(["a", "b", "a", "a"]), np.array(["a"]), shots=2, reserved=2, seed=0)
    (array([2, 0]), array([3]))
    """
    order = np.random.default_rng(seed).permutation(len(species))
    order = order[np.argsort(species[order], kind="stable")]  # shuffled within each species
    first = np.searchsorted(species[order], names, side="left")
    end = np.searchsorted(species[order], names, side="right")
    members = [order[start:stop] for start, stop in zip(first, end, strict=True)]
    train = np.concatenate([rows[:shots] for rows in members])
    return train, np.concatenate([rows[reserved:][-TESTS:] for rows in members])


def name_by_regression(train: np.ndarray, names: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Standardise by the training rows, fit the logistic regression, name the test sequences.

    Args:
        train: Vectors (n, d).
        names: Their names (n,), of two species or more.
        test: Vectors (t, d).

    Returns:
        Names (t,).

    >>> name_by_regression(np.array([[0.0, 1.0], [9.0, 1.0]]), np.array(["a", "b"]), np.array([[7.0, 5.0]])).tolist()
    ['b']
    """
    scaler = StandardScaler().fit(train)
    rows = np.asarray(scaler.transform(train))
    basis = np.linalg.qr(rows.T)[0] if rows.shape[1] > len(rows) else None  # (d, n), spans the rows
    with warnings.catch_warnings():  # one or two rows per class are intended
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        model = LogisticRegression(C=0.5, max_iter=3000).fit(rows if basis is None else rows @ basis, names)
    found = []
    for start in range(0, len(test), BLOCK):
        block = np.asarray(scaler.transform(test[start : start + BLOCK]))
        found.append(model.predict(block if basis is None else block @ basis))
    return np.concatenate(found)


def namer(method: Method, sequences: Sequence[str]) -> Namer:
    """Say how a method names rows of `sequences` after other rows: by regression on its vectors, else by itself.

    Raises:
        Unsuited: When it first names and the method has neither vectors nor a way of its own.
    """
    if method.encode is None:

        def name(train: np.ndarray, names: np.ndarray, test: np.ndarray) -> np.ndarray:
            queries, references = ([sequences[int(row)] for row in rows] for rows in (test, train))
            return predict_names(method, queries, references, names).names

        return name
    embedded = vectors(method, sequences)
    return lambda train, names, test: name_by_regression(embedded[train], names, embedded[test])


def f1_by_species(
    species: np.ndarray, names: np.ndarray, train: np.ndarray, test: np.ndarray, name: Namer
) -> np.ndarray:
    """Train and test once: the F1 of each of the names, (names,) from 0 to 1."""
    found = name(train, species[train], test)
    return np.asarray(f1_score(species[test], found, labels=names, average=None, zero_division=0))  # pyright: ignore[reportArgumentType]


def score(method: Method, unseen: Split, *, seed: int, most_species: int = MOST_SPECIES) -> dict[str, dict[str, Any]]:
    """Score few-shot classification of species that were never trained on.

    Args:
        method: What is evaluated.
        unseen: Labelled sequences; a species may have any number.
        seed: Seed of the choice of species and of the bootstrap; the draws of sequences have their own, `SEEDS`.
        most_species: Species at most.

    Returns:
        For each number of shots K `macro_f1@K` and `macro_f1_same_species@K`: value, interval and each seed's value,
        the sequences tested (`scored`) and neither tested nor trained on (`left_out`), the numbers of species scored,
        too small and over the cap. A number of shots that fewer than two species allow is left out.

    Raises:
        ValueError: Fewer than two species have two sequences.
        Unsuited: The method neither gives vectors, nor searches, nor classifies.
    """
    species = unseen.labels["species"]
    if len(eligible(species, 1, most_species, seed)[0]) < 2:
        raise ValueError(
            f"got {len(species)} sequences, among them fewer than two species with two or more, but each needs one to "
            "learn from and one to test: give more data or raise --max_sequences."
        )
    name = namer(method, unseen.sequences)
    points = [("macro_f1", shots, shots) for shots in SHOTS]
    points += [("macro_f1_same_species", shots, SHOTS[-1]) for shots in SHOTS]
    metrics: dict[str, dict[str, Any]] = {}
    fitted: dict[tuple[int, int, bytes], np.ndarray] = {}
    for curve, shots, reserved in tqdm(points, desc="few-shot", leave=False):
        names, left_out = eligible(species, reserved, most_species, seed)
        if len(names) < 2:
            continue
        draws = [draw(species, names, shots, reserved, run) for run in SEEDS]
        tested = len(draws[0][1])
        key = shots, tested, names.tobytes()  # as many tests of these species are the same: the second curve's often
        if key not in fitted:
            fitted[key] = np.stack([f1_by_species(species, names, *rows, name) for rows in draws])
        f1 = fitted[key]  # (seeds, names)
        metrics[f"{curve}@{shots}"] = {
            **accuracy_interval(f1.mean(axis=0), names, seed)["macro"],
            "per_seed": f1.mean(axis=1).tolist(),
            "scored": tested,
            "left_out": len(species) - tested - shots * len(names),
            "species": len(names),
            **left_out,
        }
    return metrics
