"""Tables from result files: best in bold, markers filled, seeds merged, a file out of date noticed."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.report.result_files import write_result
from benchmarks.report.result_folders import read_tables
from benchmarks.report.task_tables import render_task
from benchmarks.tables import main, render
from benchmarks.tasks import TASKS
from tests.support.made_results import metric, result


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    write_result(result("tnf", 0.9), folder)
    write_result(result("ours", 0.95, parameters=12_300_000), folder)
    return folder


@pytest.mark.parametrize("name", TASKS)
def test_every_task_says_what_is_shown(name):
    shown = TASKS[name].TASK
    assert shown.title
    assert shown.headline in shown.columns or f"{shown.headline.partition('@')[0]}@" in shown.columns
    assert set(shown.unranked) <= set(shown.columns)
    assert {"test", "val"} == TASKS[name].SPLITS.keys()


def test_best_is_bold_and_first():
    lines = render_task("knn", [result("tnf", 0.9), result("ours", 0.95, parameters=12_300_000)]).splitlines()
    assert lines[2] == "| model | parameters | species, seen |"
    assert lines[4] == "| `ours` | 12.3 M | **95.0** [93.0, 96.0] |"
    assert lines[5] == "| `tnf` | – | 90.0 [88.0, 91.0] |"


def test_nothing_is_best_of_one_or_where_more_is_not_better():
    clusters = {"kmeans_ari": metric(0.5), "cluster_ari": metric(0.5)}
    rows = [
        result("tool", 0, "species_clustering", metrics={"cluster_ari": metric(0.4)}),
        result("tnf", 0, "species_clustering", metrics={"kmeans_ari": metric(0.3)}),
        result("tnf2", 0, "species_clustering", metrics={"kmeans_ari": clusters["kmeans_ari"]}),
    ]
    lines = render_task("species_clustering", rows).splitlines()
    assert lines[4:] == [
        "| `tnf2` | **50.0** [48.0, 51.0] |  |",
        "| `tnf` | 30.0 [28.0, 31.0] |  |",
        "| `tool` |  | 40.0 [38.0, 41.0] |",
    ]
    rows = [result(name, 0, "strand", metrics={"cosine_unrelated": metric(0.4)}) for name in "ab"]
    assert "**40.0**" not in render_task("strand", rows)


def test_seeds_show_their_spread_and_a_new_task_shows_all_metrics():
    seeds = {"value": 0.5, "per_seed": [0.4, 0.5, 0.6]}
    table = render_task("juggling", [result("a", 0, "juggling", metrics={"balls": seeds})])
    assert "| balls |" in table
    assert "| 50.0 ± 10.0 |" in table


def test_curves_show_their_ends():
    curve = {f"species_seen@{length}": metric(length / 1000) for length in (658, 100, 300)}
    header, _, row = render_task("length", [result("a", 0, "length", metrics=curve)]).splitlines()[2:]
    assert header == "| model | species, seen, 100 bp | species, seen, 658 bp |"
    assert row == "| `a` | 10.0 [8.0, 11.0] | 65.8 [63.8, 66.8] |"


def test_costs_stand_where_embedding_is_the_work():
    costs = {
        "method": {"sequences": 500, "wall_seconds": 2.0, "cpu_seconds": 1.0},
        "task": {"peak_memory_mb": 1024.0, "children_peak_memory_mb": 512.0},
    }
    lines = render_task("knn", [result("a", 0.5, costs=costs), result("b", 0.4)]).splitlines()
    assert lines[4].endswith(" | 4.00 / 2.00 | 1.5 |")
    assert lines[5].endswith(" |  |  |")
    assert "GB" not in render_task("strand", [result("a", 0.5, "strand", costs=costs)])


def test_runs_of_an_arm_become_a_row_of_a_subfolder(results):
    for seed, value in enumerate((0.5, 0.6, 0.7)):
        write_result(result(f"curriculum#{seed}", value, parameters=1_000_000), results / "ablation")
    write_result(result("kmer6", 0.55), results / "ablation")
    assert set(read_tables(results)) == {"coi.test", "ablation/coi.test"}
    lines = render(results)["ablation/coi.test:knn"].splitlines()
    assert lines[2] == "| model | parameters | trained | species, seen |"
    assert lines[4] == "| `curriculum` | 1.0 M | 3 × | **60.0** ± 10.0 |"
    assert lines[5] == "| `kmer6` | – | 1 × | 55.0 [53.0, 56.0] |"


def test_training_rates_are_compared_with_padding(results):
    measured = {
        "kind": "training_throughput",
        "name": "coi-mini",
        "batch_size": 64,
        "max_length": 400,
        "arms": {
            "padded": {"pairs_per_second": 10.0, "padding": 0.6, "peak_memory_mb": 3000.0},
            "varlen": {"pairs_per_second": 35.0, "padding": 0.05, "peak_memory_mb": 1200.0},
        },
        "waiting_for_a_gpu": ["bf16"],
        "device": "two cores",
    }
    (results / "training").mkdir()
    (results / "training" / "coi-mini.json").write_text(json.dumps(measured))
    lines = render(results)["training/coi-mini"].splitlines()
    assert lines[0] == "| arm | pairs/s | pairs/s by padded | padding | peak memory, MB |"
    assert lines[3] == "| varlen | 35.0 | 3.50 × | 5% | 1,200 |"
    assert lines[-1].endswith("Machine: two cores. Not measured for want of a GPU: bf16.")
    (results / "training" / "other.json").write_text("{}")
    with pytest.raises(ValueError, match=r"other\.json is no measurement"):
        render(results)


def test_write_then_check(results, tmp_path, capsys):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- results:coi.test -->\nstale\n<!-- /results:coi.test -->\nafter\n")
    check = ["--results", str(results), "--check", str(readme)]
    assert main(check) == 1
    assert "README.md" in capsys.readouterr().err
    assert main(["--results", str(results), "--write", str(readme)]) == 0
    text = readme.read_text()
    assert text.startswith("before\n<!-- results:coi.test -->\n")
    assert text.endswith("<!-- /results:coi.test -->\nafter\n")
    assert "`ours`" in text
    assert "stale" not in text
    assert main(check) == 0
    write_result(result("tnf", 0.97), results)
    assert main(check) == 1


def test_a_marker_may_ask_for_one_task(results, tmp_path):
    write_result(result("tnf", 0.2, "strand"), results)
    card = tmp_path / "card.md"
    card.write_text("<!-- results:coi.test:strand -->\n<!-- /results:coi.test:strand -->\n")
    assert main(["--results", str(results), "--write", str(card)]) == 0
    assert "20.0" in card.read_text()
    assert "90.0" not in card.read_text()


def test_aims_of_the_shipped_models_are_not_printed_for_results_of_others(tmp_path, capsys):
    """A first run of one's own model ended in two pages of aims that were not measured, and an empty overview."""
    write_result(result("mine", 0.5, data="mine.tsv"), tmp_path)
    assert main(["--results", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "### mine.test" in printed and "### data" in printed
    assert "not measured" not in printed and "### overview" not in printed


def test_tables_are_printed_once(results, capsys):
    assert main(["--results", str(results)]) == 0
    out = capsys.readouterr().out
    assert "### coi.test\n" in out
    assert out.count("`ours`") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "no marker"),
        ("<!-- results:cytb.test -->\n<!-- /results:cytb.test -->\n", "only coi.test, aims, overview, data.\n"),
        ("<!-- results:coi.test:gue -->\n<!-- /results:coi.test:gue -->\n", "only coi.test:knn, coi.test:summary.\n"),
        ("<!-- results:coi.test -->\n", "lacks"),
    ],
)
def test_wrong_markers_are_one_sentence_and_nothing_is_written(results, tmp_path, capsys, text, message):
    good = "<!-- results:coi.test -->\n<!-- /results:coi.test -->\n"
    (tmp_path / "README.md").write_text(good)
    (tmp_path / "card.md").write_text(text)
    files = [str(tmp_path / name) for name in ("README.md", "card.md")]
    assert main(["--results", str(results), "--write", *files]) == 2
    assert message in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text() == good
    assert (tmp_path / "card.md").read_text() == text


