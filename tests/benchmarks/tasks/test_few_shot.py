"""Few shots: training rows are never tested, small species are counted, the tests are DNABERT-S's on its own sets."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from benchmarks.methods.method import Hits, Method, Predictions, Split, Unsuited
from benchmarks.tasks.few_shot import draw, eligible, name_by_regression, score


def method_of(rows: dict[str, np.ndarray]) -> Method:
    """A method that knows the vector of each sequence."""
    return Method("planted", "", 0, encode=lambda sequences: np.stack([rows[sequence] for sequence in sequences]))


def planted(sizes: dict[str, int], noise: float = 0.3, d: int = 16) -> tuple[Split, Method]:
    """Species well apart in d dimensions, of the given sizes."""
    rng = np.random.default_rng(0)
    species = np.repeat(list(sizes), list(sizes.values()))
    centres = dict(zip(sizes, rng.normal(size=(len(sizes), d)), strict=True))
    rows = {f"s{i}": centres[name] + noise * rng.normal(size=d) for i, name in enumerate(species)}
    return Split(np.array(list(rows)), list(rows), {"species": species}), method_of(rows)


@pytest.mark.parametrize(("shots", "reserved"), [(1, 1), (5, 20), (20, 20)])
def test_training_rows_are_never_tested_and_tests_are_the_last_80(shots, reserved):
    species = np.random.default_rng(1).permutation(np.repeat(["big", "hundred", "small", ""], [150, 100, 21, 9]))
    names = np.array(["big", "hundred", "small"])
    train, test = draw(species, names, shots, reserved, seed=3)
    assert not set(train) & set(test)
    assert len(set(train)) == len(train)
    assert species[train].tolist() == np.repeat(names, shots).tolist()
    counts = dict(zip(*np.unique(species[test], return_counts=True), strict=True))
    assert counts == {"big": 80, "hundred": 80, "small": 21 - reserved}


def test_more_shots_add_to_fewer_and_seeds_differ():
    species = np.repeat(["a", "b"], 100)
    names = np.array(["a", "b"])
    one, two = (draw(species, names, shots, shots, seed=0) for shots in (1, 2))
    assert set(one[0]) < set(two[0])
    assert np.array_equal(one[1], two[1])  # of 100, the last 80 whatever the shots: DNABERT-S's tests
    assert not np.array_equal(one[0], draw(species, names, 1, 1, seed=1)[0])


def test_species_are_chosen_by_size_and_cap():
    species = np.repeat(["a", "b", "c", "d", ""], [5, 2, 3, 1, 9])
    names, left_out = eligible(species, more_than=1, most=9, seed=0)
    assert names.tolist() == ["a", "b", "c"]
    assert left_out == {"species_too_small": 1, "species_over_cap": 0}
    names, left_out = eligible(species, more_than=1, most=2, seed=0)
    assert len(names) == 2
    assert left_out == {"species_too_small": 1, "species_over_cap": 1}


def test_projecting_on_the_span_changes_no_answer():
    rng = np.random.default_rng(4)
    names = np.repeat(list("abcd"), 3)
    centres = rng.normal(size=(4, 60))
    train = np.repeat(centres, 3, axis=0) + 0.8 * rng.normal(size=(12, 60))
    test = np.tile(centres, (50, 1)) + 2 * rng.normal(size=(200, 60))
    scaler = StandardScaler().fit(train)
    plain = LogisticRegression(C=0.5, max_iter=3000).fit(scaler.transform(train), names)
    assert (name_by_regression(train, names, test) == plain.predict(scaler.transform(test))).all()


def test_planted_species_are_learnt_and_too_small_ones_counted():
    unseen, method = planted({"a": 100, "b": 100, "c": 12, "d": 3, "e": 1})
    metrics = score(method, unseen, seed=0)
    assert metrics["macro_f1@5"]["value"] > 0.95
    assert len(metrics["macro_f1@5"]["per_seed"]) == 5
    assert np.mean(metrics["macro_f1@1"]["per_seed"]) == pytest.approx(metrics["macro_f1@1"]["value"])
    assert [metrics[f"macro_f1@{k}"]["species"] for k in (1, 2, 5, 10, 20)] == [4, 4, 3, 3, 2]
    assert [metrics[f"macro_f1@{k}"]["species_too_small"] for k in (1, 2, 5, 10, 20)] == [1, 1, 2, 2, 3]
    assert metrics["macro_f1@10"]["scored"] == 80 + 80 + 2
    assert metrics["macro_f1@10"]["left_out"] == 216 - 162 - 30
    assert all(metrics[f"macro_f1_same_species@{k}"]["scored"] == 160 for k in (1, 2, 5, 10, 20))
    assert score(method, unseen, seed=0) == metrics


def test_shuffled_labels_drop_to_chance():
    unseen, method = planted(dict.fromkeys("abcdefgh", 30))
    shuffled = unseen._replace(labels={"species": np.random.default_rng(5).permutation(unseen.labels["species"])})
    assert score(method, unseen, seed=0)["macro_f1@10"]["value"] > 0.95
    assert score(method, shuffled, seed=0)["macro_f1@10"]["value"] < 0.25


def test_the_scaler_never_sees_the_tests(monkeypatch):
    """DNABERT-S's code fits it on all rows."""
    seen = []
    fit = StandardScaler.fit
    monkeypatch.setattr(StandardScaler, "fit", lambda self, rows: seen.append(len(rows)) or fit(self, rows))
    unseen, method = planted({"a": 30, "b": 30})
    score(method, unseen, seed=0)
    assert sorted(set(seen)) == [2, 4, 10, 20, 40]  # shots times two species, tests never


def test_a_method_without_vectors_names_by_its_own_search():
    unseen, method = planted({"a": 30, "b": 30})
    asked = []

    def search(queries, references):
        asked.append((len(queries), len(references)))
        rows, library = method.encode(queries), method.encode(references)
        return Hits(((rows[:, None] - library) ** 2).sum(2).argmin(1), np.ones(len(queries), np.float32))

    metrics = score(Method("tool", "1", 0, search=search), unseen, seed=0)
    assert metrics["macro_f1@20"]["value"] > 0.9
    assert (20, 40) in asked
    silent = Method(
        "silent", "1", 0, classify=lambda q, r, n: Predictions(np.full(len(q), ""), np.zeros(len(q), np.float32))
    )
    assert score(silent, unseen, seed=0)["macro_f1@20"]["value"] == 0
    with pytest.raises(Unsuited, match="nothing gives no vectors"):
        score(Method("nothing", "", 0), unseen, seed=0)


def test_as_many_tests_of_other_species_are_not_the_same():
    """With a cap the species of 1 shot and those of 20 are two draws, which can be of one size."""
    unseen, _ = planted({"a": 100, "b": 100, "c": 100, "d": 100, "small": 3})
    drawn = [set(eligible(unseen.labels["species"], reserved, 2, seed=8)[0]) for reserved in (1, 20)]
    assert drawn[0] != drawn[1]
    assert "small" not in drawn[0]
    asked = []

    def classify(queries, references, names):
        asked.append(set(names) if len(references) == 2 else set())
        return Predictions(np.full(len(queries), names[0]), np.zeros(len(queries), dtype=np.float32))

    score(Method("tool", "", 0, classify=classify), unseen, seed=8, most_species=2)
    assert all(species in asked for species in drawn)


def test_too_little_data_is_an_error():
    unseen, method = planted({"a": 30, "b": 1})
    with pytest.raises(ValueError, match="fewer than two species"):
        score(method, unseen, seed=0)
