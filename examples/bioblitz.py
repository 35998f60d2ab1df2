"""The species list of a bioblitz: who was found where, and what may be new.

    python examples/bioblitz.py LIBRARY.fasta OUT_FOLDER MEADOW.fasta POND.fasta ...

Each file, FASTA or a table, holds the barcodes of one place. OUT_FOLDER gets calls.tsv and calls.png
(`dnacse identify --plot`), and species.tsv: a row for each taxon that was called, with the number of specimens at each
place. Specimens that are likely of a species that the library lacks are clustered (`dnacse cluster`). Each cluster is
a row, too: one species that the library lacks, with the genus or family that it was called at.
"""

import argparse
import csv
from collections import Counter, defaultdict
from pathlib import Path

from modeling_dnacse import read_labelled
from modeling_dnacse.cli import main as dnacse
from modeling_dnacse.machine.atomic import whole_text
from modeling_dnacse.machine.outputs import check_new_folder
from modeling_dnacse.machine.scratch import new_folder

LIKELY_NEW = "likely a species that the library lacks"  # in the notes of `dnacse identify`


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a tab-separated table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("library", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("places", type=Path, nargs="+")
    args = parser.parse_args(arguments)
    places = [path.stem for path in args.places]
    if len(set(places)) < len(places):
        parser.error(f"two files have one name ({', '.join(places)}); name each after its place")
    calls, new, clusters = (args.folder / name for name in ("calls.tsv", "new.tsv", "clusters.tsv"))
    plot = str(args.folder / "calls.png")
    command = ["identify", *map(str, args.places), "--reference", str(args.library), "-o", str(calls), "--plot", plot]
    try:
        check_new_folder(args.folder, [args.library, *args.places])
        with new_folder(args.folder):
            dnacse(command)
    except (ValueError, OSError) as error:
        parser.error(str(error))

    specimens = [(path.stem, record["sequence"]) for path in args.places for record in read_labelled(path)]
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)  # name and rank -> specimens at each place
    unnamed: dict[str, tuple[str, str, str]] = {}  # id -> place, sequence, what is known of it
    for call, (place, sequence) in zip(rows_of(calls), specimens, strict=True):  # both in the order of the files
        if LIKELY_NEW in call["note"]:
            unnamed[call["id"]] = place, sequence, call["call"] or "unknown"
        elif call["call"]:
            found[call["call"], call["rank"]][place] += 1
    if unnamed:
        with new.open("w", encoding="utf-8", newline="") as file:  # FASTA would cut ids at blanks
            csv.writer(file, delimiter="\t", lineterminator="\n").writerows(
                [("id", "sequence"), *((name, sequence) for name, (_, sequence, _) in unnamed.items())]
            )
        dnacse(["cluster", str(new), "-o", str(clusters)])
        for row in rows_of(clusters):
            _, _, kin = unnamed[row["representative"]]
            found[f"{kin}, new {row['cluster']}", "likely new species"][unnamed[row["id"]][0]] += 1

    with whole_text(args.folder / "species.tsv") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["taxon", "rank", *places])
        for (taxon, rank), counts in sorted(found.items(), key=lambda item: (item[0][1] != "species", item[0])):
            table.writerow([taxon, rank, *(counts[place] for place in places)])


if __name__ == "__main__":
    main()
