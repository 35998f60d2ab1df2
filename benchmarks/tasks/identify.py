"""Task identify: `dnacse identify` as users get it, compared with the usual thresholds of other tools.

The library is `references` sequences of the training split, drawn by whole genera; genera with queries of unseen
species come first. Such a library with gaps tempts a method to give false names. Queries are of three kinds, at most
`queries` of each, as whole species with at most five sequences each (queries.py):

- known: the library holds the species;
- unseen: it lacks the species, but holds the genus;
- novel: it lacks the genus.

All queries are named together. Two thirds of them are of species that the library lacks, if there are enough. A method
with vectors is run through the package: it estimates that share and the probability of each name itself
(modeling_dnacse/identification/), and calls as many names as `--precision` allows. A tool names after its top hit,
SINTAX by its bootstrap support. A name is accepted by a rule:

| | lenient | usual | strict |
|---|---|---|---|
| identify: precision of all calls at a rank, by their probabilities | 0.90 | 0.95 | 0.99 |
| SINTAX: bootstrap support | 0.50 | 0.80 | 0.95 |
| top hit: identity | 97 % | 98 % | 99 % |

- `known_named`: share of the known queries that are named correctly with the usual rule; `false_species`: share of the
  unknown ones, unseen and novel, that are given one; `false_species_unseen` and `false_species_novel` by kind. With
  `_lenient` and `_strict` by the other rules. `count` is how many.
- `known_named_at_95_precision`: share of the known queries that are named correctly at the best threshold at which 95
  % of all species names, on known and unknown queries, are right: it compares methods whatever their rules. The
  threshold is on identity, on support, or on the evidence from which `identify` reads its probability. Names that
  `identify` never calls, since as near references have other ones, come last. Queries of equal scores are named
  together, so a method whose most certain names are right in less than 95 % has 0.
- At each rank: `RANK_accuracy`, the share of best guesses that are right, of queries whose name the library holds; and
  where scores are probabilities or supports, `RANK_called`, the share of queries named by the usual rule,
  `RANK_precision`, the share of those names that are right, and `RANK_calibration_error` (naming.py), each of all
  queries whose name at the rank is known.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.methods.method import EMPTY, Method, Split, predict_ranks, vectors
from benchmarks.scoring.incomplete_library import Queries, draw_library, draw_queries
from benchmarks.scoring.intervals import accuracy_interval
from benchmarks.scoring.naming import calibration_error, score_precision
from benchmarks.scoring.paired import ANSWERS, pack
from benchmarks.scoring.queries import QUERIES
from benchmarks.tasks.task import Task
from modeling_dnacse.identification.calibration.assumed_cases import with_assumed
from modeling_dnacse.identification.calibration.cases import collect_calibration
from modeling_dnacse.identification.calibration.fit import estimate_shares, fit_calibration
from modeling_dnacse.identification.call_blocks import search_block
from modeling_dnacse.identification.call_rules import call_rule
from modeling_dnacse.identification.encoding import Encoded
from modeling_dnacse.identification.library import evidence, make_library
from modeling_dnacse.identification.naming import name_queries, rank_of_call
from modeling_dnacse.reading.labels import RANKS

SPLITS = {"test": ("train", "test", "unseen_test", "novel_test"), "val": ("train", "val", "unseen_val")}
TASK = Task(
    title="Identification with known and unknown species (dnacse identify)",
    headline="known_named_at_95_precision",
    columns={
        "known_named_at_95_precision": "known species named correctly at 95 % precision",
        "known_named": "known species named correctly, usual rule",
        "false_species_unseen": "false species names, unseen species, usual rule",
        "false_species_novel": "false species names, novel genera, usual rule",
        "known_named_strict": "known species named correctly, strict rule",
        "false_species_unseen_strict": "false species names, unseen species, strict rule",
        "genus_precision": "precision of genus names, usual rule",
        "species_calibration_error": "calibration error, species",
    },
    bars={"false_species_unseen": "Identify: false names, lower is better"},
    unranked=(
        "false_species_unseen",
        "false_species_novel",
        "false_species_unseen_strict",
        "species_calibration_error",
    ),
    note="Usual and strict rule: --precision 0.95 and 0.99 (identify), support 0.8 and 0.95 (SINTAX), identity 98 % "
    "and 99 % (top hit).",
)
REFERENCES = 8000
SEARCHED = ("species", "genus")  # by a search tool; a query whose hit lacks a name is searched for again
RULES = {  # by the kind of method: the threshold on its score
    "identify": {"_lenient": 0.90, "": 0.95, "_strict": 0.99},
    "classify": {"_lenient": 0.50, "": 0.80, "_strict": 0.95},
    "search": {"_lenient": 0.97, "": 0.98, "_strict": 0.99},
}


class Named(NamedTuple):
    """The best guess of each query at one rank."""

    names: np.ndarray  # (q,) str, "" = none
    scores: np.ndarray  # (q,) float, -inf if there is no name or no confidence
    ranking: np.ndarray  # (q,) float, the confidence with fewer ties; -inf likewise
    accepted: dict[str, np.ndarray]  # by the suffix of a rule: (q,) bool, the name is accepted


def name_by_package(method: Method, library: Split, sequences: Sequence[str]) -> dict[str, Named]:
    """Name queries as `dnacse identify` does; scores are the probabilities of the names."""
    if method.by_sites is None:
        encoded, asked = (Encoded(vectors(method, part), None) for part in (library.sequences, sequences))
    else:
        encoded = method.by_sites.library(library.sequences)
        asked = method.by_sites.queries(sequences, encoded.sites is not None)
    sites = method.by_sites.encoder.model.sites if method.by_sites and encoded.sites is not None else None
    held = make_library(encoded, {rank: library.labels[rank].tolist() for rank in RANKS}, sites=sites)
    data, found = collect_calibration(held, asked), search_block(held, asked, top=0)
    cases = with_assumed(data)
    calibration = fit_calibration(cases, estimate_shares(cases, found.matches))
    calls = name_queries(held, data, calibration, found.matches, found.agreed)
    levels = {}
    for suffix, precision in RULES["identify"].items():
        least = call_rule(precision).thresholds(tuple(held.names), calls.of_callable, calls.new_species)
        levels[suffix] = rank_of_call(calls, least.names)
    named: dict[str, Named] = {}
    told = evidence(found.matches)  # with fewer ties than the probability
    for (rank, names), codes, probabilities, ranking, agreed in zip(
        held.names.items(), calls.codes, calls.probabilities, told, found.agreed, strict=True
    ):
        given = np.where(codes >= 0, names[np.maximum(codes, 0)], "").astype(str)
        sure = (given != "") & ~np.isnan(probabilities)
        ranking = np.where(agreed, ranking, ranking.min(initial=0, where=sure) - 1)  # is never called
        accepted = {suffix: (level >= 0) & (level <= len(named)) for suffix, level in levels.items()}
        scores = np.where(sure, probabilities, -np.inf)
        named[rank] = Named(given, scores, np.where(sure, ranking, -np.inf), accepted)
    return named


def name_by_tool(method: Method, library: Split, sequences: Sequence[str]) -> dict[str, Named]:
    """Name queries by a method's own search or classification."""
    ranks = RANKS if method.classify else SEARCHED
    labels = {rank: library.labels[rank] for rank in ranks if np.any(library.labels[rank] != "")}
    calls = predict_ranks(method, sequences, library.sequences, labels)
    rules = RULES["classify" if method.classify else "search"]
    scores = {rank: np.where(call.names == "", -np.inf, call.scores) for rank, call in calls.items()}
    accepted = {rank: {suffix: of >= rule for suffix, rule in rules.items()} for rank, of in scores.items()}
    return {rank: Named(call.names, scores[rank], scores[rank], accepted[rank]) for rank, call in calls.items()}


