"""Probabilities of names are what they say they are, whatever the vectors; what a library cannot tell stays open."""

import numpy as np
import pytest
import torch

from modeling_dnacse.identification.calibration import collect_calibration, estimate_new_share, fit_calibration
from modeling_dnacse.identification.library import make_library, search, unit_vectors
from modeling_dnacse.identification.naming import name_queries
from modeling_dnacse.identification.probability_curves import fit_curve
from modeling_dnacse.vectors.neighbours import nearest, nearest_names


def world(
    seed: int, genera: int = 60, species: int = 6, records: int = 5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors (n, 16) scattered around species, which scatter around genera; their species and genera (n,) str."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(genera, 1, 16)) + 0.5 * rng.normal(size=(genera, species, 16))
    vectors = centres[:, :, None] + 0.15 * rng.normal(size=(genera, species, records, 16))
    genus = np.repeat(np.arange(genera), species * records)
    epithet = np.repeat(np.arange(genera * species), records)
    names = np.array([f"G{g} s{s}" for g, s in zip(genus, epithet, strict=True)])
    return vectors.reshape(-1, 16).astype(np.float32), names, np.char.add("G", genus.astype(str))


def labels(species: np.ndarray, genus: np.ndarray) -> dict[str, list[str]]:
    return {"species": species.tolist(), "genus": genus.tolist(), "family": [""] * len(species)}


def test_nearest_finds_what_a_full_sort_finds(monkeypatch):
    rng = np.random.default_rng(0)
    queries, references = (unit_vectors(rng.normal(size=(n, 8)).astype(np.float32)) for n in (23, 40))
    monkeypatch.setattr("modeling_dnacse.vectors.neighbours.BLOCK", 120)  # three queries at once
    exclude = np.where(np.arange(23) % 2, np.arange(23), -1)
    cosines = (queries @ references.T).numpy()
    cosines[exclude >= 0, exclude[exclude >= 0]] = -np.inf
    rows, similarities = nearest(queries, references, k=5, exclude=exclude)
    assert np.array_equal(rows, np.argsort(-cosines, axis=1)[:, :5])
    np.testing.assert_allclose(similarities, -np.sort(-cosines, axis=1)[:, :5], atol=1e-6)


def test_nearest_names_of_blocks_groups_and_unnamed_references(monkeypatch):
    rng = np.random.default_rng(1)
    vectors = unit_vectors(rng.normal(size=(30, 8)).astype(np.float32))
    names = np.stack([rng.integers(-1, 6, 30), rng.integers(-1, 2, 30)])
    keys = rng.integers(0, 10, 30)
    monkeypatch.setattr("modeling_dnacse.vectors.neighbours.BLOCK", 120)
    rows, similarities = nearest_names(vectors, vectors, names, exclude_groups=(keys, keys))
    cosines = (vectors @ vectors.T).numpy()
    for rank, code in enumerate(names):
        for query in range(30):
            allowed = np.flatnonzero((keys != keys[query]) & (code >= 0))
            first = allowed[cosines[query, allowed].argmax()]
            others = allowed[code[allowed] != code[first]]
            second = others[cosines[query, others].argmax()]
            assert rows[rank, query].tolist() == [first, second]
            np.testing.assert_allclose(similarities[rank, query], cosines[query, [first, second]], atol=1e-6)


def test_of_equals_the_first_is_nearest():
    vectors = unit_vectors(np.ones((5, 3), np.float32))
    assert nearest_names(vectors[:1], vectors, np.array([[1, 0, 0, 1, 2]]))[0].tolist() == [[[0, 1]]]


def test_curve_never_falls_and_is_never_certain():
    rng = np.random.default_rng(2)
    scores = rng.random(500)
    curve = fit_curve(scores, rng.random(500) < scores**2, rng.random(500) + 0.1)
    probabilities = curve.at(np.linspace(-1, 2, 300))
    assert np.all(np.diff(probabilities) >= 0)
    assert 0 < probabilities[0] < probabilities[-1] < 1
    np.testing.assert_allclose(curve.at(np.array([0.3, 0.5, 0.7])), [0.09, 0.25, 0.49], atol=0.12)


def test_curve_of_one_case_is_cautious():
    assert fit_curve(np.array([0.5]), np.array([True]), np.ones(1)).at(np.array([1.0])).tolist() == [0.75]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_stated_probabilities_come_true(share):
    """On queries of a known share of new species, not told: mean probability equals the share right, in each part."""
    vectors, species, genus = world(seed=3)
    rng = np.random.default_rng(4)
    new = np.isin(species, rng.permutation(np.unique(species))[:120])
    held_out = ~new & (np.arange(len(species)) % 5 == 0)
    library = make_library(vectors[~new & ~held_out], labels(species[~new & ~held_out], genus[~new & ~held_out]))
    known, lacking = np.flatnonzero(held_out), np.flatnonzero(new)
    count = min(len(known) / (1 - share), len(lacking) / share)
    queries = np.concatenate([known[: int(count * (1 - share))], rng.permutation(lacking)[: int(count * share)]])
    data, matches = collect_calibration(library), search(library, unit_vectors(vectors[queries]))
    estimated = estimate_new_share(data, matches)
    assert estimated == pytest.approx(share, abs=0.12)
    found = name_queries(library, fit_calibration(data, estimated), matches, confidence=0.9)
    assert list(library.names) == ["species", "genus"]  # no reference has a family
    for rank, truth in enumerate((species[queries], genus[queries])):
        right = list(library.names.values())[rank][found.codes[rank]] == truth
        stated = found.probabilities[rank]
        for low, high in ((0, 0.5), (0.5, 1)):
            part = (stated >= low) & (stated < high)
            assert part.sum() < 30 or abs(stated[part].mean() - right[part].mean()) < 0.12
        called = found.level == rank
        assert called.sum() < 10 or right[called].mean() > 0.85
    assert found.new_species.mean() == pytest.approx(share, abs=0.12)


def test_a_species_shared_by_identical_references_is_not_called():
    vectors, species, genus = world(seed=5, genera=20)
    twins = np.concatenate([vectors, vectors[:5]])  # the first species' barcodes, under another name too
    library = make_library(twins, labels(np.append(species, ["G0 twin"] * 5), np.append(genus, ["G0"] * 5)))
    matches = search(library, unit_vectors(vectors[:1]))
    found = name_queries(library, fit_calibration(collect_calibration(library), 0.5), matches, confidence=0.9)
    assert found.probabilities[0, 0] < 0.5
    assert found.level[0] == 1


@pytest.mark.parametrize(
    ("records", "told"),
    [
        (["A a", "A a", "A a"], [False, False, False]),  # one species
        (["A a", "A b", "B c", "B d", "C e"], [False, True, False]),  # one record each
        (["A a", "A a", "A b", "A b", "A c"], [True, False, True]),  # one genus
        (["A a", "A a", "A b", "B c", "B c", ""], [True, True, True]),
    ],
)
def test_what_a_library_cannot_tell_stays_open(records, told):
    vectors = np.random.default_rng(6).normal(size=(len(records), 4)).astype(np.float32)
    library = make_library(vectors, {"species": records, "genus": [name[:1] for name in records]})
    data = collect_calibration(library)
    assert [cases is not None for cases in (*data.names, data.new_species)] == told
    matches = search(library, library.vectors)
    calibration = fit_calibration(data, estimate_new_share(data, matches))
    found = name_queries(library, calibration, matches, confidence=0.9)
    assert [np.isfinite(p).all() for p in (*found.probabilities, found.new_species)] == told
    assert np.all(found.level == -1)  # so few records prove nothing to 0.9


def test_library_without_species_is_refused():
    with pytest.raises(ValueError, match="none of 2 references has a species; name them"):
        make_library(np.ones((2, 3), np.float32), {"species": ["", ""], "genus": ["A", "B"]})


def test_vectors_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="NaN or infinity"):
        unit_vectors(np.array([[np.nan, 1]], np.float32))


def test_scale_of_vectors_does_not_matter():
    vectors, species, genus = world(seed=7, genera=10)
    library, scaled = (make_library(v, labels(species, genus)) for v in (vectors, 8 * vectors))
    assert torch.equal(library.vectors, scaled.vectors)
