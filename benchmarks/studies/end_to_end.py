"""Time a whole identification, from files to a table, and compare with vsearch; JSON out.

    python benchmarks/studies/end_to_end.py --data coi.tsv.gz --count 10000 \\
        --output benchmarks/studies/results/end_to_end.json

`--count` references of the split train, and as many other sequences of train, val and unseen_val as queries. Each way
is a command, and they run one after another. Costs are wall-clock seconds and CPU seconds (user and system).
`dnacse identify` calibrates probabilities; vsearch gives the best hit alone.
"""

import argparse
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.methods.programs import find_program, run
from benchmarks.report.result_files import write_json
from benchmarks.studies.command_line import has_keys, run_study, splits_of
from modeling_dnacse.commands.options import at_least
from modeling_dnacse.machine.plain_messages import plain_messages
from modeling_dnacse.machine.provenance import device_name
from modeling_dnacse.machine.signals import ending_on_signals

RANKS = ("species", "genus", "family", "order")
DNACSE = [sys.executable, "-m", "modeling_dnacse.cli"]


def write_files(data: str, count: int, seed: int, folder: Path) -> None:
    """Draw references and queries: library.fasta, with species and higher ranks in the headers, and queries.fasta."""
    needed = ("train", "val", "unseen_val")
    splits = splits_of(data, *needed)
    parts = [splits[name] for name in needed]
    sequences = [sequence for part in parts for sequence in part.sequences]
    labels = {rank: np.concatenate([part.labels[rank] for part in parts]) for rank in RANKS}
    train = len(parts[0].sequences)
    rng = np.random.default_rng(seed)
    library = rng.permutation(train)[:count]
    others = np.setdiff1d(np.arange(len(sequences)), library)
    with (folder / "library.fasta").open("w") as file:
        for row in library:
            names = " ".join(f"{rank}={labels[rank][row]}" for rank in RANKS if labels[rank][row])
            file.write(f">r{row} {names}\n{sequences[row]}\n")
    with (folder / "queries.fasta").open("w") as file:
        for row in rng.permutation(others)[:count]:
            file.write(f">q{row}\n{sequences[row]}\n")


def measured(command: list[object]) -> dict[str, float]:
    """Run a command: seconds of the wall clock, and CPU seconds of its processes."""
    used, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run(command)
    seconds, now = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return {"seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1)}


def run_all(args: argparse.Namespace) -> None:
    """Measure and write.

    Raises:
        ValueError: An option or a file is wrong.
    """
    vsearch = find_program("vsearch", "vsearch")
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_files(args.data, args.count, args.seed, folder)
        library, queries, index = folder / "library.fasta", folder / "queries.fasta", folder / "index"
        ways: dict[str, list[object]] = {
            "dnacse identify": [*DNACSE, "identify", queries, "--reference", library, "-o", folder / "calls.tsv"],
            "dnacse index": [*DNACSE, "index", library, "-o", index],
            "dnacse identify, index": [*DNACSE, "identify", queries, "--reference", index, "-o", folder / "again.tsv"],
        }
        for accepts in args.accepts:
            options = ["--maxaccepts", accepts, "--maxrejects", 32 if accepts == 1 else 256, "--threads", 2, "--quiet"]
            ways[f"vsearch, maxaccepts {accepts}"] = [
                *(vsearch, "--usearch_global", queries, "--db", library, "--strand", "both", "--id", 0.5, *options),
                *("--userout", folder / "hits.tsv", "--userfields", "query+target+id"),
            ]
        costs = {}
        for way, command in ways.items():
            costs[way] = measured(command)
            sys.stderr.write(f"{way}: {costs[way]}\n")
    about = {
        "references": args.count,
        "queries": args.count,
        "device": device_name(torch.device("cpu")),
        "ways": costs,
    }
    write_json(about, args.output)


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 2 when something was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0], allow_abbrev=False)
    parser.add_argument("--data", required=True)
    parser.add_argument("--count", type=at_least(1), default=10_000)
    parser.add_argument("--accepts", type=at_least(1), nargs="+", default=[1, 128], help="--maxaccepts of vsearch")
    parser.add_argument("--seed", type=at_least(0), default=0)
    parser.add_argument("--output", required=True, type=Path)
    return run_study(run_all, parser, arguments, has_keys("references", "queries", "ways"))


if __name__ == "__main__":
    sys.exit(main())
