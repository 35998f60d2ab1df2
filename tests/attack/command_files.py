"""Damage the files that commands read beside sequences, thousands of times; a JSON of what happened out.

    python tests/attack/command_files.py --model checkpoints/dnacse-barcode-mini \\
        --output benchmarks/results/faults/command_files.json

Not part of the test suite. Each try checks the arguments of one command, which reads all its files and needs no torch.
Accepted files must give the command what the undamaged ones do in number: a row for each record.
"""

import argparse
import contextlib
import io
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.report.result_files import commit
from modeling_dnacse.cli import command_line
from tests.attack.attempts import Damage, SilentLossError, Use, damage_file, damage_in_folder, try_damage

COUNTED = ("accepted", "refused", "traceback", "hang", "silent loss", "unclear")
RECORDS = 32


def checked(*arguments: object) -> Any:
    """Read and check what a command reads.

    Raises:
        ValueError: the command refuses it.
    """
    args = command_line().parse_args([str(argument) for argument in arguments])
    with contextlib.redirect_stdout(io.StringIO()) as said:
        return args.check(args) or said.getvalue()


def all_records(_: Path) -> int:
    """How many records a file has to tell of."""
    return RECORDS


def rows_left(path: Path) -> int:
    """Rows of a table of sequences, which is a good one, too, when the damage removed a line or joined two."""
    return sum(bool(line.strip()) for line in path.read_bytes().splitlines()) - 1


def sized(count: Callable[[Path], int], measure: Callable[[Any], int], *arguments: object) -> Use:
    """Use a file, `FILE` among the arguments, and compare the number of what was read."""

    def use(path: Path) -> None:
        found = measure(checked(*(path if argument == "FILE" else argument for argument in arguments)))
        if found != (wanted := count(path)):
            raise SilentLossError(f"{path.name}: {found} of {wanted}")

    return use


