"""Every recipe is a command that train.py understands: run by bash, parsed, and trained for one step on tiny data."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.families import random_families
from tests.support.marker import fit_arguments, simulate_marker, write_marker
from trainer import train

RECIPES = Path(__file__).parents[2] / "trainer" / "recipes"
ARMS = subprocess.run(
    ["bash", str(RECIPES / "ablation.sh"), "list"], capture_output=True, text=True, check=True
).stdout.split()
FITTED, MARKERS = "barcode_mini.sh", "barcode_markers.sh"  # in closed form
COMMANDS = [[path.name] for path in sorted(RECIPES.glob("*.sh")) if path.name not in ("ablation.sh", FITTED, MARKERS)]
COMMANDS += [["ablation.sh", arm] for arm in ARMS]
# what a recipe says of hardware and size, and what takes a network or long; the last value of an option holds
TINY = [
    *("--per_device_train_batch_size", "4", "--per_device_eval_batch_size", "4", "--max_length", "64"),
    *("--use_cpu", "--bf16", "false", "--save_strategy", "no", "--eval_strategy", "no"),
    *("--load_best_model_at_end", "false", "--dataloader_num_workers", "0", "--disable_tqdm", "true"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The same records as a table with splits and as a folder of FASTA."""
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "genomes").mkdir()
    rows = ["id\tsequence\tspecies\tgenus\tsplit"]
    fasta = []
    for header, sequence in random_families(seed=2, species=12, records=6, length=1400).items():
        name, species = re.fullmatch(r"(\S+) species=(.+)", header).groups()
        genus = f"Genus{ord(species[-1]) // 2}"
        species = f"{genus} {species[-1]}"
        rows.append(f"{name}\t{sequence}\t{species}\t{genus}\t{'val' if name[-1] in '45' else 'train'}")
        fasta.append(f">{name} species={species}\n{sequence}\n")
    (folder / "barcodes.tsv").write_text("\n".join(rows) + "\n")
    (folder / "genomes" / "genomes.fasta").write_text("".join(fasta))
    return folder


@pytest.fixture
def recorded(tmp_path):
    """A command `accelerate` that writes its arguments down instead of starting a process for each recipe."""
    script = tmp_path / "bin" / "accelerate"
    script.parent.mkdir()
    script.write_text(
        f"#!{sys.executable}\nimport json, pathlib, sys\n"
        f"pathlib.Path({str(tmp_path / 'arguments.json')!r}).write_text(json.dumps(sys.argv[1:]))\n"
    )
    script.chmod(0o755)
    return tmp_path / "arguments.json"


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_recipe_trains(command, data, recorded, tiny_folder, tmp_path):
    name, *arm = command
    source = data / ("genomes" if name == "dnabert_s.sh" else "barcodes.tsv")
    output = tmp_path / "model"
    for made in ("model-tokenizer", "model-start"):  # the scripts that make them have tests of their own
        (tmp_path / made).symlink_to(tiny_folder)
    path = f"{recorded.parent / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "TOKENIZER": str(tiny_folder), "PYTHONPATH": str(RECIPES.parents[1])}
    subprocess.run(
        ["bash", str(RECIPES / name), *arm, str(source), str(output)], env=environment, check=True, timeout=60
    )
    launched = json.loads(recorded.read_text())
    assert launched[0] == "launch"
    given = launched[launched.index("trainer/train.py") + 1 :]
    phases = re.findall(r"(\w+):", given[given.index("--curriculum") + 1])
    curriculum = ["--curriculum", " ".join(f"{phase}:1steps" for phase in phases)]
    model = "--model_name_or_path" if "--model_name_or_path" in given else "--config_name"
    splits = ["--train_split", "train"] if name == "dnacse_barcodes.sh" else []
    changes = [*curriculum, *splits, *TINY, model, str(tiny_folder)]
    if name == "dnabert_s.sh":
        changes += ["--fragment_length", "500"]
    if name == "genome_mini.sh":
        changes += ["--validation_split", "val"]
    if "--crop" in given:
        changes += ["--crop", "100", "300"]
    train.main([*given, *changes])
    record = json.loads((output / "training.json").read_text())
    assert record["steps"] == len(phases)
    assert (output / "model.safetensors").exists()


def header(name):
    """The comment at the top of a recipe, as one line for each entry such as `Hours: …`."""
    head = (RECIPES / name).read_text().partition("\nset -euo")[0]
    return re.sub(r"\n# (?![A-Z][a-z ]+: )", " ", head)


