"""Strand, length, mutation and dimensions: what must not matter does not, what must matter does."""

from functools import partial
from zlib import crc32

import numpy as np
import pytest

from benchmarks.methods.kmers import kmer_frequencies
from benchmarks.methods.method import Hits, Method, Predictions, Split, Unsuited, find_hits
from benchmarks.tasks import dimensions, length, mutation, strand
from modeling_dnacse.reading.sequences import reverse_complement

TASKS = (dimensions, length, mutation, strand)
KMERS = Method("tnf", "", 0, encode=partial(kmer_frequencies, k=4))


def both_strands(sequences) -> np.ndarray:
    return kmer_frequencies(sequences, k=4) + kmer_frequencies([reverse_complement(s) for s in sequences], k=4)


CANONICAL = Method("canonical4", "", 0, encode=both_strands)
EMPTY = Split(np.array([], dtype=str), [], {rank: np.array([], dtype=str) for rank in ("species", "genus")})


def make_split(rows: list[tuple[str, str]]) -> Split:
    species = np.array([name for name, _ in rows])
    labels = {"species": species, "genus": np.array([name[0] for name in species])}
    return Split(np.arange(len(rows)).astype(str), [sequence for _, sequence in rows], labels)


@pytest.fixture(scope="module")
def planted() -> tuple[Split, Split, Split]:
    """Ten genera of three species 3 % apart, records 0.5 % apart, 400-600 bp; the third species is unseen."""
    rng = np.random.default_rng(0)

    def evolve(letters: np.ndarray, rate: float) -> np.ndarray:
        return np.where(rng.random(len(letters)) < rate, rng.choice(list("ACGT"), len(letters)), letters)

    rows = {"train": [], "test": [], "unseen_test": []}
    for genus in "abcdefghij":
        ancestor = rng.choice(list("ACGT"), 600)
        for number in range(3):
            species = evolve(ancestor, 0.04)
            for record in range(6):
                name = "unseen_test" if number == 2 else "test" if record < 3 else "train"
                bases = evolve(species, 0.006)[: int(rng.integers(400, 601))]
                rows[name].append((f"{genus}{number}", "".join(bases)))
    return make_split(rows["train"]), make_split(rows["test"]), make_split(rows["unseen_test"])


def values(metrics) -> dict[str, float]:
    return {name: metric["value"] for name, metric in metrics.items()}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_a_task_is_repeatable_and_counts_what_it_leaves_out(task, planted):
    metrics = task.score(KMERS, *planted, seed=0)
    assert metrics == task.score(KMERS, *planted, seed=0)
    for name, metric in metrics.items():
        assert -1 <= metric["value"] <= 1, name
        assert metric["scored"] > 0, name
        assert metric["left_out"] >= 0, name
    assert len(task.SPLITS["test"]) == len(task.SPLITS["val"]) == 3
    assert not any("test" in name for name in task.SPLITS["val"])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_shuffled_labels_drop_to_chance(task, planted):
    references, seen, unseen = planted
    order = np.random.default_rng(1).permutation(len(references.ids))
    shuffled = references._replace(labels={rank: names[order] for rank, names in references.labels.items()})
    for name, value in values(task.score(KMERS, shuffled, seen, unseen, seed=0)).items():
        if name.startswith(("species_seen", "genus_unseen")):
            assert value < 0.4, name  # 20 species, 10 genera, and neighbours of one species go together


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_one_kind_of_queries_is_enough_and_none_is_an_error(task, planted):
    references, seen, unseen = planted
    assert not any("unseen" in name or "ward" in name for name in task.score(KMERS, references, seen, EMPTY, seed=0))
    assert not any("species_seen" in name for name in task.score(KMERS, references, EMPTY, unseen, seed=0))
    with pytest.raises(ValueError):
        task.score(KMERS, references, EMPTY, EMPTY, seed=0)
    with pytest.raises(ValueError):
        task.score(KMERS, EMPTY, seen, unseen, seed=0)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_a_method_that_cannot_do_it_is_unsuited(task, planted):
    with pytest.raises(Unsuited):
        task.score(Method("none", "", 0), *planted, seed=0)


def search(queries, references) -> Hits:
    return find_hits(KMERS, queries, references)


def test_a_search_tool_has_accuracies_only(planted):
    tool = Method("tool", "", 0, search=search)
    assert set(strand.score(tool, *planted, seed=0)) == {
        f"{question}{suffix}" for question in ("species_seen", "genus_unseen") for suffix in ("", "_half_flipped")
    }
    assert mutation.score(tool, *planted, seed=0)["species_seen@0"]["value"] > 0.9
    assert not any("ari" in name for name in length.score(tool, *planted, seed=0))
    with pytest.raises(Unsuited):
        dimensions.score(tool, *planted, seed=0)


def test_merged_strands_do_not_care_and_single_ones_do(planted):
    merged, single = (values(strand.score(method, *planted, seed=0)) for method in (CANONICAL, KMERS))
    assert merged["species_seen_half_flipped"] == merged["species_seen"] > 0.9
    assert merged["cosine_mean"] == pytest.approx(1)
    assert merged["cosine_mean"] <= 1  # a result above 1 is refused, also by a rounding
    assert merged["cosine_p5"] == pytest.approx(1)
    assert merged["cosine_unrelated"] < 0.95
    assert single["species_seen_half_flipped"] < 0.7 * single["species_seen"]
    assert single["cosine_mean"] < 0.9


