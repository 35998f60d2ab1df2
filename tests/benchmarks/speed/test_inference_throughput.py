"""The measurement of embedding: every way gives the same vectors, and a figure is what was measured, or is missing."""

import json
import shutil
import time

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

from benchmarks import plots
from benchmarks.data.labelled_tables import write_labelled
from benchmarks.report.plots.speed import plot_inference
from benchmarks.report.speed_tables import PLAIN
from benchmarks.speed import arms, inference_throughput
from benchmarks.speed.arms import CPU_ARMS, Arm, embed_for, load_arm, measure_pass, ours, timed
from benchmarks.speed.rates import fidelity, matmul_rate, summarise
from benchmarks.speed.workers import Workers
from benchmarks.speed.workloads import (
    BATCH,
    Sample,
    draw_blocks,
    long_sequence,
    measure_sample,
    random_sequences,
)
from benchmarks.tables import render
from modeling_dnacse import DnacseConfig
from modeling_dnacse.loading.checkpoints import load_tokenizer
from modeling_dnacse.loading.onnx_export import export_onnx
from modeling_dnacse.reading.labels import RANKS
from tests.support.families import random_families


def mixed_sequences(count):
    lengths = np.random.default_rng(0).permutation(count) * 4 + 200
    return [sequence[:bp] for sequence, bp in zip(random_sequences(2000, count), lengths, strict=True)]


