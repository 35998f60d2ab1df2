"""Probabilities of names are what they say they are, whatever the vectors; what a library cannot tell stays open."""

import numpy as np
import pytest
import torch

from modeling_dnacse.identification.calibration.cases import CalibrationData, collect_calibration
from modeling_dnacse.identification.calibration.fit import Calibration, estimate_shares, fit_calibration
from modeling_dnacse.identification.calibration.probability_curves import fit_curve
from modeling_dnacse.identification.encoding import Encoded
from modeling_dnacse.identification.library import Library, Matches, agreed_ranks, make_library, search
from modeling_dnacse.identification.naming import name_queries, rank_of_call
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


def unit(vectors: np.ndarray) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.as_tensor(vectors, dtype=torch.float32), dim=1)


def by_vectors(vectors: np.ndarray, names: dict[str, list[str]]) -> Library:
    return make_library(Encoded(vectors, None), names)


def asked(library: Library, vectors: np.ndarray) -> tuple[CalibrationData, Calibration, Matches]:
    """Search for queries, and calibrate for them."""
    queries = Encoded(vectors, None)
    data, matches = collect_calibration(library, queries), search(library, queries)
    return data, fit_calibration(data, estimate_shares(data, matches)), matches


def test_nearest_finds_what_a_full_sort_finds(monkeypatch):
    rng = np.random.default_rng(0)
    queries, references = (unit(rng.normal(size=(n, 8))) for n in (23, 40))
    monkeypatch.setattr("modeling_dnacse.vectors.neighbours.BLOCK", 120)  # three queries at once
    exclude = np.where(np.arange(23) % 2, np.arange(23), -1)
    cosines = (queries @ references.T).numpy()
    cosines[exclude >= 0, exclude[exclude >= 0]] = -np.inf
    rows, similarities = nearest(queries, references, k=5, exclude=exclude)
    assert np.array_equal(rows, np.argsort(-cosines, axis=1)[:, :5])
    np.testing.assert_allclose(similarities, -np.sort(-cosines, axis=1)[:, :5], atol=1e-6)


def test_nearest_names_of_blocks_groups_and_unnamed_references(monkeypatch):
    rng = np.random.default_rng(1)
    vectors = unit(rng.normal(size=(30, 8)))
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
    vectors = unit(np.ones((5, 3)))
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
    rest = ~new & ~held_out
    library = by_vectors(vectors[rest], labels(species[rest], genus[rest]))
    known, lacking = np.flatnonzero(held_out), np.flatnonzero(new)
    count = min(len(known) / (1 - share), len(lacking) / share)
    queries = np.concatenate([known[: int(count * (1 - share))], rng.permutation(lacking)[: int(count * share)]])
    data, calibration, matches = asked(library, vectors[queries])
    assert calibration.shares[1:].sum() == pytest.approx(share, abs=0.12)
    found = name_queries(library, data, calibration, matches)
    assert list(library.names) == ["species", "genus"]  # no reference has a family
    for rank, truth in enumerate((species[queries], genus[queries])):
        right = list(library.names.values())[rank][found.codes[rank]] == truth
        stated = found.probabilities[rank]
        for low, high in ((0, 0.5), (0.5, 1)):
            part = (stated >= low) & (stated < high)
            assert part.sum() < 40 or abs(stated[part].mean() - right[part].mean()) < 0.12
        called = rank_of_call(found, 0.9) == rank
        assert called.sum() < 10 or right[called].mean() > 0.85
    assert found.new_species.mean() == pytest.approx(share, abs=0.12)


def test_a_species_shared_by_identical_references_is_not_called():
    vectors, species, genus = world(seed=5, genera=20)
    twins = np.concatenate([vectors, vectors[:5]])  # the first species' barcodes, under another name too
    library = by_vectors(twins, labels(np.append(species, ["G0 twin"] * 5), np.append(genus, ["G0"] * 5)))
    data, _, matches = asked(library, vectors[:1])
    even = fit_calibration(data, np.array([0.5, 0.5, 0.0]))
    agreed = agreed_ranks(library, matches, None, None)
    found = name_queries(library, data, even, matches, agreed)
    assert found.probabilities[0, 0] <= 0.5
    assert rank_of_call(found, 0.9)[0] == 1


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
    library = by_vectors(vectors, {"species": records, "genus": [name[:1] for name in records]})
    data, calibration, matches = asked(library, vectors)
    assert [data.tells(0), data.tells(1), data.tells_new_species] == told
    found = name_queries(library, data, calibration, matches)
    assert [np.isfinite(p).all() for p in (*found.probabilities, found.new_species)] == told
    assert np.all(rank_of_call(found, 0.9) == -1)  # so few records prove nothing to 0.9


def test_library_without_species_is_refused():
    with pytest.raises(ValueError, match="none of 2 references has a species; name them"):
        by_vectors(np.ones((2, 3), np.float32), {"species": ["", ""], "genus": ["A", "B"]})


