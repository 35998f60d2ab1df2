"""The measurement of embedding: every way gives the same vectors, and a figure is what was measured, or is missing."""

import itertools
import json
import shutil
import time
from contextlib import ExitStack

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

from benchmarks import plots
from benchmarks.data.labelled_tables import write_table
from benchmarks.methods.method import Split
from benchmarks.report.plots.speed import plot_inference
from benchmarks.report.speed_tables import PLAIN
from benchmarks.speed import arms, end_task, inference_throughput
from benchmarks.speed.arms import BATCH, CPU_ARMS, Arm, embed_for, load_arm, measure_pass, ours, timed
from benchmarks.speed.rates import fidelity, matmul_rate, summarise
from benchmarks.speed.workers import Machine, take_turns
from benchmarks.speed.workloads import (
    MIXED_BLOCKS,
    Sample,
    draw_blocks,
    draw_long,
    draw_sample,
    plan_workloads,
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


def split(sequences, genera=()) -> Split:
    return Split(np.array([], dtype=str), list(sequences), {"genus": np.array(genera, dtype=str)})


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
    wrong = summarise(passes, Sample("", ["A"] * 6, 6, 6, 6))["wrong"]
    assert wrong["ratio"] == 2.0
    assert wrong["cosine_min"] > 0.9  # which hides it
    assert wrong["centred_cosine_min"] < 0.5


def test_a_ratio_is_taken_within_rounds():
    """A machine that is twice as slow in one round must not change who is how much faster."""
    done = {"times": 1, "busy_seconds": 0.5, "vectors": np.eye(2), "peak_memory_mb": 5.0}
    plain = [done | {"seconds": seconds} for seconds in (2.0, 4.0, 2.0)]
    fast = [done | {"seconds": seconds, "peak_memory_mb": seconds} for seconds in (1.0, 2.0, 1.0)]
    cell = summarise({PLAIN: plain, "fast": fast}, Sample("", ["A"] * 10, 20, 30, 40))["fast"]
    assert (cell["ratio"], cell["peak_memory_mb"]) == (2.0, 2.0)
    assert (cell["bp_per_second"], cell["tokens_per_second"], cell["flops_per_second"]) == (20.0, 30.0, 40.0)


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
    drawn = draw_blocks(sequences, 5 * BATCH)
    rank = {sequence: place for place, sequence in enumerate(sorted(sequences, key=len))}
    places = sorted(rank[sequence] for sequence in drawn)
    assert len(places) == 100 and sum(np.diff(places) > 1) == 4
    assert places[0] < 100 and places[-1] >= 300
    assert [len(s) for s in drawn] != sorted(len(s) for s in drawn)  # sorting is a part of the work
    assert sorted(draw_blocks(sequences[:30], 100)) == sorted(sequences[:30])


def test_samples_are_as_large_as_the_machine_affords(tiny_folder):
    tokenizer, config = load_tokenizer(str(tiny_folder)), DnacseConfig.from_pretrained(tiny_folder)
    short, long, mixed = plan_workloads([10_000, 200], mixed_sequences(300), "made", "cpu")
    assert (short.name, long.name, long.block, mixed.name) == ("200 bp", "10,000 bp", 2, "mixed, made")
    least = draw_sample(short, tokenizer, config, rate=1.0, seconds=1)
    more = draw_sample(short, tokenizer, config, rate=1e11, seconds=1)
    assert len(least.sequences) == BATCH < len(more.sequences)
    assert more.bp == 200 * len(more.sequences) and more.tokens < more.bp
    assert len(draw_sample(mixed, tokenizer, config, rate=1.0, seconds=1).sequences) == MIXED_BLOCKS * BATCH
    assert draw_long(500, tokenizer, config).tokens == pytest.approx(500, rel=0.05)


def test_the_rate_of_matrix_products_is_in_a_machines_range():
    assert 1e7 < matmul_rate(64, "cpu", seconds=0.01) < 1e14


def test_what_breaks_one_way_is_noted_and_costs_no_other(tiny_folder, capsys, monkeypatch):
    monkeypatch.setitem(CPU_ARMS, "flash", lambda folder, device: ours(folder, device, attention="flash_attention_2"))
    monkeypatch.setitem(CPU_ARMS, "broken", lambda folder, device: Arm(lambda sequences: 1 / 0, torch.nn.Identity()))
    with ExitStack() as stack:
        machine = Machine("cpu", stack, shared_process=True)
        workers = {arm: machine.start() for arm in ("broken", "flash", PLAIN)}
        sample = Sample("40 bp", random_sequences(40, 2), 80, 20, 1)
        passes = take_turns(machine, workers, ("tiny", str(tiny_folder)), sample, 2, 0)
    assert set(passes) == set(workers) == {PLAIN} and len(passes[PLAIN]) == 2
    assert machine.failed == {"tiny, broken, 40 bp": "division by zero"}
    assert "flash-attn" in machine.left_out["tiny, flash, 40 bp"]
    assert "tiny, broken, 40 bp: division by zero" in capsys.readouterr().err


def test_a_model_of_base_size_can_be_made(tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(
        inference_throughput, "DnacseConfig", lambda **shape: DnacseConfig(**shape, num_hidden_layers=1)
    )
    folder = inference_throughput.make_base(str(tiny_folder), tmp_path / "base")
    done = measure_pass("ours, packed", folder, "cpu", ["ACGT" * 10], 0)
    assert done["vectors"].shape == (1, 768)
    assert 0 < done["busy_seconds"] < done["seconds"] and done["peak_memory_mb"] > 100


def test_a_barcode_is_found_by_embedding(tiny_folder):
    references = list(random_families(seed=3).values())
    queries = [references[7], references[2]]
    found, costs = end_task.identify_by_embedding("ours, packed", str(tiny_folder), "cpu", queries, references)
    assert found.tolist() == [7, 2]
    embedded, cached = costs[end_task.EMBEDDED], costs[end_task.CACHED]
    assert embedded["wall_seconds"] >= cached["wall_seconds"] and embedded.keys() == cached.keys()


@pytest.mark.parametrize(("tool", "program"), [("vsearch", "vsearch"), ("blastn megablast", "blastn")])
def test_a_barcode_is_found_by_a_tool(tool, program):
    references = list(random_families(seed=3).values())[::4]  # one of each species
    queries = [references[7], "ACGT", references[2]]
    if shutil.which(program) is None:
        pytest.skip(f"no {program} on PATH")
    found, costs = end_task.measure_tool(tool, queries, references, 1)
    assert found.tolist() == [7, -1, 2]
    assert set(costs) == {"wall_seconds", "cpu_seconds", "peak_memory_mb"}


def test_the_end_task_draws_references_from_train_alone():
    splits = {"train": split(["A", "C"], ["a", "b"]), "test": split(["G"], ["a"]), "unseen_test": split(["T"], ["c"])}
    references, queries = end_task.draw_task(splits, 2)
    assert set(references.sequences) == {"A", "C"} and set(queries.sequences) == {"G", "T"}
    genus = dict(zip(queries.sequences, queries.labels["genus"].tolist(), strict=True))
    assert genus == {"G": "a", "T": "c"}
    with pytest.raises(ValueError, match="the splits train, but the end task needs train and another"):
        end_task.draw_task({"train": splits["train"]}, 2)


@pytest.mark.slow
def test_a_run_writes_one_result(tiny_folder, tmp_path, monkeypatch):
    """One way in a process of its own, as always, the rest in threads to save time; no tool is installed."""
    monkeypatch.setattr(
        end_task, "find_program", lambda name, package: (_ for _ in ()).throw(ValueError(f"no {name}"))
    )
    real, started = Machine.start, itertools.count()

    def start(machine):
        """One real process; threads after it, without the seconds that a process needs to import torch."""
        machine.shared_process = next(started) > 0
        return real(machine)

    monkeypatch.setattr(Machine, "start", start)
    arms = (PLAIN, "ours, packed")
    label = dict.fromkeys(RANKS, "x")
    families = enumerate(random_families(seed=6).values())
    rows = [{"id": f"r{n}", "sequence": s, **label, "split": ("train", "test", "val")[n % 3]} for n, s in families]
    write_table(rows, tmp_path / "barcodes.tsv")
    command = ["--name", "tiny", "--output", str(tmp_path / "inference"), "--model", str(tiny_folder), "--arm", *arms]
    command += ["--data", str(tmp_path / "barcodes.tsv"), "--lengths", "--long", "0", "--queries", "20"]
    command += ["--seconds", "0", "--rounds", "1", "--device", "cpu"]
    assert inference_throughput.main(command) == 0
    result = json.loads((tmp_path / "inference" / "tiny.json").read_text())
    (workload,) = result["models"]["tiny"]["workloads"].values()
    assert set(workload["arms"]) == set(arms) and workload["sequences"] == 48
    assert result["end_task"]["queries"] == 20 > result["end_task"]["references"] == 16
    for cell in workload["arms"].values():
        assert 0 < cell["utilisation"] < 2 and 0 < cell["busy"] < 1 and cell["cosine_min"] > 0.9999
    found = {f"ours, {arm}, references {library}" for arm in ("packed", "int8") for library in ("embedded", "cached")}
    assert set(result["end_task"]["ways"]) == found
    skipped = dict.fromkeys(CPU_ARMS.keys() - arms, "left out by --arm")
    assert result["not_measured"] == {"vsearch": "no vsearch", "blastn megablast": "no blastn"} | skipped
    assert "ONNX Runtime, int8" in skipped
    assert "ours, bf16 flash_attention_2" in result["waiting_for_a_gpu"]  # and never a figure made up
    assert str(tmp_path) not in json.dumps(result)
    page = render(tmp_path)["inference/tiny"]
    assert "Not measured: vsearch (no vsearch)." in page
    assert "Not measured: ONNX Runtime, int8 (left out by --arm)." in page


def test_wrong_data_are_told_in_one_sentence(tiny_folder, tmp_path, capsys):
    command = ["--name", "t", "--output", str(tmp_path), "--model", str(tiny_folder), "--data", "no.tsv"]
    assert inference_throughput.main(command) == 2
    assert "no.tsv" in capsys.readouterr().err


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
