"""Result pages: generated whole from templates, with the figures of the results, one for each folder of results."""

import re

import pytest

from benchmarks.report.pages import RESULTS, TEMPLATES, fill_template, plan_pages, shown_pictures
from benchmarks.report.quotes import quote
from benchmarks.report.result_files import write_result
from benchmarks.report.result_folders import read_tables
from benchmarks.tables import main
from tests.support.made_results import metric, result

FOLDERS = sorted(path.name for path in RESULTS.glob("*/"))


def test_results_may_lie_flat_or_in_a_folder_of_their_data_set(tmp_path, capsys):
    write_result(result("tnf", 0.9), tmp_path)
    write_result(result("kmer6", 0.8), tmp_path / "coi")
    write_result(result("kmer5", 0.8), tmp_path / "other")
    tables = read_tables(tmp_path)
    assert {name: [row["model"] for row in rows] for name, rows in tables.items()} == {
        "coi.test": ["tnf", "kmer6"],
        "other/coi.test": ["kmer5"],
    }
    write_result(result("kmer6", 0.7), tmp_path)
    assert main(["--results", str(tmp_path)]) == 2
    assert "two results coi.test of kmer6 on knn" in capsys.readouterr().err


def test_a_folder_without_a_template_has_a_page_with_its_tables(tmp_path):
    write_result(result("tnf", 0.9), tmp_path / "mine")
    command = ["--results", str(tmp_path)]
    assert main([*command, "--check"]) == 1
    assert main([*command, "--write"]) == 0
    page = tmp_path / "mine" / "README.md"
    assert page.read_text().startswith(
        "# mine\n\n*`benchmarks/tables.py` generates this page from the JSON files beside it.*\n"
    )
    assert "| `tnf` | 90.0 [88.0, 91.0] |" in page.read_text()
    assert main([*command, "--check"]) == 0
    page.write_text(page.read_text() + "by hand\n")
    assert main([*command, "--check", str(page)]) == 1


def test_a_figure_in_a_sentence_is_that_of_the_results(tmp_path, capsys):
    write_result(result("tnf", 0.9), tmp_path)
    name = "coi.test:knn:tnf:species_seen"
    text = f"<!-- value:{name} -->stale<!-- /value --> and <!-- value:{name}:interval --><!-- /value -->"
    (page := tmp_path / "page.md").write_text(text)
    assert main(["--results", str(tmp_path), "--write", str(page)]) == 0
    assert page.read_text().replace("<!-- /value -->", "").endswith("90.0 [88.0, 91.0]")
    page.write_text(text.replace("tnf", "nothing"))
    assert main(["--results", str(tmp_path), "--write", str(page)]) == 2
    assert "no figure coi.test:knn:nothing:species_seen" in capsys.readouterr().err


def test_figures_have_names():
    rows = [
        result(name, 0, metrics={"f1": metric(value)}, splits={"train": 4000})
        for name, value in (("untrained:a", 0.5), ("b", 0.25))
    ]
    tables = {"coi.test": rows}
    reports = [{"data": "coi.tsv.gz", "splits": {"train": {"records": 4001, "species": 17}}}]
    assert quote("coi.test:knn:untrained:a:f1", tables, reports) == "50.0"
    assert quote("coi.test:knn:untrained:a - b:f1", tables, reports) == "+25.0"
    assert quote("coi.test:knn:b - untrained:a:f1:interval", tables, reports) == "−25.0 [−27.1, −22.9]"
    assert quote("leaks:coi:train:species", tables, reports) == "17"
    for wrong in ("coi.test:knn:b", "its.test:knn:b:f1", "leaks:coi:val:species", "coi.test", "aims"):
        with pytest.raises(ValueError, match="no figure"):
            quote(wrong, tables, reports)


def test_a_template_that_asks_for_nothing_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"the template of .*README\.md: there is no figure x"):
        fill_template(tmp_path / "README.md", "# Title\n{{x}}", {}, lambda name: quote(name, {}, []))


def test_every_folder_of_results_has_a_template_and_every_template_a_folder():
    assert {path.stem for path in TEMPLATES.iterdir()} == {*FOLDERS, "index", "studies"}
    pages = plan_pages(RESULTS, [])
    assert [path.name for path in pages] == ["README.md"] * len(FOLDERS) + ["RESULTS.md", "README.md"]
    index = (RESULTS.parent / "RESULTS.md").read_text()
    assert all(f"(results/{folder}/README.md)" in index for folder in FOLDERS)


def test_the_pictures_in_git_are_those_that_pages_show():
    shown = {f"{folder}/{picture}" for folder in FOLDERS for picture in shown_pictures(RESULTS / folder) or ()}
    assert {path.relative_to(RESULTS).as_posix() for path in RESULTS.rglob("*.png")} == shown


def test_no_figure_of_a_result_is_written_by_hand():
    """Per cent have one decimal in every table; in a template such a number would be a copy."""
    for path in TEMPLATES.iterdir():
        prose = re.sub(r"\{\{.+?\}\}", "", path.read_text())
        found = re.findall(r"(?<![\w.])\d+\.\d(?![\w.])", prose)
        assert set(found) <= {"2.5", "1.5"}, path.name  # lengths in kb
