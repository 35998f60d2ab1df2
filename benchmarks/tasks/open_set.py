"""Task open_set: open-set recognition of species, where the references lack some of the queried species.

Known queries are those of the seen split whose species the references hold; absent ones are of unseen species, of
genera that are in the references (`unseen`) or not (`novel`). The method names each query with a confidence score: the
cosine to or the identity with the nearest reference, a classifier's support, or, of a model with sites, the closeness
by which `dnacse identify` detects new species (modeling_dnacse/identification/library.py). This score must
separate known from unknown queries. In names of metrics, `absent` means unknown.

- `auroc`, `auroc_unseen`, `auroc_novel`: known queries against all unknown ones, or against one kind of them; 0.5 is
  chance.
- `aupr`: average precision with the known queries as positives; chance is their share, known / (known + unknown).
- `kept@F`: share of known queries accepted by the lowest threshold that accepts at most the share F of the unknown
  ones (F = 0.01, 0.05, 0.1); `named@F`: share of known queries accepted and given the right species.
- `kept_calibrated@F`, `named_calibrated@F`, `absent_accepted_calibrated@F`: the same with the threshold that accepts
  the share F of the unseen validation species. This is what a user of a fixed threshold gets; the last metric is the
  share of unknown queries that it actually accepts.
- `named_anyhow`: share of known queries given the right species when all are accepted.

A query without a name has the lowest score. At most `MOST` queries of a species are drawn. Intervals resample species,
separately for known and unknown ones. Rows of the seen split whose species the references lack are left out, and so
are rows of the other splits whose species they hold.
"""

from typing import Any, NamedTuple

import numpy as np

from benchmarks.methods.method import EMPTY, Method, Predictions, Split, predict_names
from benchmarks.scoring.clusterings import choose
from benchmarks.scoring.intervals import accuracy_interval, percentiles, resample_species
from benchmarks.tasks.task import Panel, Task

SPLITS = {
    "test": ("train", "test", "unseen_test", "novel_test", "unseen_val"),
    "val": ("train", "val", "unseen_val"),
}
TASK = Task(
    title="Open-set recognition of species",
    headline="auroc",
    columns={
        "auroc": "AUROC",
        "auroc_unseen": "AUROC, unseen species",
        "auroc_novel": "AUROC, novel genera",
        "aupr": "AUPR",
        "named@0.01": "known species named correctly at 1 % false positives",
        "named@0.05": "named correctly at 5 %",
        "named@0.1": "named correctly at 10 %",
    },
    bars={
        "auroc": "Open-set recognition, AUROC",
        "named@0.05": "Named correctly at 5 % false positives",
    },
    curves={
        "named": Panel("Known species named correctly", "false positives (%)", percent=True, priority=1),
    },
)
MOST = 5  # queries of a species
RATES = (0.01, 0.05, 0.1)  # shares of unknown queries accepted


class Scored(NamedTuple):
    """The confidence of the method in each query, and whether the name it gave is right."""

    scores: np.ndarray  # (q,) float, higher = more certain
    right: np.ndarray  # (q,) bool
    species: np.ndarray  # (q,) str


NONE = Scored(np.empty(0), np.empty(0, dtype=bool), np.empty(0, dtype=str))


def answer(method: Method, references: Split, queries: Split, *, present: bool, seed: int) -> Scored:
    """Name at most `MOST` queries of each species that is in the references (`present`) or not."""
    names = references.labels["species"]
    species = queries.labels["species"]
    rows = choose(np.where(np.isin(species, names) == present, species, ""), fewest=1, most=MOST, seed=seed)
    if not len(rows):
        return NONE
    sequences = [queries.sequences[row] for row in rows]
    if method.by_sites is None:
        calls = predict_names(method, sequences, references.sequences, names)
    else:
        calls = Predictions(*method.by_sites.name_species(sequences, references.sequences, names))
    scores = np.where(calls.names == "", -np.inf, calls.scores)
    return Scored(scores, calls.names == species[rows], species[rows])


def threshold_at_rate(absent: np.ndarray, rate: float) -> float:
    """Find the lowest threshold that at most a share of the unknown queries' scores exceeds.

    >>> threshold_at_rate(np.array([0.1, 0.4, 0.4, 0.9]), 0.5)
    0.4
    """
    allowed = int(rate * len(absent) + 1e-9)  # 0.29 * 100 is 28.999...
    return float(np.sort(absent)[::-1][allowed])


