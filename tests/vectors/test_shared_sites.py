"""Search over the sites that two sequences share: what is counted, and that pieces find their wholes."""

import numpy as np
import pytest
import torch

from modeling_dnacse import DnacseModel, embed
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.reading.sequences import reverse_complement
from modeling_dnacse.vectors import shared_sites
from modeling_dnacse.vectors.at_sites import read_sites, site_sums
from modeling_dnacse.vectors.shared_sites import SiteSearch
from tests.support.marker import simulate_marker

RECORDS = simulate_marker(seed=1)
SPECIES = np.arange(len(RECORDS)) // 3


@pytest.fixture(scope="module")
def loaded(site_folder):
    return load_checkpoint(DnacseModel, str(site_folder))


@pytest.fixture(scope="module")
def references(loaded):
    return read_sites(*loaded, [record["sequence"] for record in RECORDS])


@pytest.fixture(scope="module")
def search(loaded, references):
    return SiteSearch(loaded[0].sites, references.bases, SPECIES)


def plainly(search: SiteSearch, query: np.ndarray, row: int) -> tuple[float, float, int]:
    """Cosine, identity and overlap, site by site."""
    reference, table = search.bases[row], search.table.view(len(query), 4, -1)
    shared = np.flatnonzero((query < OTHER) & (reference < OTHER))
    one, other = (table[shared, bases[shared].astype(int)].sum(0) for bases in (query, reference))
    parts = zip(one.split(search.blocks), other.split(search.blocks), strict=True)
    cosines = [torch.nn.functional.cosine_similarity(a, b, dim=0) for a, b in parts]
    return float(sum(cosines)) / len(cosines), (query[shared] == reference[shared]).mean(), len(shared)


def unit_of(search: SiteSearch, query: np.ndarray) -> torch.Tensor:
    """The vector of a query: blocks of one length."""
    parts = site_sums(search.sites, query[None])[0].split(search.blocks)
    return torch.nn.functional.normalize(
        torch.cat([torch.nn.functional.normalize(part, dim=0) for part in parts]), dim=0
    )


def test_cosine_identity_and_overlap_are_those_of_the_shared_sites(search, references):
    pieces = references.bases[:40].copy()
    pieces[::2, :150] = OTHER
    pieces[1::4, 260:] = OTHER
    found, inside = search(pieces), np.argsort(search.order)  # rows of the library in internal order
    for query, (rows, scores, given, identities, overlaps) in zip(pieces, zip(*found, strict=True), strict=True):
        cosines = []
        for row, identity, overlap in zip(rows, identities, overlaps, strict=True):
            if row >= 0:
                expected = plainly(search, query, inside[row])
                np.testing.assert_allclose([identity, overlap], expected[1:], atol=1e-6)
                cosines.append(expected[0])
        kept = rows >= 0
        cosines = np.array(cosines)
        np.testing.assert_allclose(given[kept], cosines, atol=2e-5)
        error = np.sqrt(np.maximum(1 - cosines**2, 0.02) / overlaps[kept])
        near = (search.vectors[inside[rows[kept]]] @ unit_of(search, np.where(search.core, query, OTHER))).numpy()
        weight = 0.3 * (query[search.core] < OTHER).mean()
        expected = (cosines - 2 * error + weight * near) / (1 + weight)
        np.testing.assert_allclose(scores[kept], expected, atol=2e-5)
        assert np.all(np.diff(scores[kept]) <= 1e-6)


def test_whole_sequences_have_the_cosine_of_their_vectors(loaded, search, references):
    whole = np.flatnonzero([len(record["sequence"]) > 300 for record in RECORDS])[:20]
    sequences = [RECORDS[row]["sequence"] for row in whole]
    vectors = embed(*loaded, sequences, normalize=True)
    for number, row in enumerate(whole):
        query, inside = np.zeros(len(whole), int), np.argsort(search.order)  # rows of the library in internal order
        core_sums = search.core_sums[inside[[row]]]
        cosine, _, overlap = search.compare(references.bases[[row]], query, inside[whole], core_sums)
        same = overlap == overlap.max()  # all but those that are placed beside the axis
        np.testing.assert_allclose(cosine[same], (vectors @ vectors[number])[same], atol=1e-5)


def test_a_piece_finds_its_whole(loaded, search):
    pieces = [record["sequence"][60:140] for record in RECORDS[::3]]
    pieces = [reverse_complement(piece) if row % 2 else piece for row, piece in enumerate(pieces)]
    found = search(read_sites(*loaded, pieces).bases)
    right = found.rows[:, 0] // 3 == np.arange(len(pieces))
    assert right.mean() > 0.95  # another record of the species may be as near
    assert found.identity[:, 0].min() > 0.9
    assert np.median(found.overlap[:, 0]) == 80


def test_candidates_are_of_many_groups_and_excluded_ones_are_not_found(search, references):
    found = search(references.bases[:9])
    assert all(len(np.unique(SPECIES[rows[rows >= 0]])) >= shared_sites.GROUPS for rows in found.rows)
    without = search(references.bases[:9], (SPECIES[:9], SPECIES))
    assert not np.any(SPECIES[without.rows] == SPECIES[:9, None])
    nothing = search(references.bases[:2], (np.zeros(2), np.zeros(len(RECORDS))))
    assert np.all(nothing.rows == -1)
    assert np.all(nothing.score == -np.inf)


def test_other_queries_do_not_change_an_answer(loaded, search):
    read = read_sites(*loaded, [record["sequence"][40:160] for record in RECORDS[:9]])
    together = search(read.bases)
    for row in range(9):
        alone = search(read.bases[row : row + 1])
        width = alone.rows.shape[1]
        assert np.array_equal(alone.rows[0], together.rows[row, :width])
        np.testing.assert_allclose(alone.score[0], together.score[row, :width], atol=1e-5)


def test_what_reaches_no_site_shares_none(loaded, search):
    read = read_sites(*loaded, ["N" * 60])
    assert read.votes[0] == 0
    assert not read.placed[0]
    found = search(read.bases)
    assert found.overlap[0, 0] == 0
    assert found.score[0, 0] == -1


def test_a_model_without_sites_is_refused(tiny_folder):
    with pytest.raises(ValueError, match="no sites to compare"):
        read_sites(*load_checkpoint(DnacseModel, str(tiny_folder)), ["ACGT"])
