"""What tasks ask of methods: neighbours by cosine, and names by whatever a method can."""

import numpy as np
import pytest

from benchmarks.methods.method import (
    Hits,
    Method,
    Predictions,
    Unsuited,
    find_hits,
    nearest_rows,
    predict_names,
    predict_ranks,
    vectors,
)

PROFILES = Method("profiles", "", 0, encode=lambda s: np.array([[x.count(b) for b in "ACGT"] for x in s], np.float32))
REFERENCES = ["AAAA", "CCCC", "AAAC", "GGGT"]
NAMES = np.array(["a", "c", "", "g"])


def exact(queries, references) -> Hits:
    """Search for the very sequence."""
    index = np.array([references.index(query) if query in references else -1 for query in queries])
    return Hits(index, (index >= 0).astype(np.float32))


def test_neighbours_are_those_of_a_full_comparison():
    rng = np.random.default_rng(1)
    queries, references = rng.normal(size=(70, 9)), rng.normal(size=(50, 9))
    cosine = (queries @ references.T) / np.linalg.norm(references, axis=1)
    assert np.array_equal(nearest_rows(queries, references)[0], cosine.argmax(axis=1))


def test_the_lowest_of_tied_references_is_taken():
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(40, 33)).astype(np.float32)
    # scaled copies: equal cosines up to rounding
    references = np.concatenate([vectors, 3 * vectors, 0.7 * vectors])
    assert np.array_equal(nearest_rows(vectors, references)[0], np.arange(40))


def test_only_eligible_references_are_neighbours():
    references = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    eligible = np.array([[True, True, True], [False, False, True]])
    assert nearest_rows(np.array([[1.0, 0.0]]), references, eligible).tolist() == [[0], [2]]
    with pytest.raises(ValueError, match="without any"):
        nearest_rows(references, references, np.zeros((1, 3), dtype=bool))


def test_the_nearest_by_cosine_comes_with_its_cosine():
    hits = find_hits(PROFILES, ["AC", "GGG"], REFERENCES)
    assert hits.index.tolist() == [2, 3]
    np.testing.assert_allclose(hits.score, [4 / np.sqrt(2 * 10), 3 / np.sqrt(10)], atol=1e-6)
    assert find_hits(PROFILES, [], REFERENCES).index.shape == (0,)


def test_a_reference_without_a_name_gives_none():
    calls = predict_names(PROFILES, ["AAAC", "GGT"], REFERENCES, NAMES)
    assert calls.names.tolist() == ["a", "g"]
    np.testing.assert_allclose(calls.scores[0], 3 / np.sqrt(10), atol=1e-6)
    searched = predict_names(Method("exact", "", 0, search=exact), ["AAAC", "GGGT"], REFERENCES, NAMES)
    assert (searched.names.tolist(), searched.scores.tolist()) == (["", "g"], [0, 1])


def test_a_classifier_is_preferred_and_sees_only_named_references():
    def classify(queries, references, names) -> Predictions:
        return Predictions(np.array([" ".join(names)] * len(queries)), np.full(len(queries), len(references)))

    method = PROFILES._replace(search=exact, classify=classify)
    assert predict_names(method, ["A"], REFERENCES, NAMES) == Predictions(np.array(["a c g"]), np.array([3]))


def closest(queries, references) -> Hits:
    """Search by shared letters, place by place; nothing in common is no hit."""
    if not len(queries):
        return Hits(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
    same = np.array([[np.mean([a == b for a, b in zip(q, r, strict=True)]) for r in references] for q in queries])
    return Hits(np.where(same.max(axis=1) > 0, same.argmax(axis=1), -1), same.max(axis=1).astype(np.float32))


@pytest.mark.parametrize("method", [PROFILES, Method("closest", "", 0, search=closest)], ids=lambda m: m.name)
def test_several_ranks_are_several_calls(method):
    rng = np.random.default_rng(0)
    queries, references = (["".join(rng.choice(list("ACGT"), size=6)) for _ in range(n)] for n in (40, 30))
    labels = {
        rank: np.where(rng.random(30) < missing, "", np.arange(30).astype(str))
        for rank, missing in (("species", 0.0), ("genus", 0.3), ("family", 0.9))
    }
    together = predict_ranks(method, queries, references, labels)
    for rank, names in labels.items():
        alone = predict_names(method, queries, references, names)
        assert together[rank].names.tolist() == alone.names.tolist()
        assert together[rank].scores.tolist() == alone.scores.tolist()


def test_references_without_any_name_are_an_error():
    with pytest.raises(ValueError, match="none with a name at the rank order"):
        predict_ranks(PROFILES, ["A"], REFERENCES, {"genus": NAMES, "order": np.array([""] * 4)})
    with pytest.raises(ValueError, match="no references"):
        find_hits(Method("exact", "", 0, search=exact), ["A"], [])


def test_a_method_without_the_ability_is_unsuited():
    method = Method("clusters", "", 0, cluster=lambda sequences: np.zeros(len(sequences), dtype=int))
    for ask in (lambda: vectors(method, ["A"]), lambda: predict_names(method, ["A"], REFERENCES, NAMES)):
        with pytest.raises(Unsuited, match="clusters gives no vectors"):
            ask()
