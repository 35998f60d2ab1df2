"""What came back from the machine with the GPU in; the model, the result files, and an entry for LOG.md out.

    python device/collect.py OUT [OUT …] --output runs/device --log LOG.md

The folders OUT are those of the calls of device/run.sh, in their order: of a stage that ran twice, the last is taken.
The pieces of the weights are checked against their digests and put together in runs/device/dnacse-barcode-small; the
results stand in runs/device/results: those of `inference` and `training` are as those in benchmarks/results. The entry
of the log, which names the card, is printed, and with --log put above the newest one.
"""

import argparse
import datetime
import hashlib
import io
import json
import re
import shutil
import sys
import tarfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.report.markdown_table import markdown
from benchmarks.report.result_files import write_json
from benchmarks.report.speed_tables import render_inference, render_training
from modeling_dnacse.machine.plain_messages import sentence_of

ARM_COLUMNS = ("steps", "recall_at_1", "loss", "pairs_per_second", "mfu", "exit_code")


def unpack_results(folders: list[Path], output: Path) -> Path:
    """Unpack all results into one folder, later ones over earlier ones.

    Raises:
        ValueError: a folder holds none.
    """
    results = output / "results"
    shutil.rmtree(results, ignore_errors=True)
    stages = []
    for folder in folders:
        packed = folder / "results.tar.gz"
        if not packed.exists():
            raise ValueError(f"{folder} holds no results.tar.gz: give a folder that device/run.sh had as OUT")
        with tarfile.open(packed) as archive:
            archive.extractall(output, filter="data")
        stages.append((results / "stages.tsv").read_text())
    (results / "stages.tsv").write_text("".join(stages))
    name_commit(results)
    return results


def name_commit(results: Path) -> None:
    """Name the commit in results that were made where there is no git: that of device/prepare.sh."""
    commit = (results / "commit").read_text().strip()
    for path in results.rglob("*.json"):
        found = read(path)
        if found.get("commit") == "":
            write_json(found | {"commit": commit}, path)


def unpack_weights(folders: list[Path], results: Path, output: Path) -> Path | None:
    """Put the pieces of the weights together and unpack the model; None if no model was trained.

    Raises:
        ValueError: a piece is missing or damaged.
    """
    best = results / "best.json"
    pieces: dict[str, str] = json.loads(best.read_text()).get("pieces", {}) if best.exists() else {}
    if not pieces:
        return None
    whole = b""
    for name, digest in pieces.items():
        found = [folder / name for folder in folders if (folder / name).exists()]
        piece = found[-1].read_bytes() if found else b""
        if hashlib.sha256(piece).hexdigest() != digest:
            raise ValueError(f"{name} is {'damaged' if found else 'missing'}: fetch it again from the GPU machine")
        whole += piece
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        names = archive.getnames()
        shutil.rmtree(output / names[0], ignore_errors=True)
        archive.extractall(output, filter="data")
    return output / names[0]


def read(path: Path) -> dict[str, Any]:
    """A JSON file; empty if it is not there."""
    return json.loads(path.read_text()) if path.exists() else {}


def entry(results: Path, model: Path | None) -> str:
    """The entry of the log: what ran, on which card, and what came of it."""
    machine = read(results / "machine.json")
    card = machine.get("card") or machine.get("device") or "a machine whose stage `machine` did not end"
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    parts = [f"## {date} · What a GPU measured ({card})", f"Commit {(results / 'commit').read_text().strip()}."]
    parts += sections(results, machine)
    if model:
        size = sum(path.stat().st_size for path in model.rglob("*") if path.is_file()) / 2**20
        parts.append(f"The weights came back whole: {model.name}, {size:.1f} MiB.")
    return "\n\n".join(parts) + "\n"


