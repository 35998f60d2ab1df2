"""Cluster: planted species are found though their number is unknown, and planted errors cost what they should."""

import shutil

import numpy as np
import pytest

from benchmarks.methods.load import load_method
from benchmarks.methods.method import EMPTY, Method, Split, Unsuited
from benchmarks.tasks.cluster import close_species, score
from tests.support.marker import simulate_marker
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
    with pytest.raises(Unsuited, match="no labelled data to choose one"):
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

    unseen = make("abcdef")
    unseen.labels["genus"] = np.repeat(["A", "A", "A", "B", "B", "C"], 4)
    metrics = score(load_method("vsearch"), unseen, make("uvwxyz"), seed=0)
    assert metrics["own_ari"]["threshold"] == 0.97
    assert metrics["chosen_ari"]["threshold"] < 0.97
    assert metrics["chosen_ari"]["value"] == 1
    assert metrics["best_ari"]["value"] == 1 and metrics["best_ari"]["threshold"] < 0.97
    assert metrics["close_best_ari"]["species"] == 3 and metrics["close_best_ari"]["scored"] == 12
    assert metrics["pieces_best_ari"]["scored"] == 24 and metrics["pieces_own_ari"]["value"] < 1


def test_a_model_with_sites_clusters_by_the_barcode_gap(site_folder):
    rows = simulate_marker(seed=1)
    labels = {rank: np.array([row[rank] for row in rows]) for rank in ("species", "genus")}
    unseen = Split(np.array([row["id"] for row in rows]), [row["sequence"] for row in rows], labels)
    metrics = score(load_method(str(site_folder)), unseen, seed=0)
    assert metrics["own_ari"]["value"] > 0.9 and metrics["pieces_own_ari"]["value"] > 0.9
    assert "close_own_ari" not in metrics  # two species a genus


def test_at_most_so_many_of_each_close_species_are_drawn():
    species = np.array(["a"] * 30 + ["b", "c", "d", "e"])
    genus = np.array(["A"] * 32 + ["D", "D"])
    rows = close_species(species, genus, seed=0)
    assert (rows[-2:] == [30, 31]).all() and len(rows) == 12 and (np.diff(rows) > 0).all()
