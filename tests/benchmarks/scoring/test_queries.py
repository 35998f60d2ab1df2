"""Questions of the robustness tasks: large species are capped, whole species drawn, altered forms scored in order."""

import numpy as np
import pytest

from benchmarks.methods.method import Method, Predictions, Split
from benchmarks.scoring.queries import ask, draw_question, draw_replicates, score_alterations


def split(species: list[str], sequences: list[str] | None = None) -> Split:
    """The genus of species `ab` is `a`."""
    sequences = sequences or ["ACGT"] * len(species)
    labels = {"species": np.array(species, dtype=str), "genus": np.array([name[:1] for name in species], dtype=str)}
    return Split(np.arange(len(species)).astype(str), sequences, labels)


def test_large_species_are_capped_and_the_unknown_left_out():
    question = draw_question(split(["aa"] * 50 + ["ab"] + [""] * 3), "species", seed=0)
    assert sorted(question.species) == ["aa"] * 5 + ["ab"]
    assert question.counts == {"scored": 6, "left_out": 48}


def test_whole_species_are_drawn_up_to_the_limit():
    species = [f"a{number}" for number in range(8) for _ in range(3)]
    draws = [draw_question(split(species), "species", seed=seed, queries=10) for seed in (0, 0, 1)]
    names, sizes = np.unique(draws[0].species, return_counts=True)
    assert sizes.tolist() == [3, 3, 3]
    assert np.array_equal(draws[0].rows, draws[1].rows)
    assert not np.array_equal(draws[0].rows, draws[2].rows)


def test_short_queries_are_left_out():
    question = draw_question(split(["aa"] * 3, ["A" * 99, "A" * 100, "A" * 150]), "species", seed=0, shortest=100)
    assert question.rows.tolist() == [1, 2]


def test_only_questions_that_can_be_answered_are_asked():
    references, empty = split(["aa"]), split([])
    assert list(ask(references, split(["aa"]), empty, seed=0)) == ["species_seen"]
    assert list(ask(references, empty, split(["ab"]), seed=0)) == ["genus_unseen"]
    without_genus = references._replace(labels=references.labels | {"genus": np.array([""])})
    assert list(ask(without_genus, split(["aa"]), split(["ab"]), seed=0)) == ["species_seen"]
    for nothing in ((references, empty, empty), (empty, split(["aa"]), split(["ab"]))):
        with pytest.raises(ValueError, match="needs references and queries with names"):
            ask(*nothing, seed=0)


def test_every_form_is_scored_under_its_suffix():
    def classify(asked, references, names):
        return Predictions(np.array([s.lower() for s in asked]), np.ones(len(asked), np.float32))

    queries_of_seen = split(["aa", "ab"], ["AA", "AB"])
    questions = ask(split(["aa", "ab"]), queries_of_seen, split([]), seed=0)
    forms = {"": ["AA", "AB"], "@half": ["AA", "AA"], "@none": ["B", "B"]}
    metrics = score_alterations(
        Method("speller", "", 0, classify=classify), split(["aa", "ab"]), questions, lambda s: forms, seed=0
    )
    assert {name: metric["value"] for name, metric in metrics.items()} == {
        "species_seen": 1.0,
        "species_seen@half": 0.5,
        "species_seen@none": 0.0,
    }
    assert metrics["species_seen"]["scored"] == 2


def test_only_replicated_species_are_clustered():
    question = draw_replicates(split(["aa"] * 9 + ["ab"] * 2 + ["ac"] + [""] * 4), seed=0)
    assert sorted(question.species) == ["aa"] * 5 + ["ab"] * 2
    assert question.counts == {"scored": 7, "left_out": 9}
    assert draw_replicates(split(["aa"] * 9 + ["ab"]), seed=0).sequences == []