def test_longer_windows_are_easier(planted):
    by_length = values(length.score(KMERS, *planted, seed=0))
    median = int(np.median([len(s) for split in planted[1:] for s in split.sequences]))
    assert {name for name in by_length if name.startswith("ward")} == {
        f"ward_ari@{bp}" for bp in (100, 150, 300, median)
    }
    assert by_length["species_seen@100"] < by_length[f"species_seen@{median}"]
    assert by_length["genus_unseen@100"] > 0.9
    assert by_length["ward_ari@100"] > 0.9  # the windows of a species lie over one another


def test_every_rate_and_kind_of_error_has_its_point(planted, monkeypatch):
    names = set(mutation.score(KMERS, *planted, seed=0))
    assert names == {f"{question}@0" for question in ("species_seen", "genus_unseen")} | {
        f"{question}{kind}@{rate}"
        for question in ("species_seen", "genus_unseen")
        for kind in ("", "_indels")
        for rate in (0.01, 0.02, 0.05, 0.1)
    }
    monkeypatch.setattr(mutation, "RATES", (0.01, 0.6))
    by_rate = values(mutation.score(KMERS, *planted, seed=0))
    for curve in ("species_seen", "species_seen_indels", "genus_unseen", "genus_unseen_indels"):
        assert by_rate[f"{curve}@0.01"] > 0.9 > 0.5 > by_rate[f"{curve}@0.6"], curve


def test_the_point_of_whole_queries_is_the_same_in_every_task(planted):
    given = values(strand.score(KMERS, *planted, seed=0))["species_seen"]
    assert values(mutation.score(KMERS, *planted, seed=0))["species_seen@0"] == given
    assert values(dimensions.score(KMERS, *planted, seed=0))["species_seen_first@256"] == given


def test_windows_are_scored_and_references_stay_whole(planted):
    seen_lengths = {}

    def classify(queries, references, names):
        seen_lengths.setdefault("queries", set()).update(len(s) for s in queries)
        seen_lengths["references"] = [len(s) for s in references]
        return Predictions(np.full(len(queries), "a0"), np.ones(len(queries), np.float32))

    metrics = length.score(Method("constant", "", 0, classify=classify), *planted, seed=0)
    assert seen_lengths["references"] == [len(s) for s in planted[0].sequences]
    assert {100, 150, 300} <= seen_lengths["queries"]
    assert all(len(s) in seen_lengths["queries"] for s in planted[1].sequences)
    assert metrics["species_seen@100"]["value"] == pytest.approx(1 / 20)


def test_a_method_with_clusters_only_reports_their_agreement(planted):
    def cluster(sequences) -> np.ndarray:
        return np.unique([s[:20] for s in sequences], return_inverse=True)[1]

    tool = Method("tool", "", 0, search=search, cluster=cluster)
    metrics = length.score(tool, *planted, seed=0)
    assert {name for name in metrics if "ari" in name} == {
        name.replace("ward", "cluster") for name in length.score(KMERS, *planted, seed=0) if "ari" in name
    }


def test_short_sequences_are_an_error_and_genomes_have_their_ladder():
    short = make_split([("a0", "ACGT" * 20)] * 3)
    with pytest.raises(ValueError, match="shortest window"):
        length.score(KMERS, short, short, short, seed=0)
    assert length.choose_lengths(30_000) == (500, 1000, 2000, 5000, 10_000, 20_000)


def test_components_keep_what_the_first_columns_lack(planted):
    """The names are in the last two of 40 columns: cut vectors know nothing, components all."""
    names = sorted(set(planted[0].labels["species"]))
    angles = {name: 2 * np.pi * i / len(names) for i, name in enumerate(names)}
    by_sequence = {
        s: angles.get(name, angles[name[0] + "0"] + 0.01)
        for split in planted
        for s, name in zip(split.sequences, split.labels["species"], strict=True)
    }

    def encode(sequences) -> np.ndarray:
        noise = np.array([np.random.default_rng(crc32(s.encode())).normal(size=38) for s in sequences])
        circle = np.array([[np.cos(by_sequence[s]), np.sin(by_sequence[s])] for s in sequences])
        return np.hstack([0.01 * noise, circle]).astype(np.float32)

    metrics = values(dimensions.score(Method("circle", "", 0, encode=encode), *planted, seed=0))
    assert metrics["species_seen_first@40"] > 0.9
    assert metrics["species_seen_pca@16"] > 0.9
    assert metrics["species_seen_first@16"] < 0.3
    assert {name.split("@")[1] for name in metrics} == {"16", "32", "40"}


def test_a_full_set_of_components_only_rotates():
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(50, 8)) + 3
    project = dimensions.fit_components(rows)
    centred = rows - rows.mean(axis=0)
    np.testing.assert_allclose(project(rows) @ project(rows).T, centred @ centred.T, atol=1e-9)
    assert project(rows[:3]).shape == (3, 8)
    assert dimensions.fit_components(rows[:5])(rows).shape == (50, 5)