def test_vectors_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="NaN or infinity"):
        by_vectors(np.array([[np.nan, 1]], np.float32), {"species": ["A a"]})


def test_scale_of_vectors_does_not_matter():
    vectors, species, genus = world(seed=7, genera=10)
    library, scaled = (by_vectors(v, labels(species, genus)) for v in (vectors, 8 * vectors))
    assert isinstance(library.search, torch.Tensor)
    assert isinstance(scaled.search, torch.Tensor)
    assert torch.equal(library.search, scaled.search)


def test_the_shares_of_new_species_and_new_genera_are_told_apart():
    """Queries of which a third each is known, of a new species, of a new genus: the estimate says so."""
    vectors, species, genus = world(seed=8, genera=90)
    rng = np.random.default_rng(9)
    new_genus = np.isin(genus, np.unique(genus)[:30])
    new_species = ~new_genus & np.isin(species, rng.permutation(np.unique(species))[:120])
    held_out = ~new_genus & ~new_species & (np.arange(len(species)) % 5 == 0)
    rest = ~(new_genus | new_species | held_out)
    library = by_vectors(vectors[rest], labels(species[rest], genus[rest]))
    queries = np.concatenate(
        [rng.permutation(np.flatnonzero(part))[:150] for part in (held_out, new_species, new_genus)]
    )
    data, calibration, matches = asked(library, vectors[queries])
    np.testing.assert_allclose(calibration.shares, 1 / 3, atol=0.12)
    found = name_queries(library, data, calibration, matches)
    right = library.names["genus"][found.codes[1]] == genus[queries]
    assert found.probabilities[1].mean() == pytest.approx(right.mean(), abs=0.06)


def test_what_is_unlike_the_whole_library_gets_no_name():
    vectors, species, genus = world(seed=10)
    library = by_vectors(vectors, labels(species, genus))
    data, calibration, matches = asked(library, np.concatenate([vectors[:5], -vectors.mean(0, keepdims=True)]))
    data = data._replace(similarity=np.maximum(data.similarity, 0.6))
    found = name_queries(library, data, calibration, matches)
    assert found.foreign.tolist() == [False] * 5 + [True]
    assert found.codes[:, 5].tolist() == [-1, -1]
    assert np.isnan(found.probabilities[:, 5]).all()


def test_a_name_that_contradicts_a_sure_lower_one_is_not_called():
    """One genus of the library has no family: its species is not put into the family of the nearest other genus."""
    vectors, species, genus = world(seed=11, genera=20)
    family = np.where(genus == "G0", "", np.char.add("F", (np.char.lstrip(genus, "G").astype(int) // 5).astype(str)))
    library = by_vectors(vectors, labels(species, genus) | {"family": family.tolist()})
    data, calibration, matches = asked(library, vectors[:30])
    found = name_queries(library, data, calibration, matches)
    assert found.probabilities[1].min() > 0.9
    assert found.probabilities[2].max() < 0.1


def test_further_ranks_change_no_look_up():
    """A subgenus and a tribe that few records have: the same taxa are left out, and the genus tells the shares."""
    vectors, species, genus = world(seed=12, genera=40)
    number = np.char.lstrip(genus, "G").astype(int)
    family, order = (
        np.char.add(letter, (number // size).astype(str)).tolist() for letter, size in (("F", 4), ("O", 16))
    )
    few = np.arange(len(species)) % 7 == 0
    subgenus, tribe = (np.where(few, np.char.add(letter, genus), "").tolist() for letter in "ST")
    plain = labels(species, genus) | {"family": family, "order": order, "class": ["C"] * len(species)}
    rich = {"species": plain["species"], "subgenus": subgenus, "genus": plain["genus"], "tribe": tribe}
    rich |= {"subfamily": family, "family": family, "order": order, "class": plain["class"]}
    told = [asked(by_vectors(vectors, names), vectors[::9]) for names in (plain, rich)]
    (data, calibration, _), (other, same, _) = told
    np.testing.assert_array_equal(data.similarity, other.similarity)
    np.testing.assert_array_equal(data.evidence[[0, 1, 2]], other.evidence[[0, 2, 5]])
    assert same.shares[0] == pytest.approx(calibration.shares[0], abs=0.02)


def test_a_lineage_is_completed_past_a_rank_without_names():
    names = {
        "species": ["A a", "A b", "B c"],
        "genus": ["A", "A", "B"],
        "tribe": ["", "", "T"],
        "family": ["F", "", ""],
    }
    library = by_vectors(np.eye(3, dtype=np.float32), names)
    assert library.codes[3].tolist() == [0, 0, -1]


def test_lineages_are_completed_where_records_agree():
    names = {"species": ["A a", "A b", "B c"], "genus": ["A", "A", "B"], "family": ["F", "", ""]}
    library = by_vectors(np.eye(3, dtype=np.float32), names)
    assert library.codes[2].tolist() == [0, 0, -1]