@pytest.fixture(scope="module")
def exported(tiny_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "onnx"
    export_onnx(str(tiny_folder), folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", CPU_ARMS)
def test_every_way_gives_the_vectors_of_the_plain_one(name, tiny_folder, request, monkeypatch):
    if name.startswith("ONNX"):  # one export, which takes seconds, serves both
        graph = request.getfixturevalue("exported")
        monkeypatch.setattr(arms, "export_onnx", lambda _, folder: shutil.copytree(graph, folder))
    sequences = list(random_families(seed=5).values())[: BATCH + 5]
    plain, vectors = (load_arm(arm, str(tiny_folder), "cpu").embed(sequences) for arm in (PLAIN, name))
    found = fidelity(vectors, plain)
    if "int8" in name:
        assert found["cosine_min"] > 0.99
    else:
        assert found["centred_cosine_min"] > 0.9999


def test_a_way_that_is_fast_and_wrong_shows():
    vectors = np.random.default_rng(0).normal(size=(6, 4)) + 10  # all near each other, as of a random network
    done = {"times": 1, "seconds": 1.0, "busy_seconds": 1.0, "vectors": vectors}
    passes = {PLAIN: [done], "wrong": [done | {"vectors": vectors[::-1], "seconds": 0.5}]}
    wrong = summarise(passes, Sample("", ["A"] * 6, 6, 6, 6), 1.0)["wrong"]
    assert wrong["ratio"] == 2.0
    assert wrong["cosine_min"] > 0.9  # which hides it
    assert wrong["centred_cosine_min"] < 0.5


def test_a_ratio_is_taken_within_rounds():
    """A machine that is twice as slow in one round must not change who is how much faster."""
    done = {"times": 1, "busy_seconds": 0.5, "vectors": np.eye(2), "peak_memory_mb": 5.0}
    plain = [done | {"seconds": seconds} for seconds in (2.0, 4.0, 2.0)]
    fast = [done | {"seconds": seconds, "peak_memory_mb": seconds} for seconds in (1.0, 2.0, 1.0)]
    cell = summarise({PLAIN: plain, "fast": fast}, Sample("", ["A"] * 10, 20, 30, 40), 100.0)["fast"]
    assert (cell["ratio"], cell["peak_memory_mb"]) == (2.0, 2.0)
    assert (cell["bp_per_second"], cell["tokens_per_second"], cell["utilisation"]) == (20.0, 30.0, 0.4)


def test_only_the_model_is_busy():
    model = torch.nn.Identity()

    def embed(sequences):
        time.sleep(0.02)
        return model(torch.zeros(len(sequences), 2)).numpy()

    with timed(model, "forward", on_cuda=False) as spans:
        _, times, seconds = embed_for(Arm(embed, model), ["A"], 0.05)
    assert times == len(spans) >= 2
    assert seconds >= 0.05 and sum(spans) < seconds / 2
    model(torch.zeros(1))
    assert len(spans) == times  # it is no longer watched


def test_blocks_are_neighbours_in_length_from_all_over_the_file():
    sequences = mixed_sequences(400)
    drawn = draw_blocks(sequences, 5)
    rank = {sequence: place for place, sequence in enumerate(sorted(sequences, key=len))}
    places = sorted(rank[sequence] for sequence in drawn)
    assert len(places) == 100 and sum(np.diff(places) > 1) == 4
    assert places[0] < 100 and places[-1] >= 300
    assert [len(s) for s in drawn] != sorted(len(s) for s in drawn)  # sorting is a part of the work
    assert sorted(draw_blocks(sequences[:30], 5)) == sorted(sequences[:30])


def test_a_sample_counts_its_tokens_and_flops(tiny_folder):
    tokenizer, config = load_tokenizer(str(tiny_folder)), DnacseConfig.from_pretrained(tiny_folder)
    long = measure_sample("long", [long_sequence(500, tokenizer)], tokenizer, config)
    assert long.tokens == pytest.approx(500, rel=0.05) and long.bp > long.tokens
    twice = measure_sample("two", long.sequences * 2, tokenizer, config)
    assert (twice.bp, twice.tokens, twice.flops) == (2 * long.bp, 2 * long.tokens, 2 * long.flops)


def test_the_rate_of_matrix_products_is_in_a_machines_range():
    assert 1e7 < matmul_rate("cpu", seconds=0.01) < 1e14


def test_what_breaks_one_way_is_noted_and_costs_no_other(tiny_folder, capsys, monkeypatch):
    monkeypatch.setitem(CPU_ARMS, "flash", lambda folder, device: ours(folder, device, attention="flash_attention_2"))
    monkeypatch.setitem(CPU_ARMS, "broken", lambda folder, device: Arm(lambda sequences: 1 / 0, torch.nn.Identity()))
    notes = {"not_measured": {}, "failed": {}}
    with Workers(("broken", "flash", PLAIN), str(tiny_folder), "cpu", notes, shared=True) as workers:
        passes = workers.take_turns("tiny, 40 bp", random_sequences(40, 2), 2, 0)
        assert set(passes) == set(workers.running) == {PLAIN} and len(passes[PLAIN]) == 2
    assert notes["failed"] == {"broken, tiny, 40 bp": "division by zero"}
    assert "flash-attn" in notes["not_measured"]["flash, tiny, 40 bp"]
    assert "broken, tiny, 40 bp: division by zero" in capsys.readouterr().err


def test_a_pass_is_measured(tiny_folder):
    done = measure_pass("ours, packed", str(tiny_folder), "cpu", ["ACGT" * 10], 0)
    assert done["times"] == 1 == len(done["vectors"])
    assert 0 < done["busy_seconds"] < done["seconds"] and done["peak_memory_mb"] > 100


@pytest.mark.slow
def test_a_run_writes_one_result(tiny_folder, tmp_path):
    """One way in a process of its own, as always; it is `plain`, whose ratio to itself is 1."""
    label = dict.fromkeys(RANKS, "x")
    families = enumerate(random_families(seed=6).values())
    rows = [{"id": f"r{n}", "sequence": s, **label, "split": ("train", "test", "val")[n % 3]} for n, s in families]
    write_labelled(rows, tmp_path / "barcodes.tsv")
    command = ["--name", "tiny", "--output", str(tmp_path / "inference"), "--model", str(tiny_folder), "--arm", PLAIN]
    command += ["--data", str(tmp_path / "barcodes.tsv"), "--lengths", "200", "--long", "100"]
    command += ["--seconds", "0", "--rounds", "1", "--device", "cpu"]
    assert inference_throughput.main(command) == 0
    result = json.loads((tmp_path / "inference" / "tiny.json").read_text())
    workloads = result["models"]["tiny"]["workloads"]
    assert [(name, workload["sequences"]) for name, workload in workloads.items()] == [
        ("200 bp", 100),
        ("mixed, barcodes", 48),
        ("100 tokens", 1),
    ]
    for workload in workloads.values():
        (cell,) = workload["arms"].values()
        assert 0 < cell["utilisation"] < 2 and 0 < cell["busy"] < 1 and cell["cosine_min"] > 0.9999
        assert cell["ratio"] == 1.0
    assert result["not_measured"] == dict.fromkeys(CPU_ARMS.keys() - {PLAIN}, "left out by --arm")
    assert "ours, bf16 flash_attention_2" in result["waiting_for_a_gpu"]  # and never a figure made up
    assert str(tmp_path) not in json.dumps(result)
    page = render(tmp_path)["inference/tiny"]
    assert "Not measured: ONNX Runtime, int8 (left out by --arm)." in page
    assert "| plain |" in page and "Identifying" not in page


def test_wrong_data_are_told_in_one_sentence(tiny_folder, tmp_path, capsys):
    command = ["--name", "t", "--output", str(tmp_path), "--model", str(tiny_folder), "--data", "no.tsv"]
    assert inference_throughput.main(command) == 2
    assert "no.tsv" in capsys.readouterr().err
    (tmp_path / "t.json").write_text('{"my": "file"}')
    assert inference_throughput.main(command) == 2
    assert "t.json exists and is not a measurement of inference; give another" in capsys.readouterr().err
    assert (tmp_path / "t.json").read_text() == '{"my": "file"}'
    (tmp_path / "t.json").unlink()
    if not torch.cuda.is_available():
        assert inference_throughput.main([*command, "--device", "cuda"]) == 2
        assert "--device cuda cannot be used here" in capsys.readouterr().err


@pytest.fixture
def measured(tmp_path) -> dict:
    plain = {"sequences_per_second": 5.0, "tokens_per_second": 700.0, "bp_per_second": 3300.0, "ratio": 1.0}
    plain |= {"utilisation": 0.4, "busy": 0.99, "peak_memory_mb": 900.0, "cosine_min": 1.0, "centred_cosine_min": 1.0}
    fast = plain | {"sequences_per_second": 1500.0, "ratio": 1.5, "utilisation": 0.6, "cosine_min": 0.99234}
    arms = {"plain": plain, "fast": fast}
    one = {arm: cell | {"added_memory_mb": 70.0} for arm, cell in arms.items()}
    workloads = {
        "660 bp": {"sequences": 20, "arms": {"plain": plain}},
        "mixed, coi": {"sequences": 80, "arms": arms},
        "5,000 tokens": {"sequences": 1, "arms": one},
    }
    ways = {
        "ours": {"wall_seconds": 4.25, "start_seconds": 3.0, "genus_right": 0.5},
        "vsearch": {"wall_seconds": 8.0, "genus_right": 0.75},
    }
    result = {
        "kind": "inference_throughput",
        "name": "cpu",
        "models": {"mini": {"parameters": 1_900_000, "workloads": workloads}},
        "end_task": {"queries": 10_000, "references": 9_000, "median_bp": 640, "source": "data", "model": "mini"},
        "data": {"name": "coi.tsv.gz"},
        "mixed": {"bp_quartiles": [200, 500, 640, 700, 1600]},
        "matmul_flops_per_second": {"square": 2e11, "192 wide": 1e11},
        "plain_batch": 20,
        "waiting_for_a_gpu": ["ours, bf16 sdpa"],
        "not_measured": {"blastn megablast": "no program blastn."},
        "failed": {},
        "device": "two cores",
    }
    result["end_task"]["ways"] = ways
    (tmp_path / "inference").mkdir()
    (tmp_path / "inference" / "cpu.json").write_text(json.dumps(result))
    return result


def test_the_table_says_what_was_measured(measured, tmp_path):
    lines = render(tmp_path)["inference/cpu"].splitlines()
    assert "| way | 660 bp | mixed, coi |" in lines
    assert "| fast | – | 1,500 (1.50 ×) |" in lines
    assert "| fast | 700 | 3,300 | 60% | 99.0% | 900 | 0.9923 | 1.0000 |" in lines
    assert "**mini**, one sequence of 5,000 tokens" in lines and "| plain | 700 | 40% | 900 | 70 |" in lines
    assert "| ours | 4.2 | 3.0 | 50.0% |" in lines and "| vsearch | 8.0 | – | 75.0% |" in lines
    assert "Not measured: blastn megablast (no program blastn)." in lines[-1] and "200 GFLOP/s" in lines[-1]


def test_the_picture_shows_ratios_and_the_end_task(measured, tmp_path):
    ratios, task = plot_inference(measured).axes
    assert [line.get_ydata() for line in ratios.lines if line.get_marker() != "None"] == [(1.5,)]
    assert [bar.get_width() for bar in task.patches] == [4.25, 3.0, 8.0, 0.0]
    plt.close("all")
    drawn = tmp_path / "drawn.png"
    assert plots.main(["inference", "--results", str(tmp_path), "--output", str(drawn)]) == 0
    assert drawn.stat().st_size > 10_000
    assert plots.main(["inference", "--results", str(tmp_path / "inference"), "--output", str(drawn)]) == 2
    with pytest.raises(ValueError, match="no ratio to plain"):
        plot_inference(measured | {"models": {}})
