"""The examples run on the sample, and the files for other programs name what there is."""

import csv
import importlib.util
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import yaml

from modeling_dnacse.cli import COMMANDS, command_line
from modeling_dnacse.loading.repository import released_files
from tests.support.marker import simulate_marker, write_marker

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "examples" / "sample"
MODULE = ROOT / "packaging" / "nextflow" / "identify"


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_edna_table(tmp_path):
    ids = re.findall(r"^>(\S+)", (SAMPLE / "queries.fasta").read_text(), flags=re.MULTILINE)
    counts = tmp_path / "counts.tsv"
    counts.write_text(
        "# from biom\n#OTU ID\tnorth\tsouth\n" + "".join(f"{name}\t{n}\t10\n" for n, name in enumerate(ids))
    )
    library, folder = str(SAMPLE / "library.fasta"), tmp_path / "out"
    load(ROOT / "examples" / "edna_table.py").main([str(SAMPLE / "queries.fasta"), str(counts), library, str(folder)])
    rows = list(csv.DictReader((folder / "taxa.tsv").open(), delimiter="\t"))
    named = [row for row in rows if row["taxon"] != "(likely new species)"]
    assert sum(float(row["south"]) for row in named) == 10 * len(ids) == 10 * sum(int(row["asvs"]) for row in named)
    assert sum(float(row["north"]) for row in named) == sum(range(len(ids)))
    assert (folder / "taxa.png").read_bytes().startswith(b"\x89PNG")
    taxa = {row["taxon"]: row["rank"] for row in rows}
    assert taxa["Dabalus rebali"] == "species" and {"(likely new species)", "(no call)"} <= set(taxa)


