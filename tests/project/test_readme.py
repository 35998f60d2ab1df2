"""The README does what it says: its commands run as they stand, and its tables are those of the result files."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import tables

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
TESTED = re.compile(r"<!-- tested -->\n```(\w+)\n(.*?)```", flags=re.DOTALL)
BLOCKS = TESTED.findall(README)
RIVALS = ("sintax", "vsearch", "blast")

DOCUMENTS = ("README.md", "model_card.md", "CONTRIBUTING.md", "benchmarks/RESULTS.md", "benchmarks/DATA.md")
DOCS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "benchmarks" / "results").glob("*/README.md"))


@pytest.mark.slow
def test_the_commands_run_as_they_stand(tmp_path):
    assert [language for language, _ in BLOCKS] == ["bash", "python", "python", "bash"]
    for folder in ("benchmarks", "checkpoints", "examples", "trainer"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HF_HOME": str(tmp_path),
    }
    printed = []
    for language, code in BLOCKS:
        command = ["bash", "-euo", "pipefail", "-c", code] if language == "bash" else [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stderr[-3000:]
        printed.append(done.stdout)
    assert f"```\n{printed[0]}```" in README, "the calls that the README shows"
    assert (tmp_path / "runs" / "vectors.parquet").exists()


@pytest.mark.slow
def test_the_examples_in_python_run_one_after_the_other():
    blocks = TESTED.findall((ROOT / "docs" / "python.md").read_text())
    assert len(blocks) == 3
    code = "\n".join(code for _, code in blocks) + "print(len(calls), len(hits), len(names), probabilities.shape)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    calls, hits, *_ = done.stdout.split()
    assert int(calls) == 18 and int(hits) > 18


def test_its_tables_and_all_result_pages_are_those_of_the_result_files():
    assert tables.main(["--check"]) == 0


def test_identify_gives_far_fewer_false_names_and_fewer_names():
    """What the README says of the table under "Few false names"."""
    results = ROOT / "benchmarks" / "results" / "coi"

    def metric(method, name):
        result = json.loads((results / f"coi.identify.{method}.test.json").read_text())
        return result["metrics"][name]["value"]

    for ours in ("dnacse-barcode-mini", "canonical7"):
        for rival in RIVALS:
            assert 8 * metric(ours, "false_species_unseen") < metric(rival, "false_species_unseen")
            assert metric(ours, "false_species_novel") < metric(rival, "false_species_novel")
            assert 1.2 * metric(ours, "known_named") < metric(rival, "known_named")


@pytest.mark.parametrize("name", [*DOCUMENTS, *DOCS, *PAGES, "LOG.md"])
def test_linked_files_exist(name):
    """A link starts at the folder of its page."""
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text()):
        assert (ROOT / name).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("name", [*DOCUMENTS, *DOCS])
def test_named_files_exist(name):
    """A path that begins with one of our folders, in command or sentence, starts at the root; LOG.md is history."""
    folders, endings = "benchmarks|examples|modeling_dnacse|tests|trainer", "json|md|py|sh|yaml"
    for target in re.findall(rf"(?<![\w./-])(?:{folders})/[\w./-]+\.(?:{endings})\b", (ROOT / name).read_text()):
        assert (ROOT / target).exists(), target


def test_the_definitions_that_contributing_names_are_where_it_says():
    """Its table says `FILE`: `NAME`, with further names after commas."""
    named = re.findall(r"`([\w/]+\.py)`: (`\w+`(?:, `\w+`)*)", (ROOT / "CONTRIBUTING.md").read_text())
    assert len(named) > 15
    for file, names in named:
        for name in re.findall(r"\w+", names):
            pattern = rf"^(?: *(?:def|class) {name}\b|{name}\b[^=]*= )"
            assert re.search(pattern, (ROOT / file).read_text(), flags=re.MULTILINE), (file, name)


def test_the_commands_that_make_data_have_options_that_there_are():
    """They need real data, so they are read, not run."""
    block = (ROOT / "benchmarks" / "DATA.md").read_text().replace("\\\n", " ")
    commands = re.findall(r"^python (\S+\.py)(.*)", block, flags=re.MULTILINE)
    assert len(commands) > 5
    for script, options in commands:
        missing = [name for name in re.findall(r"--\w+", options) if f'"{name}"' not in (ROOT / script).read_text()]
        assert not missing, f"{script}: {missing}"


def test_identify_is_faster_than_vsearch_as_it_says():
    ways = json.loads((ROOT / "benchmarks" / "studies" / "results" / "end_to_end.json").read_text())["ways"]
    for cost in ("seconds", "cpu_seconds"):
        assert ways["dnacse identify"][cost] < ways["vsearch, maxaccepts 1"][cost]


def test_probabilities_come_true_as_docs_identify_says():
    models = json.loads((ROOT / "benchmarks" / "studies" / "results" / "reliability.json").read_text())
    coi, fishes = (models[f"dnacse-barcode-{name}"]["forms"] for name in ("mini", "12s"))
    errors = {(form, rank): found["calibration_error"] for form, ranks in coi.items() for rank, found in ranks.items()}
    assert len(errors) == 18 and max(errors.values()) < 0.05
    assert max(found["calibration_error"] for ranks in fishes.values() for found in ranks.values()) < 0.06


def test_names_are_right_whatever_share_of_queries_is_known_as_docs_identify_says():
    study = json.loads((ROOT / "benchmarks" / "studies" / "results" / "known_share.json").read_text())
    ours, tool = study["methods"]["dnacse-barcode-mini"], study["methods"]["vsearch"]
    assert min(scores["right"] for scores in ours.values()) >= 0.95 and 0.5 < tool["0.1"]["right"] < 0.6
    assert tool["0.9"]["known_named"] - ours["0.9"]["known_named"] < 0.03


def test_reads_with_indels_are_named_more_often_than_by_vsearch_as_docs_identify_says():
    folder = ROOT / "benchmarks" / "results" / "coi"
    found = [
        json.loads((folder / f"coi.mutation.{name}.test.json").read_text())["metrics"]["genus_unseen_indels@0.05"]
        for name in ("dnacse-barcode-mini", "vsearch")
    ]
    assert found[0]["value"] > found[1]["value"]