def write_sources(folder: Path, model: Path) -> dict[str, tuple[Path, Use, Damage]]:
    """Write an undamaged file of each kind: where it is, what reads it, and how to damage it."""
    rng = random.Random(0)
    rows = [(f"r{number}", "".join(rng.choices("ACGT", k=90))) for number in range(RECORDS)]
    ranks = "species=Apis mellifera genus=Apis family=Apidae"
    fasta = folder / "in.fasta"
    fasta.write_text("".join(f">{name} {ranks}\n{sequence}\n" for name, sequence in rows))
    lineage = "k__Animalia; f__Apidae; g__Apis; s__mellifera"
    tables = {
        "counts.tsv": "id\ts1\ts2\n" + "".join(f"{name}\t{3}\t0\n" for name, _ in rows),
        "counts.csv": "id,s1,s2\n" + "".join(f'"{name}",3,0\n' for name, _ in rows),
        "labels.tsv": "id\tspecies\n" + "".join(f"{name}\tApis {name}\n" for name, _ in rows),
        "taxonomy.tsv": "Feature ID\tTaxon\n" + "".join(f"{name}\t{lineage}\n" for name, _ in rows),
        "jgi.tsv": "contigName\tcontigLen\ttotalAvgDepth\ta.bam\ta.bam-var\n"
        + "".join(f"{name}\t90\t{row + 2}\t{row + 2}\t1\n" for row, (name, _) in enumerate(rows)),
        "coverm.tsv": "Contig\ta Mean\tb Mean\n"
        + "".join(f"{name}\t{row + 2}\t{70 - row}.5\n" for row, (name, _) in enumerate(rows)),
        "library.csv": "id,species,genus,sequence\n"
        + "".join(f"{name},G{row // 4} s{row // 2},G{row // 4},{text}\n" for row, (name, text) in enumerate(rows)),
        "aemb.tsv": "".join(f"{name}\t{row}.5\n" for row, (name, _) in enumerate(rows)),
    }
    for name, text in tables.items():
        (folder / name).write_text(text)
    out, options = folder / "out.tsv", ("--model", model)
    identify = ("identify", fasta, "--reference", fasta, "-o", out, *options)
    uses: dict[str, Use] = {}
    for name in ("counts.tsv", "counts.csv"):
        uses[name] = sized(all_records, lambda first: first.queries.count, *identify, "--counts", "FILE")
    named = ("map", fasta, "-o", folder / "m.png", "--labels", "FILE")
    uses["labels.tsv"] = sized(
        all_records, lambda first: len(next(iter(first.names.values()), first.listing.entries)), *named
    )
    uses["taxonomy.tsv"] = sized(
        all_records, lambda first: len(first.library.references.ids), *identify, "--taxonomy", "FILE"
    )
    uses["library.csv"] = sized(
        rows_left, lambda library: len(library.references.ids), "adapt", "FILE", "-o", folder / "adapted"
    )
    for name in ("jgi.tsv", "coverm.tsv", "aemb.tsv"):
        uses[name] = sized(
            all_records,
            lambda first: len(first[2]),
            "bin",
            fasta,
            "-o",
            folder / "bins",
            "--coverage",
            "FILE",
            "--min_length",
            50,
        )
    kinds: dict[str, tuple[Path, Use, Damage]] = {
        f"{Path(name).stem} of {use}, {Path(name).suffix}": (folder / name, uses[name], damage_file)
        for name, use in {
            **dict.fromkeys(("counts.tsv", "counts.csv"), "identify"),
            "labels.tsv": "map",
            "taxonomy.tsv": "identify",
            "library.csv": "adapt",
            **dict.fromkeys(("jgi.tsv", "coverm.tsv", "aemb.tsv"), "bin"),
        }.items()
    }
    copy = folder / "model"
    shutil.copytree(model, copy, ignore=shutil.ignore_patterns("*.py", "*.safetensors", "1_*"))
    (copy / "model.safetensors").write_bytes(b"")
    for name in ("config.json", "training.json", "README.md"):
        kinds[f"{name} of info"] = (copy, use_info, damage_in_folder(name))
    index = folder / "index"
    index.mkdir()
    sources = [{"name": "library.fasta", "records": 7, "sha256": "0"}]
    told = {"format": "dnacse index", "version": 2, "model": "m", "references": 7, "calibrations": [[1.0] * 6]}
    (index / "index.json").write_text(json.dumps(told | {"options": {"dimensions": None}, "sources": sources}))
    kinds["index.json of info"] = (index, use_info, damage_in_folder("index.json"))
    return kinds


def use_info(folder: Path) -> None:
    """Tell what a folder holds; nothing that a terminal would obey may come out."""
    said = checked("info", folder)
    if not said.replace("\n", "").isprintable():
        raise SilentLossError(f"{folder.name}: control characters")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 1 when there was a fault."""
    parser = argparse.ArgumentParser(description="Damage the files of commands.", allow_abbrev=False)
    parser.add_argument("--model", type=Path, required=True, help="folder of a model")
    parser.add_argument("--output", type=Path, required=True, help="JSON to write")
    parser.add_argument("--tries", type=int, default=200, help="damaged files of each kind; default: %(default)s")
    parser.add_argument("--only", default="", help="kinds whose names begin so; results of others in the JSON stay")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    rng, examples, artefacts = random.Random(options.seed), [], {}
    if options.only and options.output.exists():
        artefacts = json.loads(options.output.read_text())["artefacts"]
    with tempfile.TemporaryDirectory() as temporary:
        sources = Path(temporary, "sources")
        sources.mkdir()
        for name, (source, use, damage) in write_sources(sources, options.model.resolve()).items():
            if not name.startswith(options.only):
                continue
            use(source)
            found = try_damage(source, use, damage, options.tries, rng, Path(temporary, "tries"), examples)
            artefacts[name] = {kind: found[kind] for kind in COUNTED}
            sys.stderr.write(f"{name}: {artefacts[name]}\n")
    result = {"kind": "faults", "seed": options.seed, "model": options.model.name, "artefacts": artefacts}
    result |= {"commit": commit(), "date": datetime.now(UTC).date().isoformat()}
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    sys.stderr.write("".join(f"{example}\n---\n" for example in examples))
    return 1 if examples else 0


if __name__ == "__main__":
    sys.exit(main())