@pytest.mark.slow
def test_bioblitz(tmp_path):
    records = (SAMPLE / "queries.fasta").read_text().split(">")[1:]
    (tmp_path / "meadow.fasta").write_text("".join(f">{record}" for record in records[::2]))
    rows = [record.split("\n", 1) for record in records[1::2]]  # a table, and ids with blanks: they were tracebacks
    (tmp_path / "pond.csv").write_text("id,sequence\n" + "".join(f"N {x},{y.replace(chr(10), '')}\n" for x, y in rows))
    places = [str(tmp_path / name) for name in ("meadow.fasta", "pond.csv")]
    load(ROOT / "examples" / "bioblitz.py").main([str(SAMPLE / "library.fasta"), str(tmp_path / "out"), *places])
    rows = list(csv.DictReader((tmp_path / "out" / "species.tsv").open(), delimiter="\t"))
    found = {(row["taxon"], row["rank"]): int(row["meadow"]) + int(row["pond"]) for row in rows}
    assert found["Dabalus rebali", "species"] == 1 and rows[0]["rank"] == "species"
    assert any(taxon.startswith("unknown, new c") for taxon, rank in found if rank == "likely new species")
    calls = (tmp_path / "out" / "calls.tsv").read_text()
    new = sum(count for (_, rank), count in found.items() if rank == "likely new species")
    assert new == calls.count("likely a species that the library lacks") == 4  # not those of 0.95 or more alone
    assert (tmp_path / "out" / "calls.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_own_marker(tmp_path, capsys):
    library = write_marker(tmp_path / "library.tsv", simulate_marker(seed=1, genera=20))
    header, *rows = library.read_text().splitlines()
    assert header.startswith("id\t")
    library.write_text("\n".join([header, *(f"L {row}" for row in rows)]) + "\n")  # they were a traceback
    load(ROOT / "examples" / "own_marker.py").main([str(library), str(tmp_path / "out")])
    told = [line.strip().split("  ") for line in capsys.readouterr().out.splitlines()]
    assert sum(int(count) for count, _ in told) == 40 - 4 + 4 * 3  # one of each species, and all of four
    right = [int(count) for count, what in told if what.startswith("species in the library") and "right" in what]
    assert sum(right) >= 30


@pytest.mark.slow
def test_metagenome(tmp_path):
    rng, contigs, depths = np.random.default_rng(0), [], ["contigName\tcontigLen\ttotalAvgDepth\ta.bam\ta.bam-var"]
    for genome, (gc, depth) in enumerate(((0.3, 5), (0.6, 40))):
        chances = np.array([1 - gc, gc, gc, 1 - gc]) / 2
        for number in range(12):
            name = f"g{genome}_{number}"
            contigs.append(f">{name}\n{''.join(rng.choice(list('ACGT'), 3000, p=chances))}\n")
            depths.append(f"{name}\t3000\t{depth}\t{depth}\t1")
    (tmp_path / "contigs.fasta").write_text("".join(contigs))
    (tmp_path / "depths.tsv").write_text("\n".join(depths) + "\n")
    given = [str(tmp_path / name) for name in ("contigs.fasta", "depths.tsv", "out")]
    load(ROOT / "examples" / "metagenome.py").main([*given, "--min_contigs", "5"])
    rows = list(csv.DictReader((tmp_path / "out" / "bins.tsv").open(), delimiter="\t"))
    assert {(round(float(row["gc"]), 1), float(row["depth_a.bam"]), row["look"]) for row in rows} >= {
        (0.3, 5.0, "small"),
        (0.6, 40.0, "small"),
    }


@pytest.mark.slow
def test_mteb(capsys, monkeypatch):
    pytest.importorskip("mteb")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    load(ROOT / "examples" / "mteb_barcodes.py").main([str(SAMPLE / "library.fasta")])
    scores = dict(re.findall(r"^(\w+): V-measure ([\d.]+)", capsys.readouterr().out, flags=re.MULTILINE))
    assert list(scores) == ["order", "family", "genus", "species"] and float(scores["species"]) > 0.95


@pytest.mark.slow
def test_mteb_needs_labelled_records(tmp_path, capsys):
    """It was a traceback after the model was loaded."""
    pytest.importorskip("mteb")
    (tmp_path / "a.fasta").write_text(">a\nACGT\n")
    for name, words in (("nope.fasta", "nope.fasta"), ("a.fasta", "no record has an order")):
        with pytest.raises(SystemExit, match="2"):
            load(ROOT / "examples" / "mteb_barcodes.py").main([str(tmp_path / name)])
        assert words in capsys.readouterr().err


@pytest.mark.slow
def test_space(tmp_path):
    pytest.importorskip("gradio")
    pytest.importorskip("bokeh")
    from gradio_client import Client, handle_file

    app = load(ROOT / "examples" / "space" / "app.py").app
    app.launch(prevent_thread_lock=True, server_name="127.0.0.1", quiet=True)
    try:
        client = Client(app.local_url, verbose=False, download_files=str(tmp_path))
        given = [handle_file(str(SAMPLE / f"{name}.fasta")) for name in ("queries", "library")]
        table, page, calls, _ = client.predict(*given, api_name="/identify")
        assert len(table["data"]) == len(Path(calls).read_text().splitlines()) - 1
        assert "Dabalus rebali" in str(table["data"]) and "srcdoc=" in str(page)
        wrong = tmp_path / "wrong.fasta"
        wrong.write_text(">a\nMKV*\n")
        with pytest.raises(Exception, match="wrong.fasta:2"):
            client.predict(handle_file(str(wrong)), given[1], api_name="/identify")
    finally:
        app.close()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("", "there is no column of a sample"),
        ("id\ta\nx\t1\nx\t2\n", "counts.tsv:3: id 'x' was used before"),
        *((f"id\ta\nx\t{count}\n", "in the column 'a' is no count") for count in ("nan", "inf", "-5", "y")),
        ("id\ta\nx\t1\t2\n", "counts.tsv:2: 3 fields where the first line names 2"),
        ("id\ta\nx\t1\n", "has no row for "),  # told when all ASVs had been identified
    ],
)
def test_counts_that_cannot_be_are_refused_first(rows, words, tmp_path, capsys):
    """Of two rows the last one counted, and nan, inf and -5 came into taxa.tsv."""
    (tmp_path / "counts.tsv").write_text(rows)
    names = [SAMPLE / "queries.fasta", tmp_path / "counts.tsv", SAMPLE / "library.fasta", tmp_path / "out"]
    with pytest.raises(SystemExit, match="2"):
        load(ROOT / "examples" / "edna_table.py").main([str(name) for name in names])
    assert words in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_missing_libraries_and_files_as_folders_are_one_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for name, given in (("own_marker", ["nope", "out"]), ("bioblitz", ["nope", str(tmp_path / "file"), "nope"])):
        with pytest.raises(SystemExit, match="2"):
            load(ROOT / "examples" / f"{name}.py").main(given)
        assert f"error: {'nope' if name == 'own_marker' else tmp_path / 'file'}" in capsys.readouterr().err


def test_examples_write_to_a_new_folder(tmp_path, capsys):
    """Files of the user's with the names of theirs were replaced."""
    (tmp_path / "new.fasta").write_text("mine")
    (tmp_path / "counts.tsv").write_text("id\ta\nx\t1\n")
    counts, library = str(tmp_path / "counts.tsv"), str(SAMPLE / "library.fasta")
    for name, given in (
        ("own_marker", [library, str(tmp_path)]),
        ("bioblitz", [library, str(tmp_path), library]),
        ("edna_table", [library, counts, library, str(tmp_path)]),
        ("metagenome", [library, counts, str(tmp_path)]),
    ):
        with pytest.raises(SystemExit, match="2"):
            load(ROOT / "examples" / f"{name}.py").main(given)
        assert f"{tmp_path} is there already; give a new folder" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("was_there", [False, True])
