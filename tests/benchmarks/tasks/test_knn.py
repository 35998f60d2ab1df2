"""1-NN scores: planted groups are found, labels decide, what has no label or no record is left out."""

import numpy as np
import pytest

from benchmarks.methods.method import Hits, Method, Split
from benchmarks.tasks.knn import score


def decode(sequences: list[str]) -> np.ndarray:
    return np.array([[float(number) for number in sequence.split()] for sequence in sequences], dtype=np.float32)


METHOD = Method("planted", "", 0, encode=decode)  # a sequence is its vector, written out
NAMES = ("train", "test", "unseen_test", "novel_test")


def labelled(vectors: np.ndarray, species: list[str], known_order: bool = True) -> Split:
    """Species `a1` is of genus `a`, family `A`, and the only order there is."""
    labels = {
        "species": np.array(species, dtype=str),
        "genus": np.array([name[0] for name in species], dtype=str),
        "family": np.array([name[0].upper() for name in species], dtype=str),
        "order": np.array(["o" if known_order else "" for _ in species], dtype=str),
    }
    sequences = [" ".join(map(str, vector)) for vector in vectors]
    return Split(np.arange(len(sequences)).astype(str), sequences, labels)


def run(splits: dict[str, Split]) -> dict:
    return score(METHOD, *(splits[name] for name in NAMES))


@pytest.fixture
def planted() -> dict[str, Split]:
    """Ten genera of three species, 16 records each, well apart; the third species of a genus is unseen."""
    rng = np.random.default_rng(0)
    genera = rng.normal(size=(10, 16))
    centres = genera[:, None] + 0.3 * rng.normal(size=(10, 3, 16))
    rows = {name: [] for name in NAMES}
    for genus, species in np.ndindex(10, 3):
        for record in range(16):
            split = "unseen_test" if species == 2 else "test" if record < 4 else "train"
            rows[split].append(
                (centres[genus, species] + 0.02 * rng.normal(size=16), f"{'abcdefghij'[genus]}{species}")
            )
    return {split: labelled(np.array([v for v, _ in r]), [s for _, s in r]) for split, r in rows.items()}


def test_planted_species_and_genera_are_found(planted):
    metrics = run(planted)
    assert metrics["species_seen"]["value"] == 1
    assert metrics["genus_unseen"]["value"] > 0.9
    assert metrics["order_unseen"]["value"] == 1
    assert not any("novel" in name for name in metrics)


def test_novel_genera_are_asked_for_family_and_order(planted):
    """Their genus cannot be named: no reference has it."""
    metrics = run(planted | {"novel_test": planted["unseen_test"]})
    novel = {name.removesuffix("_macro") for name in metrics if "novel" in name}
    assert novel == {"family_novel", "order_novel"}
    assert metrics["family_novel"] == metrics["family_unseen"]


def test_shuffled_labels_drop_to_chance(planted):
    train = planted["train"]
    order = np.random.default_rng(3).permutation(len(train.ids))
    shuffled = train._replace(labels={rank: names[order] for rank, names in train.labels.items()})
    metrics = run(planted | {"train": shuffled})
    assert metrics["species_seen"]["value"] < 0.25  # 20 species
    assert metrics["genus_unseen"]["value"] < 0.4  # 10 genera, neighbours of one species go together


def test_queries_that_are_in_the_library_are_always_right(planted):
    assert run(planted | {"test": planted["train"]})["species_seen"]["value"] == 1


def test_unknown_labels_are_left_out_and_counted(planted):
    queries = planted["unseen_test"]
    family = queries.labels["family"].copy()
    family[:10] = ""
    metrics = run(planted | {"unseen_test": queries._replace(labels={**queries.labels, "family": family})})
    assert (metrics["family_unseen"]["scored"], metrics["family_unseen"]["left_out"]) == (150, 10)
    assert metrics["genus_unseen"]["left_out"] == 0


def test_a_rank_that_no_reference_has_is_no_metric(planted):
    train = planted["train"]
    unordered = labelled(decode(train.sequences), train.labels["species"].tolist(), known_order=False)
    assert "order_unseen" not in run(planted | {"train": unordered})


def test_data_without_queries_are_an_error(planted):
    nothing = labelled(np.empty((0, 16)), [])
    with pytest.raises(ValueError, match="no query"):
        score(METHOD, planted["train"], nothing, nothing)


def test_a_query_without_a_hit_is_wrong(planted):
    lost = Method("lost", "", 0, search=lambda q, r: Hits(np.full(len(q), -1), np.zeros(len(q), np.float32)))
    metrics = score(lost, *(planted[name] for name in NAMES))
    assert {metric["value"] for metric in metrics.values()} == {0}
