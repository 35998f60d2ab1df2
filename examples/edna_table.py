"""Name the ASVs of an eDNA study and sum their counts by taxon.

    python examples/edna_table.py ASVS.fasta COUNTS.tsv LIBRARY.fasta OUT_FOLDER

COUNTS.tsv has a row for each ASV, whose first column is its id, and a column for each sample, as DADA2, QIIME 2 and
vsearch export it. OUT_FOLDER gets calls.tsv (what `dnacse identify` says of each ASV) and taxa.tsv: a row for each
taxon that was called, with its rank, its number of ASVs and its counts in each sample. The last two rows are ASVs that
are likely of species that the library lacks, whatever their call, and ASVs without a call.
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

from modeling_dnacse.cli import main as dnacse

NEW, UNNAMED = "(likely new species)", "(no call)"


def read_table(path: Path) -> list[list[str]]:
    """The rows of a tab-separated file; comments of QIIME 2 before the line of column names are left out."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.reader(file, delimiter="\t") if row and not row[0].startswith("# ")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("asvs", "counts", "library", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--confidence", default="0.95", help="of the calls; default: %(default)s")
    args = parser.parse_args(arguments)
    args.folder.mkdir(exist_ok=True)
    calls = args.folder / "calls.tsv"
    command = ["identify", str(args.asvs), "--reference", str(args.library), "-o", str(calls)]
    dnacse([*command, "--confidence", args.confidence])

    (_, *samples), *rows = read_table(args.counts)
    counts = {row[0]: [float(number) for number in row[1:]] for row in rows}
    totals: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * (1 + len(samples)))
    with calls.open(encoding="utf-8", newline="") as file:
        for call in csv.DictReader(file, delimiter="\t"):
            if call["id"] not in counts:
                parser.error(f"{args.counts} has no row for {call['id']}; it must have one for each ASV")
            taxa = [(call["rank"], call["call"]) if call["call"] else ("", UNNAMED)]
            if float(call["new_species_probability"] or 0) >= float(args.confidence):
                taxa.append(("", NEW))
            for taxon in taxa:
                totals[taxon] = [a + b for a, b in zip(totals[taxon], [1, *counts[call["id"]]], strict=True)]
    with (args.folder / "taxa.tsv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["taxon", "rank", "asvs", *samples])
        for (rank, taxon), sums in sorted(totals.items(), key=lambda item: (not item[0][0], -sum(item[1][1:]))):
            table.writerow([taxon, rank, *(f"{number:g}" for number in sums)])


if __name__ == "__main__":
    main()