def test_inputs_that_a_command_refuses_leave_no_folder(was_there, tmp_path, capsys):
    """It stayed, empty or with copies of the records, so the next run with its name was refused."""
    sequences, table, folder = (tmp_path / name for name in ("a.fasta", "table.tsv", "out"))
    sequences.write_text(">a\nACGT\n")
    table.write_text("id\tnorth\na\t1\n")
    if was_there:
        folder.mkdir()
    for name, given, words in (
        ("own_marker", [sequences, folder], "in the headers"),
        ("bioblitz", [sequences, folder, sequences], "has a species"),
        ("edna_table", [sequences, table, sequences, folder], "has a species"),
        ("metagenome", [sequences, table, folder], "2,500 bp"),
    ):
        with pytest.raises(SystemExit, match="2"):
            load(ROOT / "examples" / f"{name}.py").main([str(path) for path in given])
        assert words in capsys.readouterr().err
        assert list(folder.iterdir()) == [] if was_there else not folder.exists(), name


def test_places_of_one_name_are_not_counted_as_one(capsys):
    """Both columns of the table held the sum of both."""
    with pytest.raises(SystemExit, match="2"):
        load(ROOT / "examples" / "bioblitz.py").main(["lib", "out", "north/pond.fasta", "south/pond.fasta"])
    assert "two files have one name (pond, pond)" in capsys.readouterr().err


def test_names_of_samples_are_no_formulas(tmp_path):
    """One with two dollar signs ended in a traceback of matplotlib."""
    draw = load(ROOT / "examples" / "edna_table.py").draw
    draw(tmp_path / "taxa.png", ["site $A_{$"], [("Apis $x$", "species", 1, 0.97, [3.0])])
    assert (tmp_path / "taxa.png").stat().st_size


def test_a_card_with_broken_metadata_is_told(tmp_path, tiny_folder, capsys):
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    (folder / "README.md").write_text("---\nx: [\n---\n")
    with pytest.raises(SystemExit, match="2"):
        load(ROOT / "examples" / "push_model.py").main([str(folder), "a/b"])
    assert "README.md begins with metadata that is no YAML (while parsing" in capsys.readouterr().err


def test_large_counts_are_not_rounded(tmp_path, monkeypatch):
    """1234567 was written as 1.23457e+06."""
    module = load(ROOT / "examples" / "edna_table.py")
    (tmp_path / "asvs.fasta").write_text(">x\nACGT\n")
    (tmp_path / "counts.tsv").write_text("id\ta\tb\nx\t1234567\t0.5\n")
    columns = "id\tcall\trank\tprobability\tnew_species_probability\tnote\n"
    calls = tmp_path / "out" / "calls.tsv"
    monkeypatch.setattr(
        module, "dnacse", lambda _: calls.write_text(f"{columns}x\tApis mellifera\tspecies\t0.99\t0\t\n")
    )
    module.main([str(tmp_path / name) for name in ("asvs.fasta", "counts.tsv", "library.fasta", "out")])
    assert (tmp_path / "out" / "taxa.tsv").read_text().endswith("Apis mellifera\tspecies\t1\t0.9900\t1234567\t0.5\n")


def test_only_the_files_of_a_release_are_pushed(tiny_folder, tmp_path, capsys):
    """Optimizer states, results and whatever else lay in the folder were sent, too."""
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n")
    others = ("checkpoint-2/optimizer.pt", ".unfinished/config.json", "x.knn.s0.test.json", "run.py", "sub/README.md")
    for name in (*others, "1_Pooling/config.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    load(ROOT / "examples" / "push_model.py").main([str(folder), "me/model"])
    lines = capsys.readouterr().out.splitlines()
    left = {line.rpartition(" ")[2] for line in lines if line.startswith("left out")}
    assert left == {name.split("/")[0] for name in others}
    sent = {line.split()[1] for line in lines if line[:12].strip().replace(",", "").isdigit()}
    assert {"1_Pooling/config.json", "config.json", "model.safetensors", "README.md", "modeling_dnacse.py"} <= sent
    assert not sent & set(others)


def test_a_push_that_fails_is_one_sentence(monkeypatch, capsys):
    """It was a traceback."""
    from trainer.releasing.hub import HubRepository

    def fail(*_):
        raise ConnectionError("no network")

    monkeypatch.setattr(HubRepository, "_commit", fail)
    with pytest.raises(SystemExit, match="2"):
        load(ROOT / "examples" / "push_model.py").main(
            [str(ROOT / "checkpoints" / "dnacse-genome-mini"), "me/model", "--push"]
        )
    assert "could not be pushed to me/model" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["dnacse-barcode-mini", "dnacse-genome-mini"])
