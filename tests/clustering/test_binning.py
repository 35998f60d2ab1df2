"""Bins equal those of the published code, whatever the block; the task counts by hand-worked cases."""

import numpy as np
import pytest

from benchmarks.methods.method import Method, Split, Unsuited
from benchmarks.scoring.bins import bin_quality, match_bins, recovered, tabulate
from benchmarks.tasks.binning import choose_contigs, score
from modeling_dnacse.clustering import k_medoid as binning
from modeling_dnacse.clustering.k_medoid import k_medoid, similarity_threshold


@pytest.fixture(params=["easy", "hard"])
def case(request, reference):
    recorded = np.load(reference / "binning_reference.npz")
    return {key.removeprefix(f"{request.param}."): value for key, value in recorded.items() if request.param in key}


def clusters(seed: int, species: int = 12, members: int = 30, width: int = 16, noise: float = 0.4):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(species), members)
    return rng.normal(size=(species, width))[labels] + noise * rng.normal(size=(len(labels), width)), labels


def test_the_threshold_equals_the_published_one(case):
    threshold = similarity_threshold(case["embeddings"], case["labels"])
    assert threshold == pytest.approx(float(case["binning_threshold"]), abs=1e-6)
    assert threshold == pytest.approx(case["similarity_percentiles_10_to_90"][6], abs=1e-6)


def test_bins_equal_the_published_ones(case):
    bins = k_medoid(case["embeddings"], float(case["binning_threshold"]))
    assert (bins == case["bins"]).all()


def test_recovered_species_equal_the_published_counts(case):
    metrics = recovered(case["labels"].astype(str), case["bins"])
    for name in ("f1", "recall"):
        counts = [metrics[f"recovered_{name}@{level / 10:g}"]["count"] for level in range(1, 10)]
        assert counts == case[f"recovered_at_{name}_0.1_to_0.9"].tolist()
    assert {metric["of"] for metric in metrics.values()} == {len(np.unique(case["labels"]))}


@pytest.mark.parametrize("block", [1, 1000, 7 * 750])
def test_blocks_change_nothing(case, block, monkeypatch):
    monkeypatch.setattr(binning, "BLOCK", block)
    assert (k_medoid(case["embeddings"], float(case["binning_threshold"])) == case["bins"]).all()


def test_similarities_are_held_in_blocks_only(monkeypatch):
    monkeypatch.setattr(binning, "BLOCK", 4096)
    vectors, _ = clusters(0)
    held = []
    multiply = np.matmul

    class Watched(np.ndarray):
        def __matmul__(self, other):
            product = multiply(np.asarray(self), np.asarray(other))
            held.append(product.size)
            return product

    monkeypatch.setattr(binning, "unit", lambda x: (x / np.linalg.norm(x, axis=1, keepdims=True)).view(Watched))
    assert k_medoid(vectors, 0.8).max() == 12
    assert len(held) > len(vectors) / 12
    assert max(held) <= 4096


def test_lengths_of_vectors_and_their_order_do_not_matter():
    vectors, labels = clusters(1)
    rng = np.random.default_rng(0)
    bins = k_medoid(vectors, 0.8)
    scaled = vectors * rng.uniform(0.1, 10, size=(len(vectors), 1))
    assert (k_medoid(scaled, 0.8) == bins).all()
    assert similarity_threshold(scaled, labels) == pytest.approx(similarity_threshold(vectors, labels), abs=1e-6)
    order = rng.permutation(len(vectors))
    again = k_medoid(vectors[order], 0.8)
    assert len({*zip(bins[order].tolist(), again.tolist(), strict=True)}) == len(set(bins.tolist()))


def test_small_bins_stay_out():
    vectors, labels = clusters(2, species=4, members=12, noise=0.01)
    few = np.concatenate([vectors, vectors[:1] * -1])
    assert set(k_medoid(few, 0.9, min_bin_size=12).tolist()) == {-1, 1, 2, 3, 4}
    assert set(k_medoid(few, 0.9, min_bin_size=13).tolist()) == {-1}
    assert (k_medoid(few, 0.9, min_bin_size=1) >= 1).all()
    assert k_medoid(np.empty((0, 4)), 0.9).size == 0


def test_wrong_vectors_are_one_sentence():
    with pytest.raises(ValueError, match="got 2 vectors and 3 labels"):
        similarity_threshold(np.ones((2, 2)), np.zeros(3))
    with pytest.raises(ValueError, match="give finite"):
        k_medoid(np.array([[np.nan, 1.0]]), 0.5)


def test_bins_and_species_are_matched_one_to_one():
    species = np.array(["a"] * 6 + ["b"] * 4 + ["c"] * 2)
    bins = np.array([1, 1, 1, 1, 2, -1, 1, 2, 2, 2, 2, -1])
    table = tabulate(species, bins, np.ones(12))
    assert table.tolist() == [[4, 1], [1, 3], [0, 1]]
    f1, recall = match_bins(table, table.sum(axis=1))
    assert f1 == pytest.approx([2 * 4 / (5 + 5), 2 * 3 / (4 + 5), 0])
    assert recall == pytest.approx([4 / 5, 3 / 4, 0])
    metrics = recovered(species, bins)
    third = metrics["recovered_f1@0.7"]
    assert (third["value"], third["count"], third["of"], third["scored"]) == (pytest.approx(1 / 3), 1, 3, 12)
    assert third["interval"] == [0, 1]  # of three species
    assert metrics["recovered_f1_all@0.7"]["count"] == 1  # 2 * 4 / (6 + 5)
    assert metrics["recovered_f1@0.8"]["count"] == 0  # above, not at


