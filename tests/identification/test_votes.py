"""The votes of near references: hypothesis draws candidates, and plain loops count."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from modeling_dnacse.identification.votes import WIDTH, voted_names
from modeling_dnacse.vectors.shared_sites import Found


def found_of(rows: list[list[int]], scores: list[list[float]]) -> Found:
    score = np.array(scores, np.float32)
    return Found(np.array(rows), score, score, score, score)


@given(st.lists(st.tuples(st.floats(0.8, 1), st.integers(-1, 3)), min_size=1, max_size=12))
def test_a_name_gets_the_votes_of_its_references_and_the_best_wins(candidates):
    scores = sorted((np.float32(score) for score, _ in candidates), reverse=True)
    names = np.array([name for _, name in candidates])
    own = voted_names(found_of([list(range(len(names)))], [scores]), names)[0]
    votes: dict[int, float] = {}
    for score, name in zip(scores, names.tolist(), strict=True):
        if name >= 0:
            votes[name] = votes.get(name, 0) + math.exp((float(score) - 1) / WIDTH)
    assert (own == -1) == (not votes)
    assert not votes or votes[int(own)] > max(votes.values()) * (1 - 1e-3)


def test_a_reference_that_is_clearly_nearer_decides_alone():
    names = np.array([0] + [1] * 11)
    near, far = [0.95] + [0.94] * 11, [0.95] + [0.95 - 6 * WIDTH] * 11
    assert voted_names(found_of([list(range(12))] * 2, [near, far]), names).tolist() == [1, 0]


def test_of_equal_votes_the_nearest_wins_and_missing_candidates_have_none():
    rows = [[0, 1, -1], [1, 0, -1], [-1, -1, -1]]
    scores = [[0.9, 0.9, -np.inf], [0.9, 0.9, -np.inf], [-np.inf] * 3]
    assert voted_names(found_of(rows, scores), np.array([5, 6])).tolist() == [5, 6, -1]
