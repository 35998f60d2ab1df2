"""What an index of many references costs, and what its search misses, in one run; JSON and a picture out.

    python benchmarks/studies/large_index.py --data coi.tsv.gz --folder runs/large \
        --output benchmarks/studies/results/large_index.json --plot benchmarks/studies/results/large_index.png

The references are made of the split train: each record becomes ancestors of species that lost `--apart` of its bases
to other ones (uniformly, up to this share), and each species has `--records` records that differ from it by up to
`--within`. A species keeps the family of its record; its genus is one of `--genera` a record. Queries are made
likewise of the references' species (half) and of species that were left out (half); a quarter of them are pieces of
200 bp. Each command runs in a process of its own, whose resident memory is read every half second.

The exact search is `SiteSearch`'s, over all references in parts: of each part it gives the best reference. Recall is
the share of queries whose nearest reference has the score, within 1e-4, of the best one of the exact search.
"""

import argparse
import os
import sys
import time
from itertools import islice
from pathlib import Path
from subprocess import Popen
from typing import Any

import numpy as np
import torch

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.studies.command_line import has_keys, run_study, splits_of, write_whole
from modeling_dnacse.commands.options import at_least, between
from modeling_dnacse.identification.identifier import Identifier
from modeling_dnacse.identification.large_libraries import LARGE
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.machine.atomic import all_or_none, whole_text
from modeling_dnacse.machine.outputs import check_new_folder
from modeling_dnacse.machine.pictures import save_picture
from modeling_dnacse.machine.plain_messages import plain_messages
from modeling_dnacse.machine.provenance import device_name
from modeling_dnacse.machine.signals import ending_on_signals
from modeling_dnacse.reading.sequences import read_fasta
from modeling_dnacse.vectors import cell_search
from modeling_dnacse.vectors.at_sites import read_sites, site_sums
from modeling_dnacse.vectors.cell_search import CellSearch
from modeling_dnacse.vectors.shared_sites import SiteSearch

DNACSE = [sys.executable, "-m", "modeling_dnacse.cli"]
PART = 100_000  # references that the exact search holds at once
PIECE = 200  # bp
MARGIN = 1.1  # more queries are made than are written
GENERA = 2  # of the species that are made of a record
SEED = 0


