"""Zero-shot clustering: both published settings are run and recorded, planted species are found."""

import numpy as np
import pytest
import torch

from benchmarks.methods.method import Method, Split, Unsuited
from benchmarks.tasks.zero_shot_clustering import SETTINGS, fit_settings, project, score


@pytest.fixture(scope="module")
def planted() -> Split:
    """Ten species of 8 records; a sequence is the row of its vector."""
    species = np.repeat([f"s{i}" for i in range(10)], 8)
    return Split(np.arange(80).astype(str), [str(i) for i in range(80)], {"species": species})


def encode(sequences) -> np.ndarray:
    rng = np.random.default_rng(0)
    vectors = np.repeat(rng.normal(size=(10, 24)), 8, axis=0) + 0.05 * rng.normal(size=(80, 24))
    return vectors[[int(s) for s in sequences]].astype(np.float32)


def cluster(sequences) -> np.ndarray:
    return np.array([int(s) // 4 for s in sequences])  # every species in two


METHOD = Method("planted", "", 0, encode=encode)


@pytest.mark.slow
def test_planted_species_are_found_under_both_settings(planted):
    metrics = score(METHOD, planted, seed=0)
    assert metrics["ward_ami"]["value"] == 1
    for paper, settings in SETTINGS.items():
        metric = metrics[f"umap_{paper}_ami"]
        assert metric["value"] > 0.9
        assert len(metric["per_seed"]) == 3
        assert metric["value"] == pytest.approx(np.mean(metric["per_seed"]))
        assert {key: metric[key] for key in settings} == settings
        assert (metric["scored"], metric["left_out"]) == (80, 0)


@pytest.mark.slow
def test_shuffled_labels_drop_to_chance(planted):
    species = np.random.default_rng(1).permutation(planted.labels["species"])
    for name, metric in score(METHOD, planted._replace(labels={"species": species}), seed=0).items():
        assert abs(metric["value"]) < 0.15, name


def test_clusters_of_a_tool_count_without_vectors(planted):
    metrics = score(Method("tool", "", 0, cluster=cluster), planted, seed=0)
    assert set(metrics) == {"cluster_ami"}
    assert 0.7 < metrics["cluster_ami"]["value"] < 1
    with pytest.raises(Unsuited, match="neither vectors nor clusters"):
        score(Method("none", "", 0), planted, seed=0)


def test_the_seed_decides_the_projection():
    vectors = encode([str(i) for i in range(80)])
    settings = fit_settings(SETTINGS["barcodebert"], 80)
    first, again, other = (project(vectors, settings, seed) for seed in (0, 0, 1))
    assert first.shape == (80, 50)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_few_sequences_lower_the_settings(planted):
    few = Split(planted.ids[:16], planted.sequences[:16], {"species": planted.labels["species"][:16]})
    metrics = score(METHOD, few, seed=0)
    assert metrics["umap_dnacse_ami"]["n_neighbors"] == 15
    assert metrics["umap_dnacse_ami"]["n_components"] == 14
    with pytest.raises(ValueError, match="needs two"):
        score(METHOD, few._replace(labels={"species": np.array(["a"] * 16)}), seed=0)


def test_umap_leaves_torch_its_number_of_threads():
    """It had taken all cores for all that came after it, so that two runs side by side waited for each other."""
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            project(encode(range(80)), fit_settings(SETTINGS["dnacse"], 80), seed=0)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
