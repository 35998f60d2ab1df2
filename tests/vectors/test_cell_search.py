"""Search by cells: what `SiteSearch` finds, from less memory, and by fewer comparisons."""

import numpy as np
import pytest
import torch

from modeling_dnacse import DnacseModel
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.vectors import cell_search, shared_sites
from modeling_dnacse.vectors.at_sites import read_sites
from modeling_dnacse.vectors.cell_search import CellSearch
from modeling_dnacse.vectors.shared_sites import SiteSearch
from modeling_dnacse.vectors.site_bits import bits_of_bases
from tests.support.marker import simulate_marker

RECORDS = simulate_marker(seed=1, genera=64)


@pytest.fixture(scope="module")
def sites(site_folder):
    return load_checkpoint(DnacseModel, str(site_folder))


@pytest.fixture(scope="module")
def bases(sites):
    return read_sites(*sites, [record["sequence"] for record in RECORDS]).bases


def some_queries(bases: np.ndarray) -> np.ndarray:
    """Whole sequences, pieces, and what reaches no site."""
    queries = bases[::5].copy()
    queries[::2, :150] = OTHER
    queries[7] = OTHER
    return queries


@pytest.mark.parametrize("exclude", [False, True])
def test_where_all_cells_are_looked_into_it_finds_what_the_exact_search_finds(sites, bases, monkeypatch, exclude):
    monkeypatch.setattr(cell_search, "CELL", 2)
    monkeypatch.setattr(cell_search, "CELLS", len(bases))
    monkeypatch.setattr(cell_search, "BLOCK", 37)
    monkeypatch.setattr(cell_search, "NEAR", 37 * len(bases))
    monkeypatch.setattr(cell_search, "TOGETHER", 5)
    for part in (cell_search, shared_sites):
        monkeypatch.setattr(part, "PIECE", 250)
    species, queries = np.arange(len(bases)) // 3, some_queries(bases)
    groups = (species[::5], species) if exclude else None
    exact = SiteSearch(sites[0].sites, bases, species)(queries, groups)
    found = CellSearch(sites[0].sites, bases, species)(queries, groups)
    same = found.rows[:, 0] == exact.rows[:, 0]
    assert same.mean() > 0.95  # vectors are rounded, so of nearly equal references either may be the first
    for name, error in {"score": 2e-4, "cosine": 2e-4, "identity": 1e-6, "overlap": 0}.items():
        first, second = (getattr(part, name)[same, 0] for part in (found, exact))
        np.testing.assert_allclose(first, second, atol=error, err_msg=name)
    np.testing.assert_allclose(found.score[:, 0], exact.score[:, 0], atol=2e-4)
    shared = [
        len(np.intersect1d(*pair)) / len(np.unique(pair[1])) for pair in zip(found.rows, exact.rows, strict=True)
    ]
    assert np.mean(shared) > 0.95  # of references with as many bases in common, either may be the last candidate
    there = found.rows >= 0
    assert not there.all()
    assert np.isneginf(found.score[~there]).all() and np.isneginf(found.cosine[~there]).all()
    if exclude:
        assert not (there & (species[found.rows] == species[::5][:, None])).any()


def test_cells_of_the_querys_own_species_take_no_room_from_the_nearest_other_ones(sites, bases, monkeypatch):
    monkeypatch.setattr(cell_search, "CELLS", 12)  # a species is a cell of its own
    species, queries = np.arange(len(bases)) // 3, bases[::5]
    groups = species[::5], species
    exact = SiteSearch(sites[0].sites, bases, species)(queries, groups)
    found = CellSearch(sites[0].sites, bases, species)(queries, groups)
    assert (found.rows[:, 0] == exact.rows[:, 0]).mean() > 0.9
    assert all(len(np.unique(species[row[row >= 0]])) == 12 for row in found.rows)
    none = np.zeros(2), np.zeros(len(bases))  # all references are of the group of the queries
    nothing = CellSearch(sites[0].sites, bases, species)(queries[:2], none)
    assert np.all(nothing.rows == -1) and np.isneginf([nothing.score, nothing.cosine]).all()


def test_a_cell_has_the_most_frequent_of_the_bases_at_each_site_however_few_there_are(sites, bases):
    some, species = bases.copy(), np.arange(len(bases)) // 3
    some[::3, :100], some[1::3, :100] = OTHER, OTHER  # there one record in three, or none, has a base
    expected = np.full((len(some) // 3, some.shape[1]), OTHER, np.uint8)
    for cell, site in np.ndindex(expected.shape):
        held = [base for base in some[3 * cell : 3 * cell + 3, site].tolist() if base < OTHER]
        expected[cell, site] = min(held, key=lambda base: (-held.count(base), base), default=OTHER)
    assert (expected[:, :100] < OTHER).any() and not (expected[:, :100] < OTHER).all()
    assert np.array_equal(CellSearch(sites[0].sites, some, species).cells.bits, bits_of_bases(expected).T)


def test_other_queries_do_not_change_an_answer(sites, bases):
    search = CellSearch(sites[0].sites, bases, np.arange(len(bases)) // 3)
    together, alone = search(bases[:40]), [search(bases[[row]]) for row in range(40)]
    for row, one in enumerate(alone):
        np.testing.assert_array_equal(np.sort(one.rows[0]), np.sort(together.rows[row]))
        np.testing.assert_allclose(one.score[0], together.score[row], atol=1e-5)


def test_cells_of_other_references_are_refused(sites, bases):
    cells = CellSearch(sites[0].sites, bases, np.arange(len(bases)) // 3).cells
    with pytest.raises(ValueError, match="its cells are of other references"):
        CellSearch(sites[0].sites, bases, np.arange(len(bases)), cells)


@pytest.mark.parametrize("count, room", [(3, 2), (3, 3 * 64), (3, 3 * 64 + 1), (3, 1000), (64, 64 * 200 + 7)])
def test_the_largest_values_are_those_of_a_sort(count, room):
    """With fewer values than are asked for, and with a last block that is not full."""
    values = torch.from_numpy(np.random.default_rng(0).permuted(np.tile(np.arange(float(room)), (5, 1)), axis=1))
    values[:, 0], values[-1] = -torch.inf, torch.arange(room)  # there the last ones are the largest
    assert torch.equal(cell_search.largest(values, count), values.argsort(dim=1, descending=True)[:, :count])


def test_the_best_of_groups_and_of_all_are_those_of_a_loop(monkeypatch):
    """Also where the first group has one reference, and the next number is the next group's."""
    monkeypatch.setattr(cell_search, "GROUPS", 3)
    monkeypatch.setattr(cell_search, "NEAREST", 2)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        groups = np.sort(rng.integers(0, 6, 9)) if seed % 2 else np.arange(9)
        near = rng.permutation(9).astype(np.float32)
        of_group = {group: max(np.flatnonzero(groups == group), key=near.__getitem__) for group in groups.tolist()}
        expected = {*sorted(of_group.values(), key=lambda row: -near[row])[:3], *np.argsort(-near)[:2].tolist()}
        assert cell_search.best_of(groups, near).tolist() == sorted(expected)
