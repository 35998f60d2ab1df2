"""Tables from result files: best in bold, markers filled, a file out of date noticed."""

import pytest

from benchmarks.result_files import FIELDS, write_result
from benchmarks.tables import main, render_task


def result(model: str, species: float, task: str = "knn", **changes) -> dict:
    empty = {kind: kind() for kind in (int, str, dict)}
    fields = {field: empty.get(kind) for field, kind in FIELDS.items() if isinstance(kind, type)}
    counts = {"scored": 10, "left_out": 0}
    metrics = {"species_seen": {"value": species, "interval": [species - 0.02, species + 0.01]} | counts}
    return (
        fields
        | {
            "schema_version": 2,
            "task": task,
            "model": model,
            "data": "coi.tsv.gz",
            "evaluation_split": "test",
            "max_sequences": None,
            "metrics": metrics,
        }
        | changes
    )


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    write_result(result("tnf", 0.9), folder)
    write_result(result("ours", 0.95, parameters=12_300_000), folder)
    return folder


def test_best_is_bold_and_first():
    lines = render_task("knn", [result("tnf", 0.9), result("ours", 0.95, parameters=12_300_000)]).splitlines()
    assert lines[2] == "| model | parameters | species, seen |"
    assert lines[4] == "| `ours` | 12.3 M | **95.0** [93.0, 96.0] |"
    assert lines[5] == "| `tnf` | – | 90.0 [88.0, 91.0] |"


def test_seeds_show_their_spread_and_a_new_task_shows_all_metrics():
    table = render_task("binning", [result("a", 0, "binning", metrics={"f1": {"value": 0.5, "per_seed": [0.4, 0.6]}})])
    assert "| f1 |" in table
    assert "**50.0** ± 10.0" in table


def test_write_then_check(results, tmp_path, capsys):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- results:coi.test -->\nold\n<!-- /results:coi.test -->\nafter\n")
    check = ["--results", str(results), "--check", str(readme)]
    assert main(check) == 1
    assert "README.md" in capsys.readouterr().err
    assert main(["--results", str(results), "--write", str(readme)]) == 0
    text = readme.read_text()
    assert text.startswith("before\n<!-- results:coi.test -->\n")
    assert text.endswith("<!-- /results:coi.test -->\nafter\n")
    assert "`ours`" in text
    assert "old" not in text
    assert main(check) == 0
    write_result(result("tnf", 0.97), results)
    assert main(check) == 1


def test_tables_are_printed(results, capsys):
    assert main(["--results", str(results)]) == 0
    assert "### coi.test" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "no marker"),
        ("<!-- results:cytb.test -->\n<!-- /results:cytb.test -->\n", "only coi.test"),
        ("<!-- results:coi.test -->\n", "lacks"),
    ],
)
def test_wrong_markers_are_one_sentence(results, tmp_path, capsys, text, message):
    (tmp_path / "card.md").write_text(text)
    assert main(["--results", str(results), "--write", str(tmp_path / "card.md")]) == 2
    assert message in capsys.readouterr().err
    assert (tmp_path / "card.md").read_text() == text


def test_no_results_and_broken_results_are_named(results, tmp_path, capsys):
    assert main(["--results", str(tmp_path / "none")]) == 2
    assert "no result" in capsys.readouterr().err
    (results / "broken.json").write_text("{")
    assert main(["--results", str(results)]) == 2
    assert "broken.json" in capsys.readouterr().err