def score(
    method: Method,
    train: Split,
    seen: Split,
    unseen: Split,
    novel: Split = EMPTY,
    *,
    seed: int,
    references: int = REFERENCES,
    queries: int = QUERIES,
) -> dict[str, dict[str, Any]]:
    """Name queries of known and of unknown species.

    Args:
        method: What names them.
        train: Labelled sequences, of which the library is drawn.
        seen: Queries, most of them of species of `train`.
        unseen: Queries of other species.
        novel: Queries of other genera; may be empty.
        seed: Seed of the draws and of the intervals.
        references: Sequences of the library at most; 0: all of `train`.
        queries: Queries of each kind at most.

    Returns:
        Metrics, see the head of this file.

    Raises:
        ValueError: There are no known queries, or none of a species that the library lacks.
        Unsuited: The method can name nothing.
    """
    library = draw_library(train, unseen, references, seed)
    asked = draw_queries(library, (seen, unseen, novel), queries, seed)
    known = asked.kinds == "known"
    if not known.any() or known.all():
        raise ValueError(
            f"got {known.sum()} queries of species in the library of {len(library.ids)} sequences and "
            f"{(~known).sum()} of others, but the task needs both: raise identify.references, or check the splits."
        )
    way = "identify" if method.encode else "classify" if method.classify else "search"
    name = name_by_package if way == "identify" else name_by_tool
    named = name(method, library, asked.sequences)
    total = len(seen.ids) + len(unseen.ids) + len(novel.ids)
    metrics = score_species(named["species"], asked, RULES[way], seed)
    for rank, guesses in named.items():
        metrics |= score_rank(rank, guesses, asked, library.labels[rank], way != "search", seed)
    sizes = {kind: int((asked.kinds == kind).sum()) for kind in ("known", "unseen", "novel")}
    sizes["library"] = len(library.ids)
    return {name: metric | {"left_out": total - metric["scored"]} | sizes for name, metric in metrics.items()}


