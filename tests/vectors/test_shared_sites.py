"""Comparison over the sites that two sequences share: what is counted, and that pieces find their wholes."""

import numpy as np
import pytest
import torch

from modeling_dnacse import DnacseModel, embed
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.reading.sequences import reverse_complement
from modeling_dnacse.vectors.shared_sites import compare, most_matches, nearest_shared, read_sites
from tests.support.marker import simulate_marker

RECORDS = simulate_marker(seed=1)


@pytest.fixture(scope="module")
def loaded(site_folder):
    return load_checkpoint(DnacseModel, str(site_folder))


@pytest.fixture(scope="module")
def references(loaded):
    return read_sites(*loaded, [record["sequence"] for record in RECORDS])


def test_identity_and_overlap_are_those_of_the_shared_sites():
    query = np.array([[4, 0, 1, 2, 3, 4]], np.uint8)
    references = np.array([[0, 0, 1, 1, 4, 4], [4, 4, 4, 4, 4, 0], [0, 0, 1, 2, 3, 0]], np.uint8)
    weight = torch.randn(24, 5, generator=torch.Generator().manual_seed(0))
    found = compare(query, references, np.array([[0, 1, 2]]), weight, [3, 2])
    assert found.overlap.tolist() == [[3, 0, 4]]
    np.testing.assert_allclose(found.identity, [[2 / 3, 0, 1]])
    rows = weight.view(6, 4, 5)
    one = rows[[1, 2, 3], [0, 1, 2]].sum(0), rows[[1, 2, 3], [0, 1, 1]].sum(0)
    parts = [torch.nn.functional.cosine_similarity(one[0][c], one[1][c], dim=0) for c in (slice(3), slice(3, 5))]
    np.testing.assert_allclose(found.cosine, [[float(sum(parts)) / 2, 0, 1]], atol=1e-6)


def test_whole_sequences_have_the_cosine_of_their_vectors(loaded, references):
    model, tokenizer = loaded
    whole = np.array([row for row, record in enumerate(RECORDS) if len(record["sequence"]) > 300])[:20]
    vectors = embed(model, tokenizer, [RECORDS[row]["sequence"] for row in whole], normalize=True)
    bases = references.bases[whole]
    found = compare(bases, bases, np.tile(np.arange(20), (20, 1)), model.sites.weight, model.sites.blocks)
    same = found.overlap == found.overlap.max()  # all but those that are placed beside the axis
    np.testing.assert_allclose(found.cosine[same], (vectors @ vectors.T)[same], atol=1e-5)


def test_a_piece_finds_its_whole(loaded, references):
    pieces = [record["sequence"][60:140] for record in RECORDS[::3]]
    pieces = [reverse_complement(piece) if row % 2 else piece for row, piece in enumerate(pieces)]
    read = read_sites(*loaded, pieces)
    model = loaded[0]
    rows, found = nearest_shared(read.bases, references.bases, model.sites.weight, model.sites.blocks, k=2)
    assert np.mean(rows[:, 0] // 3 == np.arange(len(pieces))) > 0.95  # another record of the species may be as near
    assert found.identity[:, 0].min() > 0.9
    ranked = found.cosine * np.sqrt(found.overlap)
    assert np.all(np.diff(ranked, axis=1) <= 1e-6)
    assert np.median(found.overlap) == 80


def test_candidates_may_be_given(loaded, references):
    read = read_sites(*loaded, [RECORDS[0]["sequence"][60:140]])
    weight, blocks = loaded[0].sites.weight, loaded[0].sites.blocks
    rows, _ = nearest_shared(read.bases, references.bases, weight, blocks, k=5, candidates=np.array([[7, 0, 3]]))
    assert rows[0, 0] == 0
    assert sorted(rows[0]) == [0, 3, 7]


def test_matches_are_counted_exactly():
    rng = np.random.default_rng(0)
    references = rng.integers(0, 5, (50, 700)).astype(np.uint8)  # more sites than a byte can count
    query = references[7].copy()
    query[rng.random(700) < 0.1] = OTHER
    expected = ((references == query) & (query < OTHER)).sum(1)
    best = most_matches(query, references, 5)
    assert set(expected[best]) == set(np.sort(expected)[-5:])
    assert 7 in best
    assert len(most_matches(query, references[:3], 5)) == 3


def test_neither_other_queries_nor_the_layout_change_an_answer(loaded, references):
    read = read_sites(*loaded, [record["sequence"][40:160] for record in RECORDS[:9]])
    weight, blocks = loaded[0].sites.weight, loaded[0].sites.blocks
    rows, found = nearest_shared(read.bases, references.bases, weight, blocks, k=3)
    for row in range(9):
        again, alone = nearest_shared(
            read.bases[row : row + 1], np.ascontiguousarray(references.bases), weight, blocks, k=3
        )
        assert np.array_equal(again[0], rows[row])
        np.testing.assert_array_equal(alone.cosine[0], found.cosine[row])


def test_what_reaches_no_site_shares_none(loaded, references):
    read = read_sites(*loaded, ["N" * 60])
    assert read.votes[0] == 0
    _, found = nearest_shared(read.bases, references.bases, loaded[0].sites.weight, loaded[0].sites.blocks)
    assert found.overlap[0, 0] == 0
    assert found.cosine[0, 0] == 0


def test_a_model_without_sites_is_refused(tiny_folder):
    with pytest.raises(ValueError, match="no sites to compare"):
        read_sites(*load_checkpoint(DnacseModel, str(tiny_folder)), ["ACGT"])