def detect(known: Scored, absent: Scored, weights: np.ndarray) -> dict[str, float]:
    """Compute AUROC, AUPR and the shares at fixed false positive rates, over every threshold in one pass.

    Args:
        known: Queries to accept (k,).
        absent: Unknown queries, to reject (a,).
        weights: How often each query counts, the known before the unknown (k + a,).

    Returns:
        `auroc`, `aupr`, and `kept@F` and `named@F` for each F of `RATES`.
    """
    scores = np.concatenate([known.scores, absent.scores])
    order = np.argsort(-scores, kind="stable")
    falls = scores[order][1:] != scores[order][:-1]
    ends = np.append(np.flatnonzero(falls), len(scores) - 1)  # equal scores are accepted together
    is_known = np.arange(len(scores)) < len(known.scores)
    is_right = np.append(known.right, np.zeros(len(absent.scores), dtype=bool))
    kept, named, accepted = (
        np.append(0, np.cumsum((weights * mask)[order])[ends]) for mask in (is_known, is_right, ~is_known)
    )
    recall, false_positives = kept / kept[-1], accepted / accepted[-1]
    precision = kept[1:] / np.maximum(kept[1:] + accepted[1:], 1e-12)
    values = {  # no more than 1, whatever the rounding
        "auroc": min(1.0, float(np.trapezoid(recall, false_positives))),
        "aupr": min(1.0, float(np.sum(np.diff(recall) * precision))),
    }
    for rate in RATES:
        last = np.searchsorted(false_positives, rate + 1e-12, side="right") - 1
        values |= {f"kept@{rate}": float(recall[last]), f"named@{rate}": float(named[last] / kept[-1])}
    return values


def detect_with_intervals(known: Scored, absent: Scored, seed: int) -> dict[str, dict[str, Any]]:
    """Compute `detect` with 95 % intervals from resampling species, separately for known and unknown ones."""
    rng = np.random.default_rng(seed)
    draws = [resample_species(answers.species, rng) for answers in (known, absent)]
    resampled = [detect(known, absent, weights) for weights in np.concatenate(draws, axis=1)]
    values = detect(known, absent, np.ones(len(known.scores) + len(absent.scores)))
    return {
        name: {"value": value, "interval": percentiles(np.array([draw[name] for draw in resampled]))}
        for name, value in values.items()
    }


def score_calibrated(known: Scored, absent: Scored, calibration: Scored, seed: int) -> dict[str, dict[str, Any]]:
    """Accept queries by thresholds chosen on other unknown queries.

    Returns:
        `kept_calibrated@F`, `named_calibrated@F`, `absent_accepted_calibrated@F` for each F of `RATES`.
    """
    metrics = {}
    for rate in RATES:
        threshold = threshold_at_rate(calibration.scores, rate)
        accepted = known.scores > threshold
        shares = {
            "kept": (accepted, known.species),
            "named": (accepted & known.right, known.species),
            "absent_accepted": (absent.scores > threshold, absent.species),
        }
        for name, (share, species) in shares.items():
            metrics[f"{name}_calibrated@{rate}"] = accuracy_interval(share, species, seed)["micro"]
    return metrics


def tally(metrics: dict[str, dict[str, Any]], rows: int, known: Scored, absent: Scored) -> dict[str, dict[str, Any]]:
    """Add to metrics the numbers of queries scored and left out of all rows."""
    scored = len(known.scores) + len(absent.scores)
    counts = {"scored": scored, "left_out": rows - scored, "known": len(known.scores), "absent": len(absent.scores)}
    return {name: metric | counts for name, metric in metrics.items()}


def score(
    method: Method,
    references: Split,
    seen: Split,
    unseen: Split,
    novel: Split = EMPTY,
    unseen_val: Split = EMPTY,
    *,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Score how well a method separates species that the references hold from others.

    Args:
        method: What is evaluated.
        references: Labelled sequences.
        seen: Queries whose species the references hold.
        unseen: Queries of other species of the references' genera.
        novel: Queries of other genera; may be empty.
        unseen_val: As `unseen`, to choose thresholds on; may be empty.
        seed: Seed of the draw of queries and of the intervals.

    Returns:
        Metrics, see the head of this file.

    Raises:
        ValueError: There are no known or no unknown queries, or no references.
        Unsuited: The method can name nothing.
    """
    known = answer(method, references, seen, present=True, seed=seed)
    absent = {
        name: answer(method, references, split, present=False, seed=seed)
        for name, split in {"unseen": unseen, "novel": novel}.items()
    }
    absent = {name: answers for name, answers in absent.items() if len(answers.scores)}
    if not len(known.scores) or not absent:
        raise ValueError(
            f"got {len(known.scores)} queries whose species the references hold and "
            f"{sum(len(answers.scores) for answers in absent.values())} whose they do not, but this task needs both: "
            "check the labels and the split column."
        )
    every = Scored(*(np.concatenate(parts) for parts in zip(*absent.values(), strict=True)))
    rows = {"unseen": len(unseen.ids), "novel": len(novel.ids)}
    total = len(seen.ids) + sum(rows.values())
    metrics = tally(detect_with_intervals(known, every, seed), total, known, every)
    named = {"named_anyhow": accuracy_interval(known.right, known.species, seed)["micro"]}
    metrics |= tally(named, len(seen.ids), known, NONE)
    for name, answers in absent.items():
        area = {f"auroc_{name}": detect_with_intervals(known, answers, seed)["auroc"]}
        metrics |= tally(area, len(seen.ids) + rows[name], known, answers)
    calibration = answer(method, references, unseen_val, present=False, seed=seed)
    if len(calibration.scores):
        metrics |= tally(score_calibrated(known, every, calibration, seed), total, known, every)
    return metrics