def test_no_results_and_broken_results_are_named(results, tmp_path, capsys):
    assert main(["--results", str(tmp_path / "none")]) == 2
    assert "no result" in capsys.readouterr().err
    for text in ("{", "[1]", "3", "[" * 100_000):
        (results / "broken.json").write_text(text)
        assert main(["--results", str(results)]) == 2
        assert "broken.json" in capsys.readouterr().err
    (results / "broken.json").unlink()
    (results / "faults").mkdir()
    (results / "faults" / "faults.json").write_text('{"kind": "faults", "artefacts": {}}')
    for name in ("mutation.json", "command_files.json", "coverage.json"):
        (results / "faults" / name).write_text('{"modules": [], "artefacts": 3, "folders": "all"}')
        assert main(["--results", str(results)]) == 2
        assert name in capsys.readouterr().err
        (results / "faults" / name).unlink()


def test_a_page_that_cannot_be_written_stays_whole(results, tmp_path, capsys, monkeypatch):
    """A page is an input of its own making; a link to it stays one."""
    page, link = tmp_path / "page.md", tmp_path / "link.md"
    page.write_text("<!-- results:coi.test -->\n<!-- /results:coi.test -->\n")
    link.symlink_to(page)
    empty, write_text = page.read_text(), Path.write_text

    def half(path, text):
        write_text(path, text[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Path, "write_text", half)
        assert main(["--results", str(results), "--write", str(link)]) == 2
    assert "page.md cannot be written (No space left" in capsys.readouterr().err and page.read_text() == empty
    assert main(["--results", str(results), "--write", str(link)]) == 0
    assert link.is_symlink() and "| model |" in page.read_text()
    page.write_bytes(b"\xff")
    assert main(["--results", str(results), "--write", str(page)]) == 2
    assert "page.md is not a page in UTF-8" in capsys.readouterr().err


def test_leaks_and_quick_looks_are_said(results):
    assert "Caution" not in render(results)["coi.test"]
    write_result(result("tnf", 0.9, leaked=1200, max_sequences=500), results)
    assert "up to 1,200 sequences are in more than one" in render(results)["coi.test"]
    assert "Some of these results come from a part" in render(results)["coi.test"]


def test_rows_that_do_not_compare_are_said(results):
    strand = {"task": "strand", "data_sha256": "a"}
    write_result(result("ours", 0.9, **strand, options={"queries": 400}), results)
    write_result(result("vsearch", 0.9, **strand, options={"queries": 400}), results)
    assert "Caution" not in render(results)["coi.test"]
    write_result(result("vsearch", 0.9, **strand, options={"queries": 200}), results)
    said = "the rows of strand were run with different arguments: `ours` with queries = 400; `vsearch` with queries ="
    assert f"{said} 200." in render(results)["coi.test"]
    write_result(result("vsearch", 0.9, **strand, options={"queries": 400}, seed=5), results)
    said = "strand were run with different seeds, so on other draws: `ours` with 0; `vsearch` with 5."
    assert said in render(results)["coi.test"]
    write_result(result("vsearch", 0.9, task="strand", data_sha256="b"), results)
    assert "the rows of strand come from different data files" in render(results)["coi.test:strand"]
    assert "Caution" not in render(results)["coi.test:knn"]


def test_times_of_other_devices_are_said(results):
    costs = {
        "method": {"sequences": 500, "wall_seconds": 2.0, "cpu_seconds": 1.0},
        "task": {"peak_memory_mb": 1024.0, "children_peak_memory_mb": 0.0},
    }
    for model, threads in (("tnf", 1), ("ours", 2)):
        for task in ("knn", "strand"):
            write_result(result(model, 0.9, task, device=f"CPU, {threads} threads", costs=costs), results)
    write_result(result("untimed", 0.9, device="GPU"), results)
    said = "the times of knn were measured on different devices: `ours` on CPU, 2 threads; `tnf` on CPU, 1 threads."
    assert said in render(results)["coi.test"]
    assert said in render(results)["coi.test:knn"]
    assert "Caution" not in render(results)["coi.test:strand"]  # shows none
    write_result(result("ours", 0.9, device="CPU, 1 threads", costs=costs), results)
    assert "Caution" not in render(results)["coi.test"]


def test_a_summary_has_the_headline_metric_of_each_task(results, capsys):
    write_result(result("ours", 0, metrics={"genus_unseen": metric(0.9)}), results)
    write_result(result("untrained:ours", 0, metrics={"genus_unseen": metric(0.6)}), results)
    write_result(result("ours", 0, "species_clustering", metrics={"ward_ami": metric(0.8)}), results)
    write_result(result("vsearch", 0, "species_clustering", metrics={"cluster_ari": metric(0.9)}), results)
    assert main(["--results", str(results), "--only", "coi.test:summary"]) == 0
    heads, _, *rows = capsys.readouterr().out.splitlines()
    assert heads.count("|") == 4 and "genus of unseen species" in heads and "Ward AMI" in heads
    assert rows[:2] == ["| `ours` | **90.0** | **80.0** |", "| `untrained:ours` | 60.0 |  |"]
    assert main(["--results", str(results), "--only", "nothing"]) == 2
    assert "coi.test:summary" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_reader_that_has_ended_and_a_full_standard_output(results):
    """They were "[Errno 32] Broken pipe" and "[Errno 28] No space left on device"."""
    script = [sys.executable, Path(__file__).parents[3] / "benchmarks" / "tables.py", "--results", results]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(script, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and "the standard output cannot be written (No space left" in done.stderr
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(script, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_page_that_is_a_link_to_itself_is_told(tmp_path, capsys):
    write_result(result("tnf", 0.9), tmp_path)
    (tmp_path / "page.md").symlink_to("page.md")
    assert main(["--results", str(tmp_path), "--check", str(tmp_path / "page.md")]) == 2
    assert "page.md" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"splits": {"train": {"records": 3}}}, "the field splits is"),
        ({"costs": {"task": {}}}, "the costs of the task are"),
        ({"answers": {"species_seen": {"sizes": "x", "right": "x", "queries": "x"}}}, "are damaged"),
        ({"metrics": {"species_seen@abc": metric(0.5)}}, "must be NAME or NAME@NUMBER"),
        ({"device": "CPU\x1b[31m"}, "holds a control character"),
        ({"parameters": 10**400}, "where a number belongs"),
        ({"options": []}, "but must be dict"),
    ],
)
def test_a_result_whose_parts_cannot_be_shown_is_named(results, capsys, change, said):
    """Most of these were tracebacks; the control character went to the terminal."""
    path = next(results.glob("*.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert main(["--results", str(results)]) == 2
    error = capsys.readouterr().err
    assert path.name in error and said in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("training/a.json", {"kind": "training_throughput", "arms": {}}),
        ("training/b.json", {"kind": "training_throughput", "arms": {"x": 3}}),
        ("inference/a.json", {"kind": "inference_throughput", "models": {}, "matmul_flops_per_second": {}}),
        ("inference/b.json", {"kind": "inference_throughput", "models": {"m": {"workloads": {"w": 1}}}}),
        ("leaks/a.json", {"kind": "leaks", "leaks": [{}], "splits": {}}),
        ("leaks/b.json", {"kind": "leaks", "leaks": [], "splits": {"s": {"records": "x", "species": 1}}}),
    ],
)
def test_a_measurement_with_other_content_is_named(results, capsys, place, content):
    """These were tracebacks, or messages of Python without a file."""
    (results / place).parent.mkdir(exist_ok=True)
    (results / place).write_text(json.dumps(content))
    assert main(["--results", str(results)]) == 2
    error = capsys.readouterr().err
    assert f"{place} holds other values than this package writes" in error and error.count("\n") == 1
