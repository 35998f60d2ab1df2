"""Identify: false names are counted whoever gives them, thresholds are fair, the package's path is taken."""

import shutil
from functools import partial

import numpy as np
import pytest

from benchmarks.data.simulate import simulate
from benchmarks.data.splits import to_split
from benchmarks.methods.kmers import kmer_frequencies
from benchmarks.methods.load import load_method
from benchmarks.methods.method import Hits, Method, Predictions, Split
from benchmarks.scoring.naming import calibration_error, share_at_precision
from benchmarks.tasks.identify import score

NAMES = ("train", "test", "unseen_test", "novel_test")


@pytest.fixture(scope="module")
def splits() -> list[Split]:
    records: dict[str, list] = {name: [] for name in NAMES}
    for record in simulate(species=40, records_per_species=6):
        row = record._asdict() if hasattr(record, "_asdict") else dict(record)
        records.setdefault(row["split"], []).append(row)
    return [to_split(records[name]) for name in NAMES]


def make_oracle(splits: list[Split], unknown: str) -> Method:
    """A classifier that knows the species of every query; those that the library lacks it calls `unknown`."""
    truth = {sequence: name for s in splits for sequence, name in zip(s.sequences, s.labels["species"], strict=True)}

    def classify(queries, references, names):
        held = set(names.tolist())
        called = [truth[q] if truth[q] in held else unknown and str(names[0]) for q in queries]
        return Predictions(np.array(called), np.where(np.array(called) == "", 0, 1).astype(np.float32))

    return Method("oracle", "", 0, classify=classify)


def test_a_method_that_names_everything_has_its_false_names_counted(splits):
    metrics = score(make_oracle(splits, "anything"), *splits, seed=0)
    assert metrics["known_named"]["value"] == 1
    assert metrics["false_species"]["value"] == metrics["false_species_strict"]["value"] == 1
    assert metrics["false_species"]["count"] == metrics["false_species"]["scored"] > 0
    assert metrics["known_named_at_95_precision"]["value"] == 0  # all names are equally sure
    assert metrics["species_precision"]["value"] < 1
    assert metrics["species_calibration_error"]["value"] == pytest.approx(1 - metrics["species_precision"]["value"])


def test_a_method_that_declines_has_none(splits):
    metrics = score(make_oracle(splits, ""), *splits, seed=0)
    assert metrics["false_species"]["value"] == 0
    assert metrics["known_named_at_95_precision"]["value"] == metrics["species_precision"]["value"] == 1
    assert metrics["species_calibration_error"]["value"] == 0


def test_identity_rules_accept_what_reaches_them(splits):
    def search(queries, references):
        return Hits(np.zeros(len(queries), dtype=np.int64), np.full(len(queries), 0.985, np.float32))

    metrics = score(Method("hits", "", 0, search=search), *splits, seed=0)
    assert metrics["false_species_lenient"]["value"] == metrics["false_species"]["value"] == 1
    assert metrics["false_species_strict"]["value"] == 0
    assert "species_calibration_error" not in metrics  # an identity is no probability
    assert "genus_accuracy" in metrics


def test_the_package_names_known_species_and_declines_unknown_ones(splits):
    method = Method("kmer6", "", 0, encode=partial(kmer_frequencies, k=6))
    metrics = score(method, *splits, seed=0)
    assert metrics["species_accuracy"]["value"] > 0.95
    assert metrics["false_species"]["value"] <= 0.1
    assert metrics["known_named_at_95_precision"]["value"] > 0.8
    assert score(method, *splits, seed=0) == metrics
    assert metrics["known_named"]["known"] == metrics["known_named"]["scored"]


def test_a_part_of_the_library_makes_whole_genera_unknown(splits):
    method = Method("kmer6", "", 0, encode=partial(kmer_frequencies, k=6))
    half = len(splits[0].ids) // 2
    metrics = score(method, *splits, seed=0, references=half, queries=40)
    counts = metrics["known_named"]
    assert 0 < counts["library"] <= half
    assert counts["novel"] > 0
    assert max(counts["known"], counts["unseen"], counts["novel"]) <= 40
    with pytest.raises(ValueError, match=r"raise identify\.references"):
        score(method, splits[0], *splits[2:], seed=0)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("vsearch"), reason="vsearch is not installed")
def test_tools_are_asked_too(splits):
    for name in ("sintax", "vsearch"):
        metrics = score(load_method(name), *splits, seed=0)
        assert metrics["species_accuracy"]["value"] > 0.9


def test_the_best_threshold_is_found():
    """Against every threshold tried one by one."""
    rng = np.random.default_rng(0)
    scores, known = rng.integers(0, 12, 200) / 12, rng.random(200) < 0.6
    right = known & (rng.random(200) < scores)
    weights = rng.integers(0, 3, 200)
    shares = [0.0]
    for threshold in np.unique(scores):
        taken = scores >= threshold
        if (weights * (taken & right)).sum() >= 0.7 * (weights * taken).sum():
            shares.append((weights * (taken & right)).sum() / (weights * known).sum())
    assert share_at_precision(scores, right, known, weights, 0.7) == pytest.approx(max(shares))
    assert share_at_precision(np.full(3, -np.inf), np.zeros(3, bool), np.ones(3, bool), np.ones(3)) == 0


def test_calibrated_probabilities_have_no_error():
    rng = np.random.default_rng(1)
    probabilities = rng.random(100_000)
    right = rng.random(100_000) < probabilities
    assert calibration_error(probabilities, right) < 0.01
    assert calibration_error(np.minimum(probabilities + 0.2, 1), right) > 0.1
