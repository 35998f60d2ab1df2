"""What is killed: commands and scripts by name, with their small inputs (kills.py).

Inputs are in the folder `in`, outputs in `out`. Most commands run on a part of the shipped sample, scripts of training
and `run.py` on a simulated marker.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.data import simulate
from benchmarks.run import main as run_tasks
from modeling_dnacse.cli import main as dnacse
from tests.support.families import TINY
from tests.support.marker import fit_arguments, simulate_marker, write_marker
from trainer import finish, fit_embeddings, fit_merges, fit_sites, train_tokenizer

SAMPLE = Path(__file__).parents[2] / "examples" / "sample"
RECORDS = 36  # of the sample's library
MODEL = "model"  # in `out`: a copy of the model, which is changed in place


class Target(NamedTuple):
    """A function of the command line, and its arguments."""

    function: Callable[[list[str]], object]
    arguments: list[str]
    changed: Path | None = None  # the model that is changed in place, in a copy in `out`


def targets(folder: Path, model: Path) -> dict[str, Target]:
    """Commands and scripts by name."""
    of_dnacse = {name: Target(dnacse, arguments) for name, arguments in commands(folder, model).items()}
    of_dnacse["calibrate"] = of_dnacse["calibrate"]._replace(changed=model)
    return of_dnacse | scripts(folder, model)


def commands(folder: Path, model: Path) -> dict[str, list[str]]:
    """The arguments of `dnacse`."""
    names = ("in/library.fasta", "in/queries.fasta", "in/i", "out")
    library, queries, index, out = (str(folder / name) for name in names)
    named = ["--model", str(model)]
    identify, counts = ["identify", queries, *named, "--reference", library, "-o"], str(folder / "in" / "counts.tsv")
    piped, all_records = ["identify", "-", *identify[2:]], str(folder / "in" / "all.fasta")
    return {
        "embed, .npy": ["embed", library, *named, "-o", f"{out}/v.npy"],
        "embed, .safetensors": ["embed", library, *named, "-o", f"{out}/v.safetensors"],
        "embed, .parquet": ["embed", library, *named, "-o", f"{out}/v.parquet"],
        "embed, shards": ["embed", library, *named, "-o", f"{out}/v", "--shard_records", "40"],
        "cluster": ["cluster", library, *named, "-o", f"{out}/c.tsv", "--representatives", f"{out}/r.fasta"],
        "cluster, uc": ["cluster", library, *named, "-o", f"{out}/c.uc", "--format", "uc"],
        "cluster, added": ["cluster", all_records, *named, "-o", f"{out}/c.tsv", "--add_to", f"{folder}/in/c.tsv"],
        "identify, with hits": [*identify, f"{out}/i.tsv", "--top", "3"],
        "identify, qiime2": [*identify, f"{out}/i.tsv", "--format", "qiime2"],
        "identify, biom": [*identify, f"{out}/i.biom", "--format", "biom", "--counts", counts],
        "identify, json": [*identify, f"{out}/i.json", "--format", "json"],
        "identify, from a pipe": [*piped, f"{out}/i.tsv"],
        "identify, from an index": ["identify", queries, *named, "--reference", index, "-o", f"{out}/i.tsv"],
        "index": ["index", library, *named, "-o", f"{out}/i", "--calibrate_for", queries],
        "index, added": ["index", f"{folder}/in/more.fasta", *named, "-o", f"{out}/i", "--add", index],
        "bin": ["bin", library, *named, "-o", f"{out}/b", "--min_length", "95", "--min_contigs", "2"],
        "map": ["map", library, "-o", f"{out}/m.html"],
        "adapt": ["adapt", library, "-o", f"{out}/a"],
        "calibrate": ["calibrate", library, "--model", f"{out}/{MODEL}", "--for", "species"],
        "export": ["export", "--model", str(folder / "in" / "plain"), "-o", f"{out}/onnx"],
        "info": ["info", index],
    }


def scripts(folder: Path, model: Path) -> dict[str, Target]:
    """Scripts of `trainer` and `benchmarks`; training itself is in kills.py, since it is resumed."""
    place, out = folder / "in", folder / "out"
    marker, made = place / "marker.tsv", ["--output_dir", str(out / "made")]
    data, architecture = ["--train_file", str(marker), "--train_split", "train"], of_words(place)
    merges = [*data, "--model", str(out / MODEL), "--rounds", "1"]
    tasks = ["--model", "kmer5", "tnf", "--task", "knn", "--data", str(marker)]
    return {
        "train_tokenizer.py": Target(train_tokenizer.main, [*data, "--output_dir", str(out), "--vocab_size", "300"]),
        "fit_sites.py": Target(fit_sites.main, fit_arguments(marker, out / "made")),
        "fit_embeddings.py": Target(fit_embeddings.main, [*data, *architecture, *made]),
        "fit_merges.py": Target(fit_merges.main, merges, changed=place / "sites"),
        "finish.py": Target(finish.main, [*data, "--model", str(model), *made]),
        "simulate.py": Target(simulate.main, ["--output", str(out / "made"), "--species", "60"]),
        "run.py": Target(run_tasks, [*tasks, "--output", str(out), "--resume"]),
    }


def of_words(place: Path) -> list[str]:
    """Options of a model of words without layers and sites, whose graph takes seconds."""
    return ["--config_name", str(place / "config.json"), "--tokenizer_name", str(place / "words")]


def write_inputs(folder: Path, model: Path, run: Callable[[Target, Path], int]) -> None:
    """Write the sample, counts of its queries, an index and clusters of its library, a marker and models of it."""
    place = folder / "in"
    place.mkdir()
    shutil.copy(SAMPLE / "queries.fasta", place)
    records = [f">{record}" for record in (SAMPLE / "library.fasta").read_text().split(">")[1:]]
    for name, part in {"library": slice(RECORDS), "more": slice(RECORDS, 48), "all": slice(48)}.items():
        (place / f"{name}.fasta").write_text("".join(records[part]))
    ids = [line.split()[0][1:] for line in (SAMPLE / "queries.fasta").read_text().splitlines() if line[0] == ">"]
    (place / "counts.tsv").write_text("id\ts1\ts2\n" + "".join(f"{name}\t3\t0\n" for name in ids))
    (place / "config.json").write_text(json.dumps({"model_type": "dnacse", **TINY, "num_hidden_layers": 0}))
    rows = simulate_marker(seed=1, genera=40)
    for number, row in enumerate(rows):
        row["split"] = ("train", "test", "unseen_test")[2 if number >= 180 else number % 3 == 1]
    write_marker(place / "marker.tsv", rows)
    library = [str(place / "library.fasta"), "--model", str(model), "-o"]
    data = ["--train_file", str(place / "marker.tsv"), "--train_split", "train", "--output_dir"]
    for target in (
        Target(dnacse, ["index", *library, str(place / "i")]),
        Target(dnacse, ["cluster", *library, str(place / "c.tsv")]),
        Target(train_tokenizer.main, [*data, str(place / "words"), "--vocab_size", "300"]),
        Target(fit_embeddings.main, [*data, str(place / "plain"), *of_words(place)]),
        Target(fit_sites.main, fit_arguments(place / "marker.tsv", place / "sites")),
    ):
        if code := run(target, folder):
            raise ValueError(f"{' '.join(target.arguments)} ends with {code}")
