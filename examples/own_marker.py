"""Make a model of your own marker, and see what it gets right on records that it never saw.

    python examples/own_marker.py LIBRARY.tsv OUT_FOLDER

LIBRARY is any labelled library of one marker (docs/formats.md). Of each species with three records or more, one is
held out, and so are all records of every tenth species. OUT_FOLDER gets the model of the others (`dnacse adapt`), the
calls of what was held out (`dnacse identify`), and how many of them are right.
"""

import argparse
import csv
import sys
from collections import Counter, defaultdict
from pathlib import Path

from modeling_dnacse.cli import main as dnacse
from modeling_dnacse.machine.outputs import check_new_folder
from modeling_dnacse.machine.scratch import new_folder
from modeling_dnacse.reading.labels import LabelledRecord, read_records


def held_out(records: list[LabelledRecord]) -> set[str]:
    """The ids of the records that the model does not see."""
    species: dict[str, list[str]] = defaultdict(list)
    for record in records:
        if name := record.labels.get("species"):
            species[name].append(record.id)
    ids: set[str] = set()
    for number, known in enumerate(species.values()):
        ids |= set(known if number % 10 == 9 else known[-1:] if len(known) > 2 else [])
    return ids


def write_records(path: Path, records: list[LabelledRecord]) -> None:
    """Write a table with the names of each record; FASTA would cut ids at blanks."""
    ranks = sorted({rank for record in records for rank in record.labels})
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["id", *ranks, "sequence"])
        for record in records:
            table.writerow([record.id, *(record.labels.get(rank, "") for rank in ranks), record.sequence])


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args(arguments)
    library, queries, model, calls = (
        args.folder / name for name in ("library.tsv", "queries.tsv", "model", "calls.tsv")
    )
    try:
        records = list(read_records(args.library))
        away = held_out(records)
        check_new_folder(args.folder, [args.library])
        with new_folder(args.folder, library, queries):
            for path, is_away in ((library, False), (queries, True)):
                write_records(path, [record for record in records if (record.id in away) == is_away])
            dnacse(["adapt", str(library), "-o", str(model)])
    except (ValueError, OSError) as error:
        parser.error(str(error))
    dnacse(["identify", str(queries), "--reference", str(library), "--model", str(model), "-o", str(calls)])

    truth = {record.id: record.labels for record in records}
    known = {record.labels.get("species") for record in records if record.id not in away}
    with calls.open(encoding="utf-8", newline="") as file:
        told: Counter[tuple[bool, str, bool]] = Counter()
        for call in csv.DictReader(file, delimiter="\t"):
            names, rank = truth[call["id"]], call["rank"]
            told[names.get("species") in known, rank, names.get(rank) == call["call"]] += 1
    for (is_known, rank, is_right), count in sorted(told.items(), reverse=True):
        what = "species in the library" if is_known else "species that the library lacks"
        outcome = f"called at {rank}, {'right' if is_right else 'wrong'}" if rank else "not called"
        sys.stdout.write(f"{count:>6,}  {what}: {outcome}\n")


if __name__ == "__main__":
    main()