def test_all_files_of_the_shipped_models_are_of_a_release(model):
    folder = ROOT / "checkpoints" / model
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(released_files(folder)) == files


def test_pushing_is_shown_before_it_is_done(tmp_path, capsys):
    push = load(ROOT / "examples" / "push_model.py").main
    push([str(ROOT / "checkpoints" / "dnacse-genome-mini"), "me/model"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("model.safetensors", "1_Pooling/config.json", "for me/model, licence mit"))
    with pytest.raises(SystemExit):
        push([str(tmp_path), "me/model"])
    assert "config.json" in capsys.readouterr().err


def options_of(command):
    with pytest.raises(SystemExit) as stopped:
        command_line().parse_args([command, "--help"])
    assert stopped.value.code == 0


def test_nextflow_module_and_recipe_name_what_there_is(capsys):
    script = (MODULE / "main.nf").read_text()
    command = re.search(r'dnacse (identify) \\\\\n(.*?)"""', script, flags=re.DOTALL)
    options_of(command[1])
    helped = capsys.readouterr().out
    assert all(option in helped for option in re.findall(r"--\w+", command[2]))
    assert script.count("{") == script.count("}") and script.count('"""') == 4
    told = yaml.safe_load((MODULE / "meta.yml").read_text())
    assert told["name"] == re.search(r"process (\w+)", script)[1].lower()
    assert set(told["output"]) == set(re.findall(r"emit: (\w+)", script))
    (_, _, version_line), *_ = told["output"]["versions_dnacse"]
    assert next(iter(version_line)) == re.search(r'eval\("(.*?)"\)', script)[1]
    assert yaml.safe_load((MODULE / "environment.yml").read_text())["dependencies"] == [
        f"bioconda::dnacse={version('dnacse')}"
    ]


def test_versions_keep_files_of_others(tmp_path):
    """The JSON was written over any file, an hour later."""
    script, output = ROOT / "packaging" / "versions.py", tmp_path / "mine.json"
    output.write_text('{"mine": 1}')
    for given, words in ((output, "exists and is not a result of versions.py"), (tmp_path / "a" / "b", "no folder")):
        run = [sys.executable, str(script), "--output", str(given), "--tests", "none"]
        done = subprocess.run(run, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1
    assert output.read_text() == '{"mine": 1}'


def test_bioconda_recipe_has_the_requirements_of_the_package():
    text = (ROOT / "packaging" / "bioconda" / "meta.yaml").read_text()
    values = {"name": "dnacse", "version": version("dnacse"), "PYTHON": "python"}
    assert f'set version = "{values["version"]}"' in text
    plain = re.sub(r"\{%.*?%\}", "", re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: values[found[1]], text))
    recipe = yaml.safe_load(re.sub(r"\{\{.*?\}\}", "pin", plain))
    assert recipe["build"]["entry_points"] == ["dnacse = modeling_dnacse.cli:main"]
    setup = re.search(r"install_requires =\n(.*?)\n\n", (ROOT / "setup.cfg").read_text(), flags=re.DOTALL)[1]
    wanted = {line.strip().replace("torch>", "pytorch>") for line in setup.splitlines() if "#" not in line}
    assert wanted == {line.replace(" ", "") for line in recipe["requirements"]["run"]} - {"python>=3.11"}
    assert recipe["source"]["url"].startswith("https://") and "sha256" in recipe["source"]
    assert recipe["build"]["noarch"] == "python" and recipe["build"]["number"] == 0 and recipe["build"]["run_exports"]
    assert "--no-deps --no-build-isolation --no-cache-dir" in recipe["build"]["script"]
    assert all(recipe["about"][key] for key in ("home", "summary", "license", "license_family", "license_file"))
    assert (ROOT / recipe["about"]["license_file"]).is_file() and recipe["extra"]["recipe-maintainers"]
    for line in recipe["test"]["commands"]:
        assert line.split()[1].startswith("--") or line.split()[1] in COMMANDS


def test_table_of_equivalents_names_real_options(capsys):
    text = (ROOT / "docs" / "moving.md").read_text()
    commands = re.findall(r"`dnacse (\w+) ([^`]*)`", text)
    assert len(commands) > 5
    for command, rest in commands:
        options_of(command)
        helped = capsys.readouterr().out
        assert all(option in helped for option in re.findall(r"(?<=\s)--?\w+", rest)), (command, rest)
