"""1-NN scores: blocks and ties do not show, labels decide, intervals resample species."""

import numpy as np
import pytest

from benchmarks.knn import Labelled, accuracies, nearest_neighbours, score

RANKS = ("species", "genus", "family", "order")


def labelled(vectors: np.ndarray, species: list[str], known_order: bool = True) -> Labelled:
    """Species `a1` is of genus `a`, family `A`, and the only order there is."""
    labels = {
        "species": np.array(species),
        "genus": np.array([name[0] for name in species]),
        "family": np.array([name[0].upper() for name in species]),
        "order": np.array(["o" if known_order else "" for _ in species]),
    }
    return Labelled(vectors.astype(np.float32), labels)


@pytest.fixture
def planted() -> dict[str, Labelled]:
    """Ten genera of three species, 16 records each, well apart; the third species of a genus is unseen."""
    rng = np.random.default_rng(0)
    genera = rng.normal(size=(10, 16))
    centres = genera[:, None] + 0.3 * rng.normal(size=(10, 3, 16))
    rows = {"train": [], "test": [], "unseen_test": []}
    for genus, species in np.ndindex(10, 3):
        for record in range(16):
            split = "unseen_test" if species == 2 else "test" if record < 4 else "train"
            rows[split].append(
                (centres[genus, species] + 0.02 * rng.normal(size=16), f"{'abcdefghij'[genus]}{species}")
            )
    return {split: labelled(np.array([v for v, _ in r]), [s for _, s in r]) for split, r in rows.items()}


def test_blocks_do_not_show():
    rng = np.random.default_rng(1)
    queries, references = rng.normal(size=(70, 9)), rng.normal(size=(50, 9))
    cosine = (queries @ references.T) / np.linalg.norm(references, axis=1)
    assert np.array_equal(nearest_neighbours(queries, references, block=7)[0], cosine.argmax(axis=1))


def test_the_lowest_of_tied_references_is_taken():
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(40, 33)).astype(np.float32)
    # scaled copies: equal cosines up to rounding
    references = np.concatenate([vectors, 3 * vectors, 0.7 * vectors])
    assert np.array_equal(nearest_neighbours(vectors, references)[0], np.arange(40))


def test_only_eligible_references_are_neighbours():
    references = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    eligible = np.array([[True, True, True], [False, False, True]])
    assert nearest_neighbours(np.array([[1.0, 0.0]]), references, eligible).tolist() == [[0], [2]]
    with pytest.raises(ValueError, match="without any"):
        nearest_neighbours(references, references, np.zeros((1, 3), dtype=bool))


def test_planted_species_and_genera_are_found(planted):
    metrics = score(planted, "test")
    assert metrics["species_seen"]["value"] == 1
    assert metrics["genus_unseen"]["value"] > 0.9
    assert metrics["order_unseen"]["value"] == 1


def test_shuffled_labels_drop_to_chance(planted):
    rng = np.random.default_rng(3)
    order = rng.permutation(len(planted["train"].vectors))
    shuffled = Labelled(
        planted["train"].vectors, {rank: names[order] for rank, names in planted["train"].labels.items()}
    )
    metrics = score(planted | {"train": shuffled}, "test")
    assert metrics["species_seen"]["value"] < 0.25  # 20 species
    assert metrics["genus_unseen"]["value"] < 0.4  # 10 genera, neighbours of one species go together


def test_queries_that_are_in_the_library_are_always_right(planted):
    assert score(planted | {"test": planted["train"]}, "test")["species_seen"]["value"] == 1


def test_validation_never_reads_a_test_split(planted):
    val = {"train": planted["train"], "val": planted["test"], "unseen_val": planted["unseen_test"]}
    assert score(val, "val") == score(planted, "test")
    with pytest.raises(KeyError):
        score(planted, "val")


def test_unknown_labels_are_left_out_and_counted(planted):
    queries = planted["unseen_test"]
    family = queries.labels["family"].copy()
    family[:10] = ""
    metrics = score(planted | {"unseen_test": Labelled(queries.vectors, {**queries.labels, "family": family})}, "test")
    assert (metrics["family_unseen"]["scored"], metrics["family_unseen"]["left_out"]) == (150, 10)
    assert metrics["genus_unseen"]["left_out"] == 0


def test_a_rank_that_no_reference_has_is_no_metric(planted):
    train = planted["train"]
    unordered = labelled(train.vectors, train.labels["species"].tolist(), known_order=False)
    assert "order_unseen" not in score(planted | {"train": unordered}, "test")


def test_intervals_contain_the_value_and_come_from_species():
    rng = np.random.default_rng(4)
    species = np.repeat([f"s{i}" for i in range(40)], 25)
    correct = np.repeat(rng.random(40) < 0.7, 25)  # a species is right or wrong as a whole
    micro = accuracies(correct, species)["micro"]
    low, high = micro["interval"]
    assert low < micro["value"] < high
    # 40 independent answers, not 1000: resampling sequences would give an interval five times as narrow
    assert high - low > 0.2
    assert accuracies(correct, species) == accuracies(correct, species)


def test_macro_counts_every_species_once():
    both = accuracies(np.array([True] * 9 + [False]), np.array(["a"] * 9 + ["b"]))
    assert (both["micro"]["value"], both["macro"]["value"]) == (0.9, 0.5)
