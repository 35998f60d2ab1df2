"""Cluster: planted species are found though their number is unknown, and planted errors cost what they should."""

import shutil

import numpy as np
import pytest

from benchmarks.methods.load import load_method
from benchmarks.methods.method import EMPTY, Method, Split, Unsuited
from benchmarks.tasks.cluster import score
from tests.support.planted_vectors import decode, plant

METHOD = Method("planted", "", 0, encode=decode, thresholds={"species": 0.9})


def test_planted_species_are_found_without_their_number():
    metrics = score(METHOD, plant(0), plant(1), seed=0)
    for name in ("own", "chosen"):
        assert metrics[f"{name}_ari"]["value"] == pytest.approx(1)
        assert metrics[f"{name}_pair_precision"]["value"] == metrics[f"{name}_pair_recall"]["value"] == 1
        assert metrics[f"{name}_surplus"]["value"] == 0
        assert metrics[f"{name}_ami"]["clusters"] == 8
    assert metrics["own_ari"]["threshold"] == 0.9


def test_a_threshold_that_is_too_low_makes_one_cluster():
    metrics = score(METHOD._replace(thresholds={"species": -1.0}), plant(0), seed=0)
    assert metrics["own_pair_recall"]["value"] == 1
    assert metrics["own_pair_precision"]["value"] == pytest.approx(9 / 79)  # partners of one's species, of all
    assert metrics["own_surplus"]["value"] == pytest.approx(-7 / 8)
    assert metrics["own_ari"]["value"] == 0


def test_a_method_without_a_threshold_gets_one_from_other_species():
    method = METHOD._replace(thresholds=None)
    assert {name.partition("_")[0] for name in score(method, plant(0), plant(1), seed=0)} == {"chosen"}
    with pytest.raises(Unsuited, match="none can be chosen"):
        score(method, plant(0), seed=0)
    with pytest.raises(ValueError, match="fewer than two species"):
        score(method, EMPTY, seed=0)


@pytest.mark.skipif(not shutil.which("vsearch"), reason="vsearch is not installed")
def test_vsearch_clusters_at_its_own_and_at_the_best_identity():
    rng = np.random.default_rng(0)

    def make(species: str) -> Split:
        rows = []
        for _ in species:
            ancestor = rng.choice(list("ACGT"), 300)
            rows += ["".join(np.where(rng.random(300) < 0.02, "A", ancestor)) for _ in range(4)]
        return Split(np.arange(len(rows)).astype(str), rows, {"species": np.repeat(list(species), 4)})

    metrics = score(load_method("vsearch"), make("abcdef"), make("uvwxyz"), seed=0)
    assert metrics["own_ari"]["threshold"] == 0.97
    assert metrics["chosen_ari"]["threshold"] < 0.97
    assert metrics["chosen_ari"]["value"] == 1
