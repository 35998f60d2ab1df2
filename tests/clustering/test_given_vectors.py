"""What callers in Python give as vectors: wrong kinds are refused in one sentence, the others give what they gave."""

import numpy as np
import pytest
import torch

from modeling_dnacse import k_medoid, nearest, similarity_threshold
from modeling_dnacse.clustering import k_medoid as binning
from modeling_dnacse.vectors import neighbours

POINTS = np.eye(4, dtype=np.float32)


def drawn(count):
    """Unit vectors of three numbers."""
    points = np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.mark.parametrize(
    "given",
    [
        (POINTS, POINTS.astype(np.float64)),
        (POINTS.astype(np.float16), POINTS),
        (POINTS, POINTS[:, :3]),
        (POINTS[0], POINTS),
        (POINTS, POINTS[None]),
        (POINTS.astype(int), POINTS.astype(int)),
        (POINTS * np.nan, POINTS),
        (POINTS, 2 * POINTS),  # as embed gives them by default: 763 was a cosine
        (POINTS * 0, POINTS),
        (None, POINTS),
        (POINTS, [["a"]]),
        *((POINTS, POINTS, k) for k in (0, -1, 1.5, "2", True, None)),
        *((POINTS, POINTS, 1, rows) for rows in ([0], [0.5] * 4, [0, 1, 2, 4], "a")),
    ],
    ids=str,
)
def test_nearest_refuses_what_it_cannot_compare_in_one_sentence(given):
    """They were errors of torch."""
    with pytest.raises(ValueError, match="; give|; it must be") as caught:
        nearest(*given)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "given",
    [
        *((points, 0.5) for points in (None, POINTS[0], POINTS + np.inf, [["a"]], [[1], [1, 2]])),
        *((POINTS, threshold) for threshold in (None, "0.5", np.nan, True)),
        *((POINTS, 0.5, size) for size in (0, 1.5, "2", None)),
    ],
    ids=str,
)
def test_k_medoid_refuses_wrong_kinds_in_one_sentence(given):
    with pytest.raises(ValueError, match="; give|; it must be"):
        k_medoid(*given)


@pytest.mark.parametrize(
    "labels", ["abcd", [None, "a", "b", "c"], [[0], [1], [2], [3]], [0, 1], None, [{}] * 4], ids=str
)
def test_similarity_threshold_refuses_labels_that_are_not_one_for_each_vector(labels):
    with pytest.raises(ValueError, match="; give"):
        similarity_threshold(POINTS, labels)


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor, np.ndarray.tolist], ids=lambda make: make.__name__)
def test_what_can_be_compared_gives_what_the_search_gives(make):
    points = drawn(20)
    given, own = make(points), np.arange(20)
    for got, expected in zip(nearest(given, given, 3, own), neighbours.nearest(points, points, 3, own), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert k_medoid(given, 0.9, 2).tolist() == binning.k_medoid(points, 0.9, 2).tolist()
    assert similarity_threshold(given, list("ab" * 10)) == binning.similarity_threshold(points, np.array([0, 1] * 10))


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, *(f"u{size}" for size in (1, 2, 4, 8))], ids=str)
def test_rows_to_exclude_may_be_integers_of_any_size(kind):
    """Those of one unsigned byte were a mask to torch, and others were errors of torch."""
    points = drawn(6)
    rows = np.array([1, 2, 3, 4, 5, 1])
    expected = neighbours.nearest(points, points, 6, rows)[0]
    np.testing.assert_array_equal(nearest(points, points, 6, rows.astype(kind))[0], expected)


@pytest.mark.parametrize("factor", [1e-300, 1e-40, 1e-20, 1e-13, 1e20, 1e37, 1e300])
def test_vectors_of_any_length_are_binned_as_unit_vectors(factor):
    """Norms in float32 vanished or overflowed, so no contig was in a bin, and the threshold was 0 or 1e-16."""
    labels = np.arange(36) % 3
    points = np.eye(3)[labels] + np.random.default_rng(0).normal(size=(36, 3)) / 10
    given = points * np.where(np.arange(36) % 2, factor, 1)[:, None]
    if 1e-38 < factor < 1e38:
        given = given.astype(np.float32)
    threshold = similarity_threshold(points, labels)
    assert similarity_threshold(given, labels) == pytest.approx(threshold, rel=1e-5)
    assert k_medoid(given, 0.9).tolist() == k_medoid(points, 0.9).tolist()
    assert set(k_medoid(points, 0.9).tolist()) == {1, 2, 3}


@pytest.mark.parametrize(
    "labels", [[np.nan] * 4, [1, 2, 3, np.nan], ["a", "b", "a", np.nan], ["a", "b", "a", 1]], ids=str
)
def test_labels_that_are_missing_are_refused(labels):
    """Each NaN was a class of its own, or the class "nan"."""
    with pytest.raises(ValueError, match="NaN; give one text or number for each vector"):
        similarity_threshold(POINTS, labels)


def read_only(points):
    points.flags.writeable = False
    return points


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "view",
    [lambda points: points[::-1], lambda points: points[:, ::-1], lambda points: points.astype(">f4"), read_only],
    ids=["rows from the end", "columns from the end", "big-endian", "read-only"],
)
def test_views_of_arrays_are_searched_as_their_copies(view):
    """They were no table of numbers to torch, or made it warn."""
    given = view(drawn(20))
    copy = np.array(given, np.float32)
    for got, expected in zip(nearest(given, copy, 3), neighbours.nearest(copy, copy, 3), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_tensors_in_bfloat16_are_searched_and_binned():
    """TypeErrors of torch."""
    given = torch.as_tensor(drawn(20)).bfloat16()
    np.testing.assert_array_equal(nearest(given, given, 3)[0], nearest(given.float(), given.float(), 3)[0])
    assert k_medoid(given, 0.9, 2).tolist() == k_medoid(given.float(), 0.9, 2).tolist()


@pytest.mark.parametrize(
    "given",
    [torch.eye(4).to_sparse(), torch.eye(4, device="meta"), POINTS.astype(complex)],
    ids=["sparse", "meta", "complex"],
)
def test_tensors_without_a_dense_table_of_numbers_are_refused(given):
    for take in (lambda: nearest(given, POINTS), lambda: k_medoid(given, 0.9)):
        with pytest.raises(ValueError, match=r"; give .*\(n, d\) float32"):
            take()