@pytest.mark.parametrize("name", sorted({FITTED, MARKERS, *(command[0] for command in COMMANDS)}))
def test_each_recipe_says_what_it_takes_and_what_came_out(name):
    said = header(name)
    assert f"bash trainer/recipes/{name}" in said
    assert re.search(r"^# Hardware: .*(core|GPU|A100)", said, re.M)
    if not re.search(r"^# Hours and metric: not yet run\.$", said, re.M):
        assert re.search(r"^# Hours: .*(\d (minutes|hours)|not yet run)", said, re.M)
        assert re.search(r"^# Metric: .*(recall@1 0\.\d|benchmarks/results|not yet run)", said, re.M)


def test_every_arm_of_the_ablation_was_measured_with_three_seeds():
    results = RECIPES.parents[1] / "benchmarks" / "results"
    models = {json.loads(path.read_text())["model"] for path in (results / "ablation").rglob("*.json")}
    assert {f"{arm}#{seed}" for arm in ARMS for seed in range(3)} <= models


@pytest.mark.slow
def test_the_recipe_of_the_shipped_model_fits_trains_and_calibrates(tmp_path):
    records = simulate_marker(seed=1)
    for record in records:
        record["split"] = "unseen_val" if record["genus"] in ("Genus0", "Genus1") else "train"
    data, output = write_marker(tmp_path / "coi.tsv", records), tmp_path / "model"
    small = fit_arguments(data, output)[4:]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(RECIPES.parents[1]), "FIT_OPTIONS": " ".join(small)}
    environment["MERGE_OPTIONS"] = "--rounds 1"
    few = ["--use_cpu", "--per_device_train_batch_size", "16", "--curriculum", "weighted_simclr:2steps mi_mix:2steps"]
    subprocess.run(["bash", str(RECIPES / FITTED), str(data), str(output), *few], env=environment, check=True)
    config = json.loads((output / "config.json").read_text())
    assert 0 < config["species_similarity"] < 1 and config["species_merges"]
    made = json.loads((output / "training.json").read_text())
    assert made["steps"] == 4 and made["start"]["data"]["training"]["records"] == 84


@pytest.mark.slow
def test_the_recipe_of_other_markers_fits_and_calibrates_both(tmp_path):
    """With real options, but small ones for so small a marker."""
    for name, seed in (("12s_fish", 1), ("12s", 2), ("cytb", 3)):
        records = simulate_marker(seed=seed, gene_seed=int(name == "cytb"), name=f"Genus{seed}x")
        for record in records:
            record["split"] = "unseen_val" if record["genus"].endswith(("x0", "x1")) else "train"
        write_marker(tmp_path / f"{name}.tsv", records)
        with gzip.open(tmp_path / f"{name}.tsv.gz", "wt") as file:
            file.write((tmp_path / f"{name}.tsv").read_text())
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(RECIPES.parents[1])}
    environment["MERGE_OPTIONS"] = "--rounds 1"
    environment["FIT_OPTIONS"] = " ".join(
        fit_arguments(tmp_path, tmp_path)[4:] + ["--margin", "100", "--site_kmer", "7"]
    )
    subprocess.run(["bash", str(RECIPES / MARKERS), str(tmp_path), str(tmp_path)], env=environment, check=True)
    for marker, tables in (("12s", 2), ("cytb", 1)):
        folder = tmp_path / f"dnacse-barcode-{marker}"
        config = json.loads((folder / "config.json").read_text())
        assert 0 < config["species_similarity"] < 1 and config["species_merges"]
        made = json.loads((folder / "training.json").read_text())
        assert 84 * tables - 2 <= made["data"]["training"]["records"] <= 84 * tables  # equal sequences count once


def test_the_ablation_removes_no_folder_of_others(tmp_path):
    """A folder of the name of an arm was removed, and its .log replaced."""
    folder, log = tmp_path / "curriculum-1", tmp_path / "curriculum-2.log"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine\n")
    command = [
        "bash",
        str(RECIPES.parents[1] / "benchmarks" / "ablation.sh"),
        str(tmp_path / "none.tsv"),
        str(tmp_path),
        "curriculum",
    ]
    for mine, path in ((folder / "notes.txt", folder), (log, tmp_path / "curriculum-2")):
        mine.write_text("mine\n")
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 2 and f"{path} or its .log exists and is no run of this script" in done.stderr
        assert mine.read_text() == "mine\n" and not (tmp_path / "tokenizer").exists()
        shutil.rmtree(folder, ignore_errors=True)