def mutated(bases: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Replace this share of bases by others."""
    places = rng.random(len(bases)) < share
    return np.where(places, (bases + rng.integers(1, 4, len(bases), np.uint8)) % 4, bases)


def write_files(args: argparse.Namespace) -> None:
    """Write library.fasta, named in its headers, and queries.fasta, whose ids tell known species from new ones."""
    rng = np.random.default_rng(SEED)
    train = splits_of(args.data, "train")["train"]
    letters = np.frombuffer(b"ACGT", np.uint8)
    texts = (np.frombuffer(sequence.encode(), np.uint8) for sequence in train.sequences)
    coded = [(np.searchsorted(letters, text) % 4).astype(np.uint8) for text in texts]
    families = train.labels["family"]
    queries: list[bytes] = []
    written = number = 0
    with whole_text(args.folder / "library.fasta") as file:
        while written < args.count:
            row = int(rng.integers(len(coded)))
            ancestor = mutated(coded[row], rng.uniform(0, args.apart), rng)
            genus = f"G{row}x{number % GENERA}"
            names = f"species={genus} s{number} genus={genus}" + (f" family={families[row]}" if families[row] else "")
            for _ in range(min(1 + int(rng.poisson(args.records - 1)), args.count - written)):
                record = letters[mutated(ancestor, rng.uniform(0, args.within), rng)].tobytes().decode()
                file.write(f">r{written} {names}\n{record}\n")
                written += 1
            for _ in range(rng.poisson(MARGIN * args.queries * args.records / args.count / 2)):
                queries.append(letters[mutated(ancestor, rng.uniform(0, args.within), rng)].tobytes())
                queries.append(letters[mutated(coded[row], rng.uniform(0, args.apart), rng)].tobytes())
            number += 1
    with whole_text(args.folder / "queries.fasta") as file:
        for place, row in enumerate(rng.permutation(len(queries))[: args.queries]):
            kind, bases = ("known", "new")[row % 2], queries[row]
            if place % 4 == 3 and len(bases) > PIECE:
                first = int(rng.integers(len(bases) - PIECE))
                kind, bases = f"{kind}_piece", bases[first : first + PIECE]
            file.write(f">{kind}_{place}\n{bases.decode()}\n")


def watched(command: list[object]) -> dict[str, Any]:
    """Run a command: seconds of the wall clock and of the CPU, the most resident memory in GiB, and it over time.

    Raises:
        ValueError: it failed.
    """
    start, memory = time.perf_counter(), []
    process = Popen([str(part) for part in command])
    pause = 0.5
    while not (waited := os.wait4(process.pid, os.WNOHANG))[0]:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        resident = next((int(line.split()[1]) / 2**20 for line in lines if line.startswith("VmRSS")), 0.0)
        memory.append((round(time.perf_counter() - start, 1), round(resident, 3)))
        time.sleep(pause)
    _, status, used = waited
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ValueError(f"dnacse {' '.join(map(str, command[len(DNACSE) :]))} failed; its own message is above")
    seconds = {
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
    }
    thinned = memory[:: max(1, len(memory) // 200)]
    return seconds | {"peak_gib": round(used.ru_maxrss / 2**20, 3), "memory": thinned}


def best_scores(identifier: Identifier, bases: np.ndarray) -> np.ndarray:
    """The best score of queries among all references, (q,), by the exact search in parts."""
    search = identifier.library.search
    assert isinstance(search, CellSearch)
    best = np.full(len(bases), -np.inf, np.float32)
    for first in range(0, len(search.order), PART):
        rows = search.order[first : first + PART]
        exact = SiteSearch(search.sites, np.asarray(search.bases[rows]), search.groups[first : first + PART])
        exact.core, exact.core_bits = search.core, search.core_bits  # of the whole library
        exact.core_sums = site_sums(search.sites, exact._in_core(exact.bases))
        exact.vectors = exact._unit(exact.core_sums)
        best = np.maximum(best, exact(bases).score[:, 0])
        sys.stderr.write(f"exact search: {first + len(rows):,} references\n")
    return best


@torch.inference_mode()
def recall(args: argparse.Namespace) -> dict[str, Any]:
    """Seconds to open the index in this process; of a sample of queries the recall, and seconds a 1,000 queries."""
    start = time.process_time(), time.perf_counter()
    identifier = Identifier.from_index(args.folder / "index")
    opened = time.process_time() - start[0], time.perf_counter() - start[1]
    search = identifier.library.search
    assert isinstance(search, CellSearch)
    records = list(islice(read_fasta(args.folder / "queries.fasta"), args.sample))
    encoder = identifier.encoder
    bases = read_sites(encoder.model, encoder.tokenizer, [record.sequence for record in records]).bases
    kinds = np.array([record.id.rpartition("_")[0] for record in records])
    placed = (bases < OTHER).any(1)
    exact = best_scores(identifier, bases)
    found: dict[str, Any] = {
        "cpu_seconds_to_open": round(opened[0], 1),
        "seconds_to_open": round(opened[1], 1),
        "cells": len(search.firsts),
    }
    for cells in args.cells:
        cell_search.CELLS = cells
        start = time.process_time()
        score = search(bases).score[:, 0]
        used = time.process_time() - start
        hit = np.abs(score - exact) < 1e-4
        shares = {kind: round(float(hit[placed & (kinds == kind)].mean()), 4) for kind in np.unique(kinds)}
        shares |= {"all": round(float(hit[placed].mean()), 4)}
        lost = float(np.max((exact - score)[placed]))
        found[f"looking into {cells} cells"] = {
            "cpu_seconds_per_1000": round(1000 * used / len(bases), 2),
            "recall": shares,
            "most_score_lost": round(lost, 4),
        }
        sys.stderr.write(f"{cells} cells: {found[f'looking into {cells} cells']}\n")
    return found


def draw(path: Path, runs: dict[str, dict[str, Any]]) -> None:
    """Draw memory over time of all commands."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for name, run in runs.items():
        seconds, gib = zip(*run["memory"], strict=True)
        axes.plot(np.array(seconds) / 60, gib, label=f"{name}: at most {run['peak_gib']:.1f} GiB")
    axes.axhline(4, color="grey", linestyle=":")
    axes.set(xlabel="minutes", ylabel="resident memory, GiB", ylim=(0, None), xlim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    save_picture(figure, path)


def run_all(args: argparse.Namespace) -> None:
    """Measure and write.

    Raises:
        ValueError: An option or a file is wrong.
    """
    check_new_folder(args.folder, [args.data], parents=True)
    args.folder.mkdir(parents=True, exist_ok=True)
    library, queries, index = (args.folder / name for name in ("library.fasta", "queries.fasta", "index"))
    write_files(args)
    runs: dict[str, dict[str, Any]] = {}
    ways: dict[str, list[object]] = {
        "index": [*DNACSE, "index", library, "-o", index],
        "identify": [*DNACSE, "identify", queries, "--reference", index, "-o", args.folder / "calls.tsv"],
    }
    for name, command in ways.items():
        runs[name] = watched(command)
        sys.stderr.write(f"{name}: {runs[name]['seconds']} s, at most {runs[name]['peak_gib']} GiB\n")
    about = {
        "references": args.count,
        "queries": args.queries,
        "device": device_name(torch.device("cpu")),
        "index_bytes": {file.name: file.stat().st_size for file in sorted(index.iterdir())},
        "runs": runs,
        "search": recall(args),
    }
    with all_or_none():
        write_whole(about, args.output)
        draw(args.plot, runs)


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 2 when something was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0], allow_abbrev=False)
    add = parser.add_argument
    add("--data", required=True)
    add("--count", type=at_least(LARGE), default=1_000_000, help="references; fewer than the least are not in cells")
    add("--records", type=between(1.0, 1e6), default=8, help="of a species, on average")
    add("--apart", type=between(0.0, 1), default=0.15)
    add("--within", type=between(0.0, 1), default=0.015)
    add("--queries", type=at_least(1), default=1_000_000)
    add("--sample", type=at_least(1), default=1000, help="queries of the exact search")
    add("--cells", type=at_least(1), nargs="+", default=[16, 32, 64, 128])
    add("--folder", type=Path, required=True, help="of library, queries, index and calls; a new one")
    add("--output", required=True, type=Path)
    add("--plot", required=True, type=Path)
    return run_study(run_all, parser, arguments, has_keys("references", "queries", "runs", "search"))


if __name__ == "__main__":
    sys.exit(main())