def test_leaving_contigs_out_costs_nothing_in_the_published_count_only():
    metrics = recovered(np.array(["a"] * 100), np.array([1] * 10 + [-1] * 90))
    assert metrics["recovered_f1@0.9"]["count"] == metrics["recovered_recall@0.9"]["count"] == 1
    assert metrics["recovered_f1_all@0.1"]["count"] == 1
    assert metrics["recovered_f1_all@0.2"]["count"] == 0


def test_bp_measures_of_a_case_that_amber_scored():
    """AMBER 2.0.8 gave these figures for these contigs."""
    species = np.array(["a"] * 4 + ["b"] * 3 + ["c"] * 2)
    bins = np.array([1, 1, 2, -1, 2, 2, 1, 3, -1])
    lengths = np.array([5000, 3000, 2500, 4000, 8000, 2600, 2700, 9000, 7000])
    table = tabulate(species, bins, lengths)
    sizes = np.array([14500, 13300, 16000])
    assert {name: metric["value"] for name, metric in bin_quality(table, sizes).items()} == pytest.approx(
        {
            "completeness_bp": 0.637072206378014,
            "purity_bp": 0.8522746189151268,
            "ari_bp": 0.6003114416069035,
            "assigned_bp": 0.7488584474885844,
        },
        abs=1e-12,
    )
    nothing = bin_quality(tabulate(species, np.full(9, -1), lengths), sizes)
    assert list(nothing.values()) == [{"value": 0.0}] * 4


def test_intervals_hold_the_value_and_shrink_with_the_number_of_species():
    widths = {}
    for species in (20, 320):
        rng = np.random.default_rng(0)
        names = np.repeat([f"s{number:03}" for number in range(species)], 12)
        bins = np.where(
            rng.random(len(names)) < 0.3, rng.integers(species, size=len(names)), np.arange(len(names)) // 12
        )
        table = tabulate(names, bins, rng.integers(2500, 9000, len(names)).astype(float))
        metrics = recovered(names, bins) | bin_quality(table, table.sum(axis=1))
        intervals = {name: metric["interval"] for name, metric in metrics.items() if "interval" in metric}
        assert all(low <= metrics[name]["value"] <= high for name, (low, high) in intervals.items())
        widths[species] = {name: high - low for name, (low, high) in intervals.items()}
    for name in ("recovered_f1@0.7", "recovered_f1_all@0.7", "completeness_bp", "ari_bp"):
        assert 2 < widths[20][name] / widths[320][name] < 8, name  # about the root of 16
    assert "interval" not in bin_quality(np.eye(3), np.ones(3))["ari_bp"]


def contigs(prefix: str, species: int, members: int = 12, length: int = 2600, seed: int = 0) -> Split:
    """Contigs whose first bases tell a species' own direction to `encode` below."""
    names = np.repeat([f"{prefix} {number}" for number in range(species)], members)
    rng = np.random.default_rng(seed)
    styles = {name: rng.dirichlet(np.ones(4) * 0.3) for name in np.unique(names)}
    sequences = ["".join(rng.choice(list("ACGT"), length, p=styles[name])) for name in names]
    return Split(np.array([f"{prefix}{row}" for row in range(len(names))]), sequences, {"species": names})


def composition(sequences) -> np.ndarray:
    return np.array([[sequence.count(base) for base in "ACGT"] for sequence in sequences], dtype=np.float32) - 600


COUNTS = Method("counts", "", 0, encode=composition)


def test_the_task_bins_long_contigs_of_frequent_species():
    scored = contigs("Bos", 5, seed=1)
    short = contigs("Cis", 1, length=2499, seed=2)
    rare = contigs("Dux", 1, members=9, seed=3)
    unseen = Split(
        np.concatenate([scored.ids, short.ids, rare.ids]),
        scored.sequences + short.sequences + rare.sequences,
        {"species": np.concatenate([part.labels["species"] for part in (scored, short, rare)])},
    )
    assert choose_contigs(unseen).tolist() == list(range(60))
    metrics = score(COUNTS, contigs("Alba", 5), unseen, seed=0)
    assert metrics["threshold"]["scored"] == 60
    assert metrics["recovered_f1@0.5"]["of"] == 5
    assert {metric["left_out"] for name, metric in metrics.items() if name != "threshold"} == {21}
    assert all(-1 <= metric["value"] <= 1 for metric in metrics.values())


def test_shuffled_labels_recover_nothing():
    labelled, unseen = contigs("Alba", 5), contigs("Bos", 8, members=20, seed=1)
    shuffled = np.random.default_rng(0).permutation(unseen.labels["species"])
    honest = score(COUNTS, labelled, unseen, seed=0)
    planted = score(COUNTS, labelled, unseen._replace(labels={"species": shuffled}), seed=0)
    assert honest["ari_bp"]["value"] > 0.6
    assert abs(planted["ari_bp"]["value"]) < 0.1
    assert planted["recovered_f1_all@0.5"]["count"] == 0 < honest["recovered_f1_all@0.5"]["count"]


def test_what_cannot_be_binned_says_so():
    with pytest.raises(ValueError, match="got 0 labelled contigs and 60 to bin"):
        score(COUNTS, contigs("Alba", 5, members=9), contigs("Bos", 5), seed=0)
    with pytest.raises(ValueError, match="'Bos 0' is a labelled species and one to bin"):
        score(COUNTS, contigs("Bos", 2), contigs("Bos", 5), seed=0)
    with pytest.raises(Unsuited, match="gives no vectors"):
        score(Method("tool", "", 0), contigs("Alba", 2), contigs("Bos", 5), seed=0)
