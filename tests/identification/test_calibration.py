"""Calibration against plain loops: which look-ups are made, what they weigh, and how shares are estimated."""

import numpy as np
import pytest

from modeling_dnacse.identification.calibration import cases as module
from modeling_dnacse.identification.calibration.assumed_cases import with_assumed
from modeling_dnacse.identification.calibration.by_queries import SAME_PLACE
from modeling_dnacse.identification.calibration.cases import (
    CalibrationData,
    collect_calibration,
    describe_calibration,
    take,
)
from modeling_dnacse.identification.calibration.fit import estimate_shares, fit_calibration, with_new_species
from modeling_dnacse.identification.calibration.probability_curves import fit_curve, fit_sigmoid
from modeling_dnacse.identification.closeness import closeness, gaps
from modeling_dnacse.identification.encoding import Encoded, cut_like, ends_of, keys_of
from modeling_dnacse.identification.library import Library, Matches, make_library, search
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.vectors.at_sites import AtSites, content_keys

RANKS = ("species", "genus", "tribe", "family", "class")


def small_library(seed: int, count: int = 40) -> Library:
    """Records of a few species; some have no species, genus, tribe or family."""
    rng = np.random.default_rng(seed)
    species = rng.integers(12, size=count)
    vectors = (rng.normal(size=(12, 6))[species] + 0.7 * rng.normal(size=(count, 6))).astype(np.float32)
    numbers = {"species": species, "genus": species // 2, "tribe": species // 3, "family": species // 4}
    lacking = {"species": 0.1, "genus": 0.3, "tribe": 0.5, "family": 0.3, "class": 0.0}
    names = {
        rank: ["" if rng.random() < lacking[rank] else f"{rank}{number}" for number in numbers.get(rank, species // 6)]
        for rank in RANKS
    }
    return make_library(Encoded(vectors, None), names)


def look_up(library: Library, record: int, group: np.ndarray) -> tuple | None:
    """What a record finds without the references of its group, by loops; None: it has no group or finds nothing."""
    if group[record] < 0:
        return None
    assert library.encoded.vectors is not None
    unit = library.encoded.vectors / np.linalg.norm(library.encoded.vectors, axis=1, keepdims=True)
    cosines = unit @ unit[record]
    allowed = group != group[record]
    best, told, right, judged = -np.inf, [], [], []
    known_from = len(library.codes)
    close = np.nan
    for rank, code in reversed(list(enumerate(library.codes))):
        named = np.flatnonzero(allowed & (code >= 0))
        if not len(named):
            told.append(np.nan), right.append(False), judged.append(False)
            continue
        first = named[cosines[named].argmax()]
        best = max(best, cosines[first])
        others = named[code[named] != code[first]]
        pair = np.array([cosines[first], cosines[others].max() if len(others) else -np.inf])
        if rank == 0:
            close = closeness(*pair[[0, 1, 1], None], (code[named] == code[first]).sum())[0]
        several = code.max() > 0
        if not len(others) and several:  # the only other name is left out
            pair[1] = 0
        told.append(np.nan if not several else close if rank == 0 else float(gaps(pair)))
        right.append(code[record] >= 0 and code[first] == code[record])
        judged.append(code[record] >= 0 and several)
        if code[record] >= 0 and np.any(code[named] == code[record]):
            known_from = rank
    taxon = library.codes[max(known_from - 1, 0)][record]
    return None if best == -np.inf else (best, told[::-1], close, right[::-1], judged[::-1], known_from, taxon)


@pytest.mark.parametrize("seed", range(3))
def test_look_ups_are_those_of_loops(seed):
    library = small_library(seed)
    count = len(library.codes[0])
    groups = [np.arange(count), *(library.codes[rank] for rank in (0, 1, 3, 4))]  # a tribe is not left out
    records = np.flatnonzero(library.codes[0] >= 0)
    assert 20 < len(records) < count
    records = records[np.lexsort((library.codes[0, records], keys_of(library.encoded)[records]))]
    cases = [case for group in groups for record in records if (case := look_up(library, record, group))]
    data = collect_calibration(library, library.encoded)
    expected = [np.array(part) for part in zip(*cases, strict=True)]
    assert len(data.similarity) == len(cases) < len(groups) * len(records)
    np.testing.assert_allclose(data.similarity, expected[0], atol=1e-5)
    np.testing.assert_allclose(data.evidence, expected[1].T, atol=1e-3)
    np.testing.assert_allclose(data.closeness, expected[2], atol=1e-3)
    for ours, theirs in zip(data[3:], expected[3:], strict=True):
        np.testing.assert_array_equal(ours, theirs.T)


def test_of_many_records_some_are_looked_up_and_the_seed_says_which(monkeypatch):
    library, drawn = small_library(0), []
    named = np.flatnonzero(library.codes[0] >= 0).tolist()
    monkeypatch.setattr(module, "take", lambda encoded, rows: drawn.append(rows.tolist()) or take(encoded, rows))
    for most, seed in ((len(named), 0), (8, 0), (8, 0), (8, 1)):
        monkeypatch.setattr(module, "MOST_RECORDS", most)
        collect_calibration(library, library.encoded, seed)
    every, few, same, other = drawn
    assert sorted(every) == named and few == same != other
    assert len(set(few)) == 8 and set(few) <= set(named)


def test_some_of_the_sequences_are_taken_in_both_forms():
    vectors = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert take(Encoded(vectors, None), np.array([2, 0])).vectors.tolist() == vectors[[2, 0]].tolist()
    bases = np.arange(8, dtype=np.uint8).reshape(4, 2)
    sites = AtSites(bases, np.arange(4, dtype=np.float32), np.array([True, False, True, False]), np.zeros(4, bool))
    taken = take(Encoded(None, sites), np.array([3, 1])).sites
    assert taken is not None
    assert taken.bases.tolist() == [[6, 7], [2, 3]] and taken.votes.tolist() == [3, 1] and not taken.placed.any()


@pytest.mark.parametrize("reach", [80, 30])
def test_records_of_sites_are_cut_to_where_queries_lie(reach, monkeypatch):
    """What is looked up covers no more than the queries; queries that are vectors cut nothing.

    For queries of fewer than 60 sites nothing was cut, so of 132 names of 30 bp 58 were wrong in place of 2.
    """
    rng = np.random.default_rng(0)
    count, width = 12, 200
    sites = AtSites(rng.integers(4, size=(count, width)).astype(np.uint8), *(np.ones(count),) * 3)
    sites = sites._replace(placed=np.ones(count, bool))
    queries = sites._replace(bases=np.where(np.arange(width) < reach, sites.bases, OTHER).astype(np.uint8))
    codes = np.stack([np.arange(count) // 2])
    library = Library(Encoded(None, sites), None, {"species": np.arange(6).astype(str)}, codes)  # type: ignore[arg-type]
    asked = []

    def keep(_: Library, encoded: Encoded, exclude_groups: object) -> Matches:
        asked.append(encoded)
        nothing = np.full((1, count, 2), -np.inf, np.float32)
        return Matches(np.zeros((1, count, 2), int), nothing, nothing[0, :, 0], nothing, nothing)

    monkeypatch.setattr(module, "search", keep)
    for given, covered in ((Encoded(None, queries), reach), (Encoded(np.ones((3, 2), np.float32), None), width)):
        asked.clear()
        collect_calibration(library, given)
        assert len(asked) == 2  # without itself, and without its species
        assert all((encoded.sites.bases < OTHER).sum(1).tolist() == [covered] * count for encoded in asked)
        starts = sites.bases[np.argsort(content_keys(sites.bases)), :reach]
        assert all(np.array_equal(encoded.sites.bases[:, :reach], starts) for encoded in asked)


def at_sites(covered: np.ndarray) -> AtSites:
    """Random bases at these sites (n, sites) bool."""
    bases = np.random.default_rng(0).integers(4, size=covered.shape)
    ones = np.ones(len(covered), bool)
    return AtSites(np.where(covered, bases, OTHER).astype(np.uint8), ones.astype(np.float32), ones, ~ones)


def test_records_that_cover_few_of_the_sites_of_queries_are_cut_to_these():
    """They stayed whole: with 97 sites in common, of 275 names 32 were wrong, where 10.8 were promised."""
    sites = np.arange(300)
    queries = at_sites(np.tile(sites >= 100, (5, 1)))
    cut = cut_like(at_sites(np.tile(sites < 180, (8, 1))), queries, 60, 0)
    np.testing.assert_array_equal(cut.bases < OTHER, np.tile((sites >= 100) & (sites < 180), (8, 1)))
    assert cut.placed.all()


def test_records_are_cut_to_the_holes_of_queries():
    """As of paired reads that are joined by N: of 272 names 24 were wrong, where 7.5 were promised."""
    sites = np.arange(300)
    covered = (sites < 90) | (sites >= 250)
    cut = cut_like(at_sites(np.ones((8, 300), bool)), at_sites(np.tile(covered, (5, 1))), 60, 0)
    np.testing.assert_array_equal(cut.bases < OTHER, np.tile(covered, (8, 1)))


def test_records_that_share_no_site_with_queries_are_not_looked_up():
    sites = np.arange(300)
    records = at_sites(np.stack([sites < 150, sites >= 150]))
    assert cut_like(records, at_sites(np.tile(sites >= 150, (5, 1))), 60, 0).placed.tolist() == [False, True]


def test_a_calibration_serves_no_queries_with_holes():
    """An index used that of whole queries, since both begin and end at the same sites."""
    whole = np.ones((5, 300), bool)
    holes = whole & ((np.arange(300) < 90) | (np.arange(300) >= 250))
    ends = [ends_of(Encoded(None, at_sites(covered))) for covered in (whole, holes)]
    assert np.abs(ends[0] - ends[1]).max() > SAME_PLACE


def made_data(known_from: list[int], ranks: int = 2, seed: int = 0) -> CalibrationData:
    """Cases of these classes, with random scores; all are judged."""
    rng, count = np.random.default_rng(seed), len(known_from)
    classes = np.array(known_from, dtype=np.int64)
    right = np.stack([classes <= rank for rank in range(ranks)]) & (rng.random((ranks, count)) < 0.8)
    judged = np.ones((ranks, count), bool)
    return CalibrationData(
        rng.uniform(0.5, 1, count),
        rng.random((ranks, count)),
        rng.random(count),
        right,
        judged,
        classes,
        np.arange(count),
    )


def test_each_class_weighs_as_its_share_and_only_judged_cases_count():
    data = made_data([0] * 10 + [1] * 30 + [2] * 20)
    data.judged[1, ::4] = False
    shares = np.array([0.5, 0.5, 0.0])
    weights = np.repeat([0.5 / 10, 0.5 / 30], [10, 30])
    fitted = fit_calibration(data, shares)
    scores = np.linspace(0, 1, 11)
    for rank, curve in enumerate(fitted.names):
        chosen = np.flatnonzero(data.judged[rank, :40])  # the third class has no share
        fit = fit_curve if rank else fit_sigmoid
        expected = fit(data.evidence[rank][chosen], data.right[rank][chosen], weights[chosen])
        assert curve is not None
        np.testing.assert_allclose(curve.at(scores), expected.at(scores))
    expected = fit_sigmoid(-data.closeness[:40], np.arange(40) >= 10, weights)
    assert fitted.new_species is not None
    np.testing.assert_allclose(fitted.new_species.at(-scores), expected.at(-scores))
    assert fitted.shares is shares


def test_few_taxa_of_a_class_are_joined_by_assumed_ones_that_look_like_the_class_below():
    data = made_data([0] * 10 + [1] * 20 + [3] * 12, ranks=4)
    data.taxon[30:] = np.arange(12) // 3  # cases of four families, none of a genus in a known family
    more = with_assumed(data)
    assert [part.shape[-1] for part in more] == [42 + 20 + 3] * 7
    assert more.known_from.tolist() == [*data.known_from, *[2] * 20, *[3] * 3]
    genera = slice(42, 62)
    np.testing.assert_array_equal(more.evidence[:, genera], data.evidence[:, 10:30])
    assert not more.right[:2, genera].any()
    np.testing.assert_array_equal(more.right[2:, genera], data.right[2:, 10:30])
    assert set(more.similarity[62:]) <= set(more.similarity[genera]) and not more.right[:3, 62:].any()
    unchanged = made_data([0] * 10 + [1] * 20)
    assert with_assumed(unchanged) is unchanged


def test_of_families_with_one_genus_a_genus_needs_evidence_as_of_a_known_species():
    """Twelve such libraries named 132 genera, of which 49 were wrong, where 1.7 were promised."""
    data = made_data([0] * 100 + [1] * 100 + [3] * 100, ranks=3)
    low = np.array([0.8, 0.3, 0.0, 0.0])[data.known_from]
    data.evidence[1] = low + 0.2 * data.evidence[1]
    data.right[1] = data.known_from < 2
    for cases, most in ((data, 1.0), (with_assumed(data), 0.6)):
        counts = np.bincount(cases.known_from, minlength=4)
        curve = fit_calibration(cases, np.where(counts, 1 / (counts > 0).sum(), 0)).names[1]
        assert curve is not None
        unknown, known = curve.at(np.array([0.4, 0.9]))
        assert most - 0.2 < unknown < most and known > 0.95


@pytest.mark.parametrize(
    ("known_from", "told"),
    [([0, 0], [False, False, False]), ([1, 1], [False, True, False]), ([0, 1], [True, True, True]), ([], [False] * 3)],
)
def test_what_can_be_told_needs_cases_of_both_kinds(known_from, told):
    data = made_data(known_from)
    assert [data.tells(0), data.tells(1), data.tells_new_species] == told
    fitted = fit_calibration(data, np.full(3, 1 / 3))
    assert [curve is not None for curve in (*fitted.names, fitted.new_species)] == told
    unjudged = data._replace(judged=np.zeros_like(data.judged))
    assert not unjudged.tells(0) and not unjudged.tells(1)


def test_look_ups_that_find_no_species_do_not_spoil_the_probability_of_a_new_one():
    data = made_data([0] * 20 + [1] * 20)
    near = fit_calibration(data, np.full(3, 1 / 3)).new_species
    extended = made_data([0] * 20 + [1] * 20 + [1, 1])
    closeness = np.concatenate([data.closeness, [np.nan, np.nan]])
    fitted = fit_calibration(extended._replace(closeness=closeness), np.array([0.5, 0.5, 0])).new_species
    assert near is not None and fitted is not None
    np.testing.assert_allclose(fitted.at(-data.closeness), near.at(-data.closeness), atol=0.05)
    assert not data._replace(closeness=np.full(40, np.nan)).tells_new_species


@pytest.mark.parametrize("cases", [99, 100])
def test_how_far_a_sequence_may_be_needs_a_hundred_cases(cases):
    data = made_data([0] * 200 + [2] * cases)
    data.similarity[0] = 0.1  # nearer kin were left in
    assert data.least_similarity == (data.similarity[200:].min() if cases == 100 else -np.inf)
    assert made_data([]).least_similarity == -np.inf
    alike = made_data([0] * 100)
    assert alike.least_similarity == alike.similarity.min()


def estimate_by_loops(data: CalibrationData, close: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """EM over cells of closeness and similarity, by loops; no query is without a neighbour."""
    classes = sorted(set(data.known_from.tolist()))

    def cells(values: list[np.ndarray]) -> list[tuple[int, ...]]:
        own = [data.closeness, data.similarity]
        edges = [sorted(set(np.quantile(part, np.arange(1, 7) / 7))) for part in own]
        return [
            tuple(sum(edge < value for edge in bounds) for value, bounds in zip(one, edges, strict=True))
            for one in zip(*map(np.nan_to_num, values), strict=True)
        ]

    of_cases, asked = cells([data.closeness, data.similarity]), cells([close, similarity])
    likelihood = np.empty((len(classes), len(asked)))
    for row, known_from in enumerate(classes):
        own = [cell for cell, of_class in zip(of_cases, data.known_from, strict=True) if of_class == known_from]
        for column, cell in enumerate(asked):
            likelihood[row, column] = (own.count(cell) + 0.5) / (len(own) + 0.5 * 49)
    shares = np.full(len(classes), 1 / len(classes))
    for _ in range(3000):
        each = shares[:, None] * likelihood
        shares = (each / each.sum(0)).sum(1) + 20 / len(classes)
        shares /= len(asked) + 20
    result = np.zeros(len(data.evidence) + 1)
    result[classes] = shares
    return result


@pytest.mark.parametrize("classes", [[0, 1, 2], [0, 2]])
def test_shares_are_those_of_loops(classes):
    """What found nothing counts for nothing."""
    rng = np.random.default_rng(1)
    names = {"species": [f"s{number // 3}" for number in range(30)], "genus": [f"G{n // 6}" for n in range(30)]}
    vectors = rng.normal(size=(10, 8))[np.arange(30) // 3] + 0.4 * rng.normal(size=(30, 8))
    library = make_library(Encoded(vectors.astype(np.float32), None), names)
    data = made_data(rng.choice(classes, 150).tolist(), seed=2)
    matches = search(library, Encoded((vectors[::2] + 0.2 * rng.normal(size=(15, 8))).astype(np.float32), None))
    pairs = matches.similarities
    expected = estimate_by_loops(data, matches.closeness, pairs[:, :, 0].max(0))
    np.testing.assert_allclose(estimate_shares(data, matches), expected, atol=1e-6)
    nothing = [np.concatenate([part, part[:, :4]], axis=1) for part in (matches.rows, pairs)]
    nothing[0][:, 15:], nothing[1][:, 15:] = -1, -np.inf
    more = matches._replace(
        rows=nothing[0], similarities=nothing[1], closeness=np.append(matches.closeness, np.full(4, np.nan))
    )
    np.testing.assert_allclose(estimate_shares(data, more), expected, atol=1e-6)


def test_without_cases_all_shares_are_equal():
    library = small_library(0)
    matches = search(library, library.encoded)
    assert estimate_shares(made_data([], ranks=4), matches).tolist() == [0.2] * 5


@pytest.mark.parametrize("shares", [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
def test_shares_of_one_kind_cannot_be_scaled(shares):
    assert with_new_species(np.array(shares), 0.3).tolist() == shares


def test_a_library_is_described_by_its_look_ups_and_by_what_it_is_too_small_for():
    library = small_library(0)
    of_library = f"40 references of {len(library.names['species'])} species; "
    described = describe_calibration(library, made_data([0] * 3 + [1] * 4 + [2], ranks=5))
    assert described == (of_library + "calibrated by its own records, looked up 3 times with their species, 5 without")
    assert describe_calibration(library, made_data([1, 1], ranks=5)).startswith(
        of_library + "too small to calibrate the probability of: species, new species. A rank needs two names"
    )
    of_lists = describe_calibration(library, made_data([0] * 3 + [2] * 4, ranks=5))
    assert of_lists.endswith(
        "without; no genus has two species, so unknown species may get the names of their relatives"
    )