def score_species(named: Named, asked: Queries, rules: dict[str, float], seed: int) -> dict[str, dict[str, Any]]:
    """Score the names of species: how many are right on known queries, and how many false on unknown ones."""
    species, known = asked.labels["species"], asked.kinds == "known"
    right = known & (named.names == species)
    metrics = {
        "known_named_at_95_precision": score_precision(named.ranking, right, known, species, seed)
        | {"scored": len(species)}
    }
    for suffix, rule in rules.items():
        accepted = named.accepted[suffix]
        shares = {"known_named": (accepted & right, known), "false_species": (accepted, ~known)}
        shares |= {f"false_species_{kind}": (accepted, asked.kinds == kind) for kind in ("unseen", "novel")}
        for name, (hit, among) in shares.items():
            if among.any():
                metrics[name + suffix] = share_of(hit, among, asked, seed) | {"rule": rule}
    return metrics


def share_of(hit: np.ndarray, among: np.ndarray, asked: Queries, seed: int) -> dict[str, Any]:
    """The share of some of the queries for which something holds, as a metric with each query's answer."""
    species = asked.labels["species"][among]
    metric = accuracy_interval(hit[among], species, seed)["micro"]
    answers = pack(hit[among], species, asked.ids[among])
    return metric | {"count": int(hit[among].sum()), "scored": int(among.sum()), ANSWERS: answers}


def score_rank(
    rank: str, named: Named, asked: Queries, held: np.ndarray, calibrated: bool, seed: int
) -> dict[str, dict[str, Any]]:
    """Score the names at one rank; `calibrated`: scores are probabilities or supports."""
    truth = asked.labels[rank]
    right = (named.names == truth) & (truth != "")
    judged = truth != ""
    shares = {"accuracy": (right, judged & np.isin(truth, held))}
    if calibrated:
        called = named.accepted[""]
        shares |= {"called": (called, judged), "precision": (right, judged & called)}
    metrics = {
        f"{rank}_{name}": share_of(hit, among, asked, seed) for name, (hit, among) in shares.items() if among.any()
    }
    sure = judged & np.isfinite(named.scores)
    if calibrated and sure.any():
        error = calibration_error(named.scores[sure], right[sure])
        metrics[f"{rank}_calibration_error"] = {"value": error, "scored": int(sure.sum())}
    return metrics