def sections(results: Path, machine: dict[str, Any]) -> Iterator[str]:
    """The parts of the entry that have results."""
    stages = [line.split("\t") for line in (results / "stages.tsv").read_text().splitlines()]
    yield markdown(["stage", "exit code", "seconds"], stages)
    if machine:
        tera, giga = machine["matmul_flops_per_second"] / 1e12, machine["copied_bytes_per_second"] / 1e9
        packages = ", ".join(f"{name} {number}" for name, number in machine["versions"].items() if number)
        yield f"Matrix products {tera:.3g} TFLOP/s, copies {giga:,.3g} GB/s; {packages}."
    if (results / "tests.xml").exists():
        yield tests(results / "tests.xml")
    for path in sorted(results.glob("inference/*.json")):
        yield f"**Embedding, {path.stem}**"
        yield render_inference(read(path)).strip()
    for path in sorted(results.glob("training/*.json")):
        yield f"**Training, {path.stem}**"
        yield render_training(read(path)).strip()
        if shares := of_measured_rate(read(path), machine):
            yield shares
    if arms := read(results / "arms.json"):
        yield f"**Arms**, {arms['planned_steps']} steps of {arms['batch']} pairs each, all at once; recall on val"
        rows = [[arm, *(str(score.get(key, "")) for key in ARM_COLUMNS)] for arm, score in arms["arms"].items()]
        yield markdown(["arm", *ARM_COLUMNS], rows)
    if best := read(results / "best.json"):
        said = {key: best[key] for key in (*ARM_COLUMNS, "weights_of") if key in best}
        yield f"**Best arm for longer**, {best['arm']}: {json.dumps(said)}"
    if scores := sorted(results.glob("scores/*.json")):
        yield "**Scores on the validation splits**"
        yield score_table([read(path) for path in scores])


def tests(path: Path) -> str:
    """The counts of a junit file, and what failed with its first line."""
    suite = ET.parse(path).getroot().find("testsuite")
    assert suite is not None
    counts = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
    said = [f"Tests: {counts['tests']}, of them {counts['skipped']} skipped"]
    for case in suite.iter("testcase"):
        for kind in ("failure", "error"):
            if (broken := case.find(kind)) is not None:
                said.append(f"{case.get('name')}: {(broken.get('message') or kind).splitlines()[0][:200]}")
    said[0] += f", {counts['failures'] + counts['errors']} failed."
    return "\n- ".join(said)


def of_measured_rate(measured: dict[str, Any], machine: dict[str, Any]) -> str:
    """Each arm's FLOP/s as a share of the measured rate of matrix products, where `mfu` is that of the data sheet."""
    rate = machine.get("matmul_flops_per_second", 0) / 1e12
    shares = {
        arm: figures["model_tflops"] / rate
        for arm, figures in measured["arms"].items()
        if rate and "model_tflops" in figures
    }
    listed = ", ".join(f"{arm} {share:.0%}" for arm, share in shares.items())
    return listed and f"Of the measured rate of matrix products: {listed}."


def score_table(scores: list[dict[str, Any]]) -> str:
    """Models by the first metric of each task."""
    cells: dict[str, dict[str, str]] = {}
    for score in scores:
        name, metric = next(iter(score["metrics"].items()))
        cells.setdefault(score["model"], {})[f"{score['task']}, {name}"] = f"{100 * metric['value']:.1f}"
    heads = sorted({head for row in cells.values() for head in row})
    return markdown(
        ["model", *heads], [[model, *(row.get(head, "–") for head in heads)] for model, row in cells.items()]
    )


def put_above(log: Path, text: str) -> None:
    """Put an entry above the newest one of the log."""
    former = log.read_text()
    newest = re.search("^## ", former, re.MULTILINE)
    place = newest.start() if newest else len(former)
    log.write_text(f"{former[:place]}{text}\n{former[place:]}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 2 when something is missing or damaged."""
    parser = argparse.ArgumentParser(description="Collect what a GPU measured.", allow_abbrev=False)
    parser.add_argument("folder", nargs="+", type=Path, help="what device/run.sh had as OUT, call by call")
    parser.add_argument("--output", type=Path, required=True, help="folder for the model and the results")
    parser.add_argument("--log", type=Path, help="LOG.md, to put the entry into")
    options = parser.parse_args(arguments)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        results = unpack_results(options.folder, options.output)
        text = entry(results, unpack_weights(options.folder, results, options.output))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"collect.py: {sentence_of(error)}\n")
        return 2
    sys.stdout.write(text)
    if options.log:
        put_above(options.log, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
