"""The closeness of the nearest species is that of a plain computation, falls in a crowd, and grows with references."""

import numpy as np

from modeling_dnacse.identification.closeness import closeness, closeness_among, references_of
from modeling_dnacse.identification.encoding import Encoded
from modeling_dnacse.identification.library import Library, match_names
from modeling_dnacse.vectors.shared_sites import Found, SiteSearch


def plainly(cosines: np.ndarray, species: np.ndarray, own: int, count: int) -> float:
    """The closeness of a species, by the cosines of candidates (k,) that are of `species` (k,), -1: of none."""
    distances = {name: 1 - cosines[species == name].max() for name in set(species.tolist()) - {-1}}
    other = min((distance for name, distance in distances.items() if name != own), default=1.0)
    far = sorted(distances.values())[: min(5, len(distances))][-1]
    around = 0.3 * (np.log(other + 0.01) + np.log(far + 0.01))
    return around + 0.4 * np.log(count) - np.log(distances[own] + 0.01)


def test_candidates_give_the_closeness_of_a_plain_computation():
    rng = np.random.default_rng(0)
    species = np.concatenate([np.repeat(np.arange(12), np.arange(12) % 5 + 1), [-1, -1]]).astype(np.int32)
    rows = np.stack([rng.permutation(len(species))[:20] for _ in range(50)])
    rows[:10, 2:] = -1  # so few that there are not five species
    cosines = np.where(rows >= 0, rng.uniform(0.3, 1, rows.shape), -np.inf).astype(np.float32)
    nearest = np.array([next((row for row in of if row >= 0 and species[row] >= 0), -1) for of in rows])
    found = Found(rows, cosines, cosines, np.zeros(rows.shape, np.float32), np.zeros(rows.shape, np.int32))
    given = closeness_among(found, species, nearest, references_of(species, nearest))
    for value, of, cosine, row in zip(given, rows, cosines, nearest, strict=True):
        if row < 0:
            assert np.isnan(value)
            continue
        there = of >= 0
        count = (species == species[row]).sum()
        assert abs(value - plainly(cosine[there], species[of[there]], species[row], count)) < 1e-5


def test_the_same_distance_is_less_close_where_others_are_close_and_closer_to_a_common_species():
    counts = np.ones(3, int)
    other, crowd = np.array([0.5, 0.9, 0.9]), np.array([0.4, 0.4, 0.85])
    alone, beside_one, in_a_crowd = closeness(np.full(3, 0.95), other, crowd, counts)
    assert alone > beside_one > in_a_crowd
    nothing = np.full(1, -np.inf)
    assert closeness(np.full(1, 0.95), nothing, nothing, counts[:1]) > alone  # no other species at all
    assert (closeness(np.full(3, 0.95), other, crowd, counts + 1) > [alone, beside_one, in_a_crowd]).all()


def test_references_of_the_querys_own_group_are_not_counted():
    rng = np.random.default_rng(1)
    species, group = rng.integers(-1, 6, 80), rng.integers(-1, 9, 80)
    nearest, own = rng.integers(-1, 80, 200), rng.integers(-1, 9, 200)
    nearest = np.where(species[nearest] >= 0, nearest, -1)
    for row, mine, count in zip(nearest, own, references_of(species, nearest, (own, group)), strict=True):
        assert count == (0 if row < 0 else ((species == species[row]) & (group != mine)).sum())


def test_a_species_counts_as_common_by_its_own_references_not_by_those_of_a_genus_or_a_neighbour():
    """The nearest reference has a species, but no genus; two more of its species are no candidates."""
    search = SiteSearch.__new__(SiteSearch)  # only the number of its groups is asked for
    search.starts = np.arange(2)
    codes = np.array([[0, 1, 0, 0], [-1, 0, 0, 0]], np.int32)
    library = Library(
        Encoded(None, None), search, {"species": np.array(["A a", "A b"]), "genus": np.array(["A"])}, codes
    )
    cosines = np.array([[0.9, 0.8]], np.float32)
    found = Found(np.array([[0, 1]]), cosines, cosines, np.ones((1, 2), np.float32), np.ones((1, 2), np.int32))
    others = np.array([0.8], np.float32)
    for groups, count in ((None, 3), ((np.array([7]), np.array([5, 5, 7, 5])), 2)):
        expected = closeness(cosines[:, 0], others, others, np.array([count]))
        np.testing.assert_allclose(match_names(library, found, groups).closeness, expected)
